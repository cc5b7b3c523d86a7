/* Processor time of processes, from /proc. */
#ifndef CAIRN_CLI_BENCH_CPU_H
#define CAIRN_CLI_BENCH_CPU_H

#include <sys/types.h>

#include "lib/base/bytes.h"

/* User and system seconds that these processes and all their descendants have used, those that have ended and were
 * waited for included. Each process counts once, however many of its ancestors are in the list. Processes that are not
 * there count nothing. */
double bench_cpu_seconds(const pid_t *pids, size_t n);

/* Of this process. */
double bench_cpu_own_seconds(void);

#endif
