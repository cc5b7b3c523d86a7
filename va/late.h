/* Reports of answers that came when the quorum was decided: a list and a thread, so that nobody waits for the registration
 * authority. At most a thousand wait, and of 64 MiB. What finds no room, can't be reported for ten minutes, or has had no record to belong to for one, is counted and logged. */
#ifndef CAIRN_VA_LATE_H
#define CAIRN_VA_LATE_H

#include "lib/rpc/messages.h"

struct late;

struct late *late_start(void);
/* Copies the report. */
void late_report(struct late *l, const struct record_late_request *report, struct id request_id);
/* Reports that are left are tried for as long as deadline_ms goes. NULL is fine. */
void late_stop(struct late *l, int64_t deadline_ms);

#endif
