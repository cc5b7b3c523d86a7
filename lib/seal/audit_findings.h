/* What an audit of the sealed log found: each finding names the row, or the part of the tree, that is not as it was sealed. */
#ifndef CAIRN_SEAL_AUDIT_FINDINGS_H
#define CAIRN_SEAL_AUDIT_FINDINGS_H

#include "lib/base/fields.h"

#define AUDIT_FINDINGS_MAX 1000

struct audit_finding {
	const char
	    *what; /* changed, deleted, inserted, moved, doubled, missing, personal, tile, checkpoint, split, waiting */
	const char *table; /* of the row; NULL: of no row */
	const char *row;   /* its id */
	int64_t leaf;      /* -1: none */
	const char *text;  /* a sentence */
};
struct audit_finding_list {
	struct audit_finding *v;
	size_t n;
};

struct audit_report {
	struct arena *arena; /* of the texts */
	int64_t leaves;
	int64_t entries;     /* whose words were compared with their leaves */
	int64_t checkpoints; /* that were checked */
	int64_t witnessed;   /* of witnesses, that were compared */
	int64_t erased;      /* rows and personal fields that are gone by a recorded erasure */
	int64_t waiting;     /* rows that have no seal yet */
	const char *key;
	bool key_was_given; /* else it is the word of the database itself */
	bool stopped;       /* by a signal, before all was looked at */
	int64_t found;      /* all findings, of which the first AUDIT_FINDINGS_MAX are kept */
	struct audit_finding_list findings;
};

void audit_report_init(struct audit_report *r, struct arena *a);

/* row may be NULL; the rest as in struct audit_finding. */
struct audit_place {
	const char *table;
	const char *row;
	int64_t leaf;
};
void audit_find(struct audit_report *r, const char *what, const struct audit_place *place, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
