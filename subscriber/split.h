/* Two checkpoints of one log that can't both be true: an event of the sealed log, a metric that stays and an error in the log, so that nobody
 * overlooks what witnesses are for (F-46). */
#ifndef CAIRN_SUBSCRIBER_SPLIT_H
#define CAIRN_SUBSCRIBER_SPLIT_H

#include "lib/db/db.h"

/* Reads what is on record of before. `instance` stays the caller's, for the life of the process. */
int split_start(struct ctx *c, const char *instance) MUST_CHECK;

/* seen: the checkpoint that was known, NULL for this log's own newest one; shown: what contradicts it. One that cannot be recorded is told
 * in the process' log at least. */
void split_tell(struct ctx *c, const char *origin, const char *seen, const char *shown);

extern const struct statement *const split_statements[];
extern const size_t split_n_statements;

#endif
