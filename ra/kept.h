/* Evidence that the database could not take waits on disk (ra.evidence_dir), so that what took place is on record when it is back,
 * also over a restart: one file for each record, bounded in number and size. What does not fit is counted, and an event tells of it. */
#ifndef CAIRN_RA_KEPT_H
#define CAIRN_RA_KEPT_H

#include "lib/base/config.h"
#include "lib/db/db.h"

enum kept_kind { KEPT_VALIDATION, KEPT_CAA, KEPT_LATE, KEPT_KINDS };

/* Makes the folder, if one is configured; before the sandbox. SERVER_INTERNAL: it can't be used. */
int kept_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* The parameters of the kind's statement, by the id of the record. False: it is lost, which is counted and logged. */
bool kept_put(struct ctx *c, enum kept_kind kind, struct id id, const void *params);

/* Nothing was refused: the database did not answer, or not in time. */
bool kept_is_away(const struct err *err);

/* Brings some of what waits into the database, and tells of what was lost; from one thread, every second or so. It leaves at the first
 * call that the database does not answer, and when goes_on() says no. */
void kept_record(bool (*goes_on)(void));

#endif
