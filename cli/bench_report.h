/* What `cairn bench` prints at its end, for people and as JSON. */
#ifndef CAIRN_CLI_BENCH_REPORT_H
#define CAIRN_CLI_BENCH_REPORT_H

#include <stdio.h>

#include "cli/bench_cpu.h"
#include "cli/bench_options.h"
#include "cli/bench_stats.h"

struct bench_result {
	const struct bench_options *options;
	struct bench_stats stats;    /* of all workers */
	double seconds;              /* that were measured */
	uint64_t in_window;          /* certificates that were ready within them */
	uint64_t missed;             /* open loop: orders that found no worker */
	uint64_t broken_off;         /* orders given up because the run was ended */
	uint64_t late_keys;          /* orders whose keys had to be made while the clock ran */
	struct bench_cpu server_cpu; /* of options->pids within the window */
	double own_cpu_s;
};

/* Certificates that were ready in each measured second; 0 when nothing was measured. */
double bench_result_rate(const struct bench_result *r);

void bench_report_text(FILE *out, const struct bench_result *r);
void bench_report_json(FILE *out, const struct bench_result *r);

#endif
