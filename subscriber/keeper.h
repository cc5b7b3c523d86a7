/* What keeps the log able to take rows: its partitions are made ahead of time, by whichever instance has the lease. */
#ifndef CAIRN_SUBSCRIBER_KEEPER_H
#define CAIRN_SUBSCRIBER_KEEPER_H

#include "lib/db/db.h"

extern const struct statement subscriber_take_lease_statement;
extern const struct statement subscriber_make_partitions_statement;
extern const struct statement subscriber_forget_limits_statement;

/* Makes what is missing at once, then looks again every hour in a thread of its own. instance: holder of the lease. */
int keeper_start(struct ctx *c, const char *instance) MUST_CHECK;
void keeper_stop(void);

#endif
