/* When a validation that did not pass is made again. */
#ifndef CAIRN_RA_RETRY_H
#define CAIRN_RA_RETRY_H

#include "ra/jobs.h"

/* In so many seconds; negative: what it says is final. */
int64_t retry_after_s(const struct job *job, const struct validation_result *result);

#endif
