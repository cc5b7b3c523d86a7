/* What was measured: a histogram for each step and a counter for each kind of error. One owner; merged at the end. */
#ifndef CAIRN_CLI_BENCH_STATS_H
#define CAIRN_CLI_BENCH_STATS_H

#include "lib/base/bytes.h"

#define BENCH_STEPS(X) \
	X(DIRECTORY, "directory") \
	X(NEW_NONCE, "newNonce") \
	X(NEW_ACCOUNT, "newAccount") \
	X(SCHEDULE, "waiting for a worker") \
	X(RENEWAL_INFO, "renewalInfo") \
	X(NEW_ORDER, "newOrder") \
	X(AUTHORIZATION, "authorization") \
	X(CHALLENGE, "challenge") \
	X(VALIDATION, "validation wait") \
	X(FINALIZE, "finalize") \
	X(ISSUANCE, "issuance wait") \
	X(DOWNLOAD, "download") \
	X(TOTAL, "total") \
	X(CHECK, "check") \
	X(REVOKE, "revokeCert")

enum bench_step {
#define X(name, text) BENCH_##name,
	BENCH_STEPS(X)
#undef X
	    BENCH_STEP_COUNT
};

/* "newOrder"; the name in reports. */
const char *bench_step_name(enum bench_step step);

/* Durations with an error below 1.6 %, from 0 up to 38 hours; longer ones count as that. The largest is exact. */
#define HISTOGRAM_BUCKETS 2048

struct histogram {
	uint64_t n;
	int64_t sum_us;
	int64_t max_us;
	uint32_t bucket[HISTOGRAM_BUCKETS];
};

/* Negative durations count as 0. */
void histogram_add(struct histogram *h, int64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The least duration that at least `percent` of all do not exceed (nearest rank), rounded up to the end of its bucket
 * but never above the largest; 0 when there is none. */
int64_t histogram_percentile(const struct histogram *h, double percent);

/* Kinds of errors that are told apart; what comes then is counted as "other". */
#define BENCH_ERRORS_MAX 48

struct bench_error {
	enum bench_step step;
	char type[64];    /* last part of an ACME problem's URN, "HTTP 502", "connection", ... */
	char detail[256]; /* of the first one */
	uint64_t n;
};

struct bench_stats {
	struct histogram step[BENCH_STEP_COUNT];
	struct bench_error error[BENCH_ERRORS_MAX];
	size_t n_errors;
	uint64_t errors; /* all of them */
	uint64_t certificates;
	uint64_t renewals;
	uint64_t revocations;
	uint64_t requests;
	uint64_t bad_nonces; /* retried, and so no errors */
};

void bench_stats_error(struct bench_stats *s, enum bench_step step, const char *type, const char *detail);
void bench_stats_merge(struct bench_stats *into, const struct bench_stats *from);

#endif
