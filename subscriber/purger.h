/* What ends what has come to its end (docs/retention.md): one instance at a time, by a lease, in batches so small that nobody waits
 * for them. The rules and their keeping are db/functions/cairn_retention.sql. */
#ifndef CAIRN_SUBSCRIBER_PURGER_H
#define CAIRN_SUBSCRIBER_PURGER_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "subscriber/rounds.h"

/* Puts what the configuration says of retention in force, as far as it is new, and starts the thread. instance: holder of the
 * lease; borrowed, as the configuration is. */
int purger_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void purger_stop(void);

/* One round, for the thread and for tests. Nothing is done without the lease. */
struct purger {
	const char *instance;
	int64_t floor_s;
	const struct rounds *thread; /* NULL: of none, so that it can't be told to stop */
};
int purger_round(struct ctx *c, const struct purger *p) MUST_CHECK;

extern const struct statement *const purger_statements[];
extern const size_t purger_n_statements;

#endif
