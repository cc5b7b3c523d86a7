/* The threads that hold transparency logs to what they promised (ra/monitor.h). They touch no order, and no order waits for them. */
#ifndef CAIRN_RA_MONITOR_JOB_H
#define CAIRN_RA_MONITOR_JOB_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

#define MONITOR_THREADS 2

/* Nothing without ct.log_list_file, or where ct.monitor is off. After promise_start, which reads the list. */
int monitor_start(struct ctx *c, const struct config *config) MUST_CHECK;

/* After promise_end, which ends what is asked of logs. */
void monitor_stop(void);

#endif
