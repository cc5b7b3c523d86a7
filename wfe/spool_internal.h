/* The insides of the spool, shared by what opens it (spool_open.c), writes it (spool.c) and reads it (spool_read.c). */
#ifndef CAIRN_WFE_SPOOL_INTERNAL_H
#define CAIRN_WFE_SPOOL_INTERNAL_H

#include <pthread.h>

#include "wfe/segment.h"

struct segment {
	uint64_t first; /* number of its first record */
	size_t octets;
};

struct spool {
	struct spool_options options;
	char instance[ID_TEXT_SIZE];
	int folder;
	int lock;
	pthread_mutex_t mutex;    /* for all that follows */
	struct segment *segments; /* oldest first; the last is the one written to */
	size_t n_segments;
	size_t octets;
	uint64_t next; /* number of the next record */
	int fd;        /* of the last segment */
	bool dirty;    /* not synced yet */
	bool broken;   /* the disk failed a sync: what it holds is unknown, so nothing more is accepted */
	/* of the reader */
	uint64_t read_first; /* segment it is in; 0: the oldest */
	size_t read_offset;
};

/* Makes the file of a new last segment and opens it. */
int spool_add_segment(struct ctx *c, struct spool *s, uint64_t first) MUST_CHECK;

/* Puts a segment behind the others in memory. */
void spool_list_segment(struct spool *s, struct segment segment);

#endif
