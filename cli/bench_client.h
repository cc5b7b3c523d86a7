/* One ACME client of the load generator: a kept connection, a nonce, an account. Belongs to one thread. */
#ifndef CAIRN_CLI_BENCH_CLIENT_H
#define CAIRN_CLI_BENCH_CLIENT_H

#include <jansson.h>

#include "cli/bench_http.h"
#include "cli/bench_keys.h"
#include "cli/bench_stats.h"

#define BENCH_NONCE_MAX 512

/* What went wrong with the order under way; type NULL: nothing. */
struct bench_failure {
	enum bench_step step;
	const char *type;
	const char *detail;
	int64_t retry_after_us; /* -1: the server named none */
};

/* Of the directory; NULL where it lists none. */
struct bench_urls {
	const char *new_nonce;
	const char *new_account;
	const char *new_order;
	const char *revoke_cert;
	const char *renewal_info;
};

struct bench_client {
	const struct bench_options *options;
	struct bench_halt *halt;
	struct bench_stats *stats;
	struct arena *arena; /* of the order under way */
	struct bench_failure failure;
	int64_t deadline_us; /* of the order under way, by clock_monotonic_us */
	bool recorded;       /* its times count */
	struct bench_urls urls;
	const struct bench_key *key; /* of the account */
	const char *kid;             /* its URL; NULL: requests carry the key itself */
	char nonce[BENCH_NONCE_MAX]; /* "": none */
	struct bench_http *http;
};

struct acme_reply {
	long status;
	int64_t received_us;    /* by clock_monotonic_us */
	struct bytes body;      /* until the next request */
	const json_t *json;     /* NULL unless the body is a JSON object; lives as long as the arena of the order */
	const char *location;   /* or NULL */
	int64_t retry_after_us; /* -1: none */
};

void bench_client_init(
    struct bench_client *a, const struct bench_options *options, struct bench_halt *halt, struct bench_stats *stats);
void bench_client_done(struct bench_client *a);

/* Starts a piece of work with memory, deadline and error of its own. */
void bench_client_begin(struct bench_client *a, struct arena *arena, bool recorded);

/* Keeps the first failure of the order; always -1. */
int bench_client_fail(struct bench_client *a, enum bench_step step, const char *type, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Counts the time of a step from start_us until now. */
void bench_client_record(struct bench_client *a, enum bench_step step, int64_t start_us);

/* Fetches the directory; its URLs live in `keep`. */
int acme_directory(struct bench_client *a, struct arena *keep) MUST_CHECK;

/* Plain GET of an URL. */
int acme_get(struct bench_client *a, enum bench_step step, const char *url, struct acme_reply *ret) MUST_CHECK;

/* A signed POST; payload NULL is POST-as-GET. Its time is counted for the step, tries with a fresh nonce after badNonce
 * included. -1 for everything but a status of 2xx. */
int acme_post(struct bench_client *a, enum bench_step step, const char *url, const char *payload,
    struct acme_reply *ret) MUST_CHECK;

/* Member of a JSON object as text; NULL when absent, of another type, or not plain ASCII that may stand in JSON. */
const char *acme_text(const json_t *object, const char *member);

/* Value of a Retry-After header in microseconds from now (RFC 9110 10.2.3), at most an hour; -1 for what is none. */
int64_t acme_retry_after_us(const char *value, int64_t now_s);

#endif
