/* Processor time of processes, from /proc. */
#ifndef CAIRN_CLI_BENCH_CPU_H
#define CAIRN_CLI_BENCH_CPU_H

#include <sys/types.h>

#include "lib/base/bytes.h"

#define BENCH_CPU_NAME_MAX 64
#define BENCH_CPU_ROWS_MAX 32 /* names beyond count in the sum only */

struct bench_cpu_row {
	char name[BENCH_CPU_NAME_MAX];
	double seconds;
};

/* Of all processes together, and of those of each name. */
struct bench_cpu {
	double seconds;
	struct bench_cpu_row row[BENCH_CPU_ROWS_MAX];
	size_t n;
};

/* User and system seconds that these processes and all their descendants have used, those that have ended and were
 * waited for included (under the name of who waited). Each process counts once, however many of its ancestors are in the
 * list. Processes that are not there count nothing. */
void bench_cpu_read(const pid_t *pids, size_t n, struct bench_cpu *ret);

/* What was used between the two, the largest first; names that used nothing are left out. */
void bench_cpu_since(const struct bench_cpu *before, const struct bench_cpu *after, struct bench_cpu *ret);

/* The name of a row: the process's own, and for a backend of PostgreSQL, whose title says so, the role that it serves:
 * "postgres cairn_ra". */
void bench_cpu_name(const char *process, const char *title, char ret[BENCH_CPU_NAME_MAX]);

/* Seconds of this process. */
double bench_cpu_own_seconds(void);

#endif
