/* The job that does what logs have to be asked for behind the calls: orders that still lack SCTs, and certificates that are to be shown
 * to a log. One thread takes rows from the two queues in the database, orders first, and hands them to workers. */
#ifndef CAIRN_RA_PROMISE_JOB_H
#define CAIRN_RA_PROMISE_JOB_H

#include "lib/base/config.h"
#include "ra/promise.h"

#define PROMISE_WORKERS 16

/* Reads the list of logs and starts the job. Nothing when there is no ct.log_list_file. */
int promise_start(struct ctx *c, const struct config *config) MUST_CHECK;

/* There is something to be taken at once. */
void promise_job_wake(void);

/* Nothing more is taken, and no log is awaited, in calls neither: what was under way is due again at once. */
void promise_end(void);

/* That, and waits for the threads. */
void promise_stop(void);

#endif
