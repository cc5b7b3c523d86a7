/* This CA as a witness of other logs (C2SP tlog-witness): it cosigns a checkpoint when it goes on from the one that it saw last, and has
 * that on record before it signs. */
#ifndef CAIRN_SUBSCRIBER_WITNESS_H
#define CAIRN_SUBSCRIBER_WITNESS_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Before the sandbox: reads the key, if one is configured; what it holds lives as long as the arena of c. */
int witness_open(struct ctx *c, const struct config *config) MUST_CHECK;

extern const struct statement *const witness_statements[];
extern const size_t witness_n_statements;

#endif
