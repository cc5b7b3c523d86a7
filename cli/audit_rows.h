/* What `cairn audit` reads of the log as role cairn_auditor. */
#ifndef CAIRN_CLI_AUDIT_ROWS_H
#define CAIRN_CLI_AUDIT_ROWS_H

#include "cli/replay.h"

/* Which records; ids sort by time. */
struct audit_range {
	struct id after; /* not this one */
	struct id before;
	struct id_list authorizations; /* empty: of all */
};

struct replay_record_list {
	struct replay_record *v;
	size_t n;
};

/* The next records of the range, oldest first; fewer than AUDIT_BATCH only at its end. */
#define AUDIT_BATCH 200
int audit_read(struct ctx *c, const struct audit_range *range, struct replay_record_list *ret) MUST_CHECK;

/* The authorizations of an order, named by its id, or, when that is none, by the serial of its certificate. NOT_FOUND. */
int audit_find_order(struct ctx *c, struct id order_id, struct bytes serial, struct id_list *ret) MUST_CHECK;

extern const struct statement *const audit_statements[];
extern const size_t audit_statements_n;

#endif
