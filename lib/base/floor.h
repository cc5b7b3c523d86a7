/* The least time that records are kept where the Baseline Requirements rule. */
#ifndef CAIRN_BASE_FLOOR_H
#define CAIRN_BASE_FLOOR_H

#include "lib/base/config.h"

/* Seconds: two years beyond the end of the last certificate that a record can serve, by the profiles of the configuration (BR
 * 5.4.3; F-50, F-53); 0 in private mode, which has no such floor. */
int64_t retention_floor_s(const struct config *config);

#endif
