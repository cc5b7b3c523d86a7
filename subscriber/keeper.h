/* What keeps the log able to take rows: its partitions are made ahead of time, by whichever instance has the lease, which also says
 * what is overdue. */
#ifndef CAIRN_SUBSCRIBER_KEEPER_H
#define CAIRN_SUBSCRIBER_KEEPER_H

#include "lib/db/db.h"

/* cairn.take_lease: what one instance at a time does. */
struct lease_params {
	const char *duty;
	const char *holder;
	int64_t seconds;
};
struct lease_row {
	bool taken;
};
extern const struct statement subscriber_take_lease_statement;
extern const struct statement subscriber_note_roles_statement;
extern const struct statement subscriber_make_partitions_statement;
extern const struct statement subscriber_forget_limits_statement;
extern const struct statement subscriber_learn_sets_statement;
extern const struct statement subscriber_overdue_statement;

/* Makes what is missing at once, then looks again every hour in a thread of its own. instance: holder of the lease.
 * learns_sets: rate limits are on that have to know which orders are renewals. */
int keeper_start(struct ctx *c, const char *instance, bool learns_sets) MUST_CHECK;
void keeper_stop(void);

#endif
