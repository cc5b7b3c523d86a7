/* HTTP/1.1 of the load generator: one kept connection, one exchange at a time, straight through. libcurl connects and
 * speaks TLS; its transfers are not used, because they take twice the system calls, on the processors that the server
 * shares. */
#ifndef CAIRN_CLI_BENCH_HTTP_H
#define CAIRN_CLI_BENCH_HTTP_H

#include "cli/bench_halt.h"
#include "lib/base/ctx.h"

struct bench_http;

struct bench_http_request {
	const char *method; /* GET, HEAD or POST */
	const char *url;    /* http or https; plain ASCII */
	struct bytes body;  /* a JWS, with POST */
};

struct bench_http_answer {
	long status;
	struct bytes head; /* until the next exchange, like the body */
	struct bytes body;
};

/* What went wrong. */
struct bench_http_error {
	bool timeout;
	char text[256];
};

/* ca_file, when it is not NULL, has the only authorities that count. Both must live as long. BENCH_BREAK ends what is
 * under way. */
struct bench_http *bench_http_new(const char *ca_file, struct bench_halt *halt);
void bench_http_free(struct bench_http *h);

/* Connects when there is no connection to the URL's host yet; a kept one that ended before a first octet of the answer is
 * opened again, once. -1 with *ret_error when no whole answer came until deadline_us. */
int bench_http_exchange(struct bench_http *h, struct arena *a, const struct bench_http_request *request,
    int64_t deadline_us, struct bench_http_answer *ret, struct bench_http_error *ret_error) MUST_CHECK;

/* Value of the first header of this name; NULL when there is none. */
const char *bench_http_header(struct arena *a, struct bytes head, const char *name);

#endif
