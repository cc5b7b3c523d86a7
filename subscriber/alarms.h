/* Alarms are told over the channels of the configuration until somebody has acknowledged them (F-70, docs/alarms.md). */
#ifndef CAIRN_SUBSCRIBER_ALARMS_H
#define CAIRN_SUBSCRIBER_ALARMS_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Reads what the channels need, before a sandbox closes. MALFORMED: a channel that can't be. Everything in the arena of c. */
int alarms_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* Starts the thread that looks and tells, while this instance has the lease; `instance` is borrowed. */
int alarms_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void alarms_stop(void);

extern const struct statement *const alarms_statements[];
extern const size_t alarms_n_statements;

#endif
