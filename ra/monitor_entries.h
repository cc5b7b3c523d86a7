/* What is looked for in the entries of a transparency log (H-17): those of our certificates, and those under our keys that are not ours. */
#ifndef CAIRN_RA_MONITOR_ENTRIES_H
#define CAIRN_RA_MONITOR_ENTRIES_H

#include "lib/ct/leaf.h"
#include "lib/seal/merkle.h"
#include "ra/monitor_rows.h"

struct entry_issuer; /* a key of ours */

struct entries {
	const struct ct_log *log;
	const char *process;
	struct entry_issuer *issuers;
	size_t n;
	bool told; /* there was an entry that is an incident */
};

/* Reads which keys are ours; in the arena of c. */
int entries_begin(struct ctx *c, const struct ct_log *log, const char *process, struct entries *ret) MUST_CHECK;

/* Records what the leaves, of which the first has number `from`, mean to us. Fails as the database does: a leaf itself is never at fault
 * for this CA. */
int entries_look(struct ctx *c, struct entries *e, uint64_t from, const struct ct_leaf_list *leaves) MUST_CHECK;

/* The leaf that the log promised by its SCT in that certificate; its place, where the SCT says it. */
int entries_due_leaf(struct ctx *c, const struct sct_due *due, const struct ct_log *log, struct merkle_hash *ret,
    uint64_t *ret_at) MUST_CHECK;

#endif
