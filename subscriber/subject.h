/* What is held about an account, for its holder (docs/privacy.md). */
#ifndef CAIRN_SUBSCRIBER_SUBJECT_H
#define CAIRN_SUBSCRIBER_SUBJECT_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Once, before the RPC server starts. */
void subject_configure(const struct config *config, const char *process);

extern const struct statement subject_statement;

#endif
