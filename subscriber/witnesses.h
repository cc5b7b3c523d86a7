/* Tells the witnesses of the configuration of new checkpoints and keeps their cosignatures, beside the sealing, which never waits
 * for them: one instance at a time, by the lease `witnesses`. */
#ifndef CAIRN_SUBSCRIBER_WITNESSES_H
#define CAIRN_SUBSCRIBER_WITNESSES_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Before the sandbox: opens files, reads keys and certificates; what it holds lives as long as the arena of c. */
int witnesses_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* The thread, if there is a witness. instance: holder of the lease. */
int witnesses_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void witnesses_stop(void);

extern const struct statement *const witnesses_statements[];
extern const size_t witnesses_n_statements;

#endif
