/* The http-01 responder of the load generator: one thread, one epoll loop, answers for the tokens that it was given
 * (RFC 8555 8.3). */
#ifndef CAIRN_CLI_BENCH_RESPONDER_H
#define CAIRN_CLI_BENCH_RESPONDER_H

#include "lib/base/ctx.h"

#define BENCH_TOKEN_MAX 256

struct bench_responder;

/* Listens and serves from now on. address is a numeric IPv4 or IPv6 address, port 0 any free one. FAIL: UNAVAILABLE. */
int bench_responder_start(struct ctx *c, const char *address, uint16_t port, struct bench_responder **ret) MUST_CHECK;
void bench_responder_stop(struct bench_responder *r);

uint16_t bench_responder_port(const struct bench_responder *r);

/* From now on the token is answered with "token.thumbprint"; any thread. -1 for a token that is not base64url or is
 * longer than BENCH_TOKEN_MAX. */
int bench_responder_put(struct bench_responder *r, const char *token, const char *thumbprint) MUST_CHECK;
void bench_responder_remove(struct bench_responder *r, const char *token);

#endif
