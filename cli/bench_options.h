/* The command line of `cairn bench`. */
#ifndef CAIRN_CLI_BENCH_OPTIONS_H
#define CAIRN_CLI_BENCH_OPTIONS_H

#include <sys/types.h>

#include "lib/base/arena.h"

#define BENCH_WORKERS_MAX 4096
#define BENCH_NAMES_MAX 100
#define BENCH_PIDS_MAX 256

enum bench_accounts {
	BENCH_ACCOUNTS_KEPT, /* one for each worker, made before the clock starts */
	BENCH_ACCOUNTS_NEW,  /* one for each order */
};

enum bench_key_kind { BENCH_P256, BENCH_RSA2048 };

struct bench_options {
	const char *directory;
	const char *ca_file; /* NULL: the system's */
	const char *suffix;  /* without a leading dot */
	const char *profile; /* asked of each order, or NULL */
	const char *http01_address;
	uint16_t http01_port;
	int64_t workers;
	double rate;         /* orders a second; 0: closed loop */
	int64_t count;       /* certificates; 0: no bound */
	int64_t duration_us; /* 0: no bound */
	int64_t warmup_us;
	int64_t timeout_us; /* of one order */
	int64_t poll_us;    /* first wait between polls where the server names none */
	int64_t names_per_order;
	int64_t prepare; /* orders whose keys and CSRs are made ahead */
	double renew;    /* share of orders, 0..1 */
	double revoke;
	enum bench_accounts accounts;
	enum bench_key_kind key;
	enum bench_key_kind account_key;
	pid_t pids[BENCH_PIDS_MAX];
	size_t n_pids;
	bool json;
	bool help;
};

/* Reads the arguments behind argv[0]. Defaults of --directory, --ca-file and --http01-port come from the environment
 * (DIRECTORY_URL, API_CA_FILE, HTTP01_PORT) where it has them. -1 with a sentence in *ret_problem, in the arena, for
 * what is not a valid command line; texts in the result are those of argv, of the environment, or in the arena. */
int bench_options_parse(
    struct arena *a, int argc, char **argv, struct bench_options *ret_options, const char **ret_problem) MUST_CHECK;

/* The text of --help. */
const char *bench_options_help(struct arena *a);

#endif
