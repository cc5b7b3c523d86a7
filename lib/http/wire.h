/* Calls over kept TLS connections to our own servers, without blocking: one call after another on each connection. Used by
 * the blocking client (client.c) and by the loop of lib/rpc. A pool belongs to one thread. The process has to ignore
 * SIGPIPE. A host name (rather than an address) in a call's address is looked up by names.h. */
#ifndef CAIRN_HTTP_WIRE_H
#define CAIRN_HTTP_WIRE_H

#include "lib/http/client.h"

struct wire;
struct wire_pool;

/* Keeps up to max_kept connections that are between two calls. A call may wait lookup_ms for the address behind a host's
 * name; with 0 it fails at once as UNAVAILABLE while that is not known yet. */
struct wire_pool *wire_pool_new(const struct http_client_tls *tls, size_t max_kept, int64_t lookup_ms);
/* No call may be under way. NULL is fine. */
void wire_pool_free(struct wire_pool *p);
/* Connections made from now on use the files as they are now; no older one is used for another call. */
void wire_pool_reset(struct wire_pool *p);

/* Begins the call on a kept connection or a new one, within the deadline of c, which with the call has to live until
 * wire_end. FAIL as http_client_post says. */
int wire_begin(struct ctx *c, struct wire_pool *p, struct http_call *call, struct wire **ret) MUST_CHECK;

/* Goes on as far as it gets without blocking. 0: the answer is in the call; -1: failed, as http_client_post says; else the
 * events of poll(2) on wire_fd that have to be waited for, but for no longer than wire_left_ms. */
int wire_step(struct wire *w) MUST_CHECK;
int wire_fd(const struct wire *w);
int wire_left_ms(const struct wire *w);

/* Back to the pool, which keeps the connection if the call went well. */
void wire_end(struct wire *w);

#endif
