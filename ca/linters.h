/* By which linters certificates are looked at before they are signed, on record by their versions (F-31): our own rows, and those of the
 * outside linter. */
#ifndef CAIRN_CA_LINTERS_H
#define CAIRN_CA_LINTERS_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Asks the outside linter, if there is one, and records what changed: at the start, as nothing is signed without a record, and now and
 * then. When it does not tell, what it told before counts; before that its version is "unknown". Fails when the database takes no record. */
int linters_learn(struct ctx *c, const struct config_ca *config, const char *process) MUST_CHECK;

/* linters_learn when the last time was a minute ago or more; what goes wrong is a line of the log. */
void linters_refresh(const struct config_ca *config, const char *process);

/* An alarm when the outside linter gave no answer about a certificate, once for as long as it goes on (F-32, F-70). */
void linters_tell(const struct config_ca *config, const char *process);

/* The id of the set that is on record, into the arena; NULL before the first. */
const char *linters_set(struct arena *a);

extern const struct statement linters_statement;
extern const struct statement linter_alarm_statement;

#endif
