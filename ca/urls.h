/* Whether the URLs that certificates of this CA name lead to what they should, looked at all the time from this machine (D-15). */
#ifndef CAIRN_CA_URLS_H
#define CAIRN_CA_URLS_H

#include "lib/db/db.h"

/* One thread that looks at the start and every ca.urls_probe_s, sooner while something is wrong; none when that is 0. What stays wrong is an
 * error of the log, the metric url_faults and an alarm. */
int urls_start(struct ctx *c) MUST_CHECK;
/* Waits for its end, a second or so. Fine when it never started. */
void urls_stop(void);

/* NULL, or why nothing is issued yet: where it is required, all URLs of the active issuers have to have been right at one look since the start. */
const char *urls_fault(void);

extern const struct statement url_alarm_statement;

#endif
