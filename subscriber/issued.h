/* Certificates are read back some time after their issuance and compared with their records (F-34): one instance at a time, by a lease, in
 * batches. What differs is an alarm: an event, a metric, a line of the log, and of `cairn doctor`. It is done here, as the CA that signed is not
 * the one to ask. */
#ifndef CAIRN_SUBSCRIBER_ISSUED_H
#define CAIRN_SUBSCRIBER_ISSUED_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "policy/profiles.h"
#include "subscriber/rounds.h"

/* instance: holder of the lease, borrowed as the configuration is. */
int issued_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void issued_stop(void);

/* One round, for the thread and for tests. Nothing is done without the lease. */
struct issued_checker {
	const char *instance;
	enum policy_mode mode;
	int64_t settled_s;           /* whose octets were fixed so long ago is signed, or never will be */
	const struct rounds *thread; /* NULL: of none, so that it can't be told to stop */
};
int issued_round(struct ctx *c, const struct issued_checker *k) MUST_CHECK;

extern const struct statement *const issued_statements[];
extern const size_t issued_n_statements;

#endif
