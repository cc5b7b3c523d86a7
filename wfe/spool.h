/* The spool: records that are durable on this machine before a request acts, and that wait here until they are in the
 * database. A folder with segments, each a file of records one behind the other; a segment is deleted when all it holds
 * is in the database. Every record has a number that only rises.
 *
 * A request has a record BEGIN before its step acts and a record END before its answer leaves. One that begins and never
 * ends because the process died gets a record LOST when the spool is opened again, so that each BEGIN has exactly one
 * other record behind it. All functions are safe from all threads, except those of the one reader. */
#ifndef CAIRN_WFE_SPOOL_H
#define CAIRN_WFE_SPOOL_H

#include "lib/base/ctx.h"

enum spool_kind { SPOOL_BEGIN = 1, SPOOL_END = 2, SPOOL_LOST = 3 };

struct spool_record {
	uint64_t number;
	enum spool_kind kind;
	struct id request;
	struct bytes payload;
};

struct spool_record_list {
	struct spool_record *v;
	size_t n;
};

struct spool_options {
	const char *dir;       /* exists and is writable */
	size_t segment_octets; /* a new segment is begun beyond this */
	size_t limit_octets;   /* no request begins while the segments hold more than this */
};

#define SPOOL_SEGMENT_OCTETS ((size_t) 16 * 1024 * 1024)
#define SPOOL_LIMIT_OCTETS ((size_t) 1024 * 1024 * 1024)
#define SPOOL_PAYLOAD_MAX ((size_t) 1024 * 1024)

struct spool;

/* Takes the folder for this process alone, cuts a record that was torn when the machine stopped, and adds LOST for each
 * request without an end. SERVER_INTERNAL: another process has it, it can't be written, or a record before the last
 * segment's tail is damaged. */
int spool_open(struct ctx *c, const struct spool_options *options, struct spool **ret) MUST_CHECK;
void spool_close(struct spool *s);

/* The name of this spool: 22 random characters that stay with the folder. */
const char *spool_instance(const struct spool *s);

/* Hands the record to the operating system: from now on the end of this process can't lose it. UNAVAILABLE: it was not
 * written, or (BEGIN only) the spool holds too much. */
int spool_append(
    struct ctx *c, struct spool *s, enum spool_kind kind, struct id request, struct bytes payload) MUST_CHECK;

/* Hands what was appended to the disk: from now on the machine's end can't lose it. */
int spool_sync(struct ctx *c, struct spool *s) MUST_CHECK;

/* The number of the record that comes next. */
uint64_t spool_next(struct spool *s);

/* Why nothing can be appended, as a sentence, or NULL. */
const char *spool_refusal(struct spool *s);

/* The reader: records from where the last read ended, about max_octets of them (at least one if there is one), in the
 * arena of c; none when it has read all. spool_rewind: the next read starts at the oldest segment. */
int spool_read(struct ctx *c, struct spool *s, size_t max_octets, struct spool_record_list *ret) MUST_CHECK;
void spool_rewind(struct spool *s);

/* Deletes the segments all of whose records have numbers below this one. */
void spool_forget(struct spool *s, uint64_t below);

#endif
