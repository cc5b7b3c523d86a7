/* What the kernel knows about this process (/proc/self), for /metrics. */
#ifndef CAIRN_BASE_PROCESS_STAT_H
#define CAIRN_BASE_PROCESS_STAT_H

#include "lib/base/bytes.h"

struct process_stat {
	double cpu_s;
	double started_s; /* since 1970 */
	int64_t resident_octets;
	int64_t open_files;
	int64_t max_files;
};

/* What can't be read is 0. */
void process_stat_read(struct process_stat *ret);

#endif
