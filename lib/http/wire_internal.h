/* What the two files of wire.h share: wire_pool.c keeps connections and their TLS context, wire.c does the calls. */
#ifndef CAIRN_HTTP_WIRE_INTERNAL_H
#define CAIRN_HTTP_WIRE_INTERNAL_H

#include <netinet/in.h>
#include <openssl/ssl.h>

#include "lib/http/head.h"
#include "lib/http/names.h"
#include "lib/http/wire.h"

enum wire_stage { WIRE_CONNECTING, WIRE_SHAKING, WIRE_WRITING, WIRE_READING };

struct wire {
	struct wire *next; /* of those that the pool keeps, the last used first */
	struct wire_pool *pool;
	unsigned generation; /* of the pool's files */
	char *host;
	char *address;
	int fd; /* -1: none */
	SSL *ssl;
	enum wire_stage stage;
	bool reusable;
	int64_t give_up_us;
	int64_t idle_since_us;
	/* of the call under way; in its arena */
	struct ctx *c;
	struct http_call *call;
	struct name_place *places; /* that have not been tried yet */
	size_t n_places;
	struct bytes out; /* what is left to be written */
	uint8_t *in;
	size_t in_size;
	size_t in_n;
	struct http_head head;
	bool has_head;
};

struct wire_pool {
	struct http_client_tls tls;
	SSL_CTX *context; /* NULL until it is used */
	unsigned generation;
	struct wire *kept;
	size_t n_kept;
	size_t max_kept;
	int64_t lookup_ms;
};

/* A connection that is ready for the call: a kept one, or one whose connecting begins. FAIL: UNAVAILABLE. */
int wire_take(struct ctx *c, struct wire_pool *p, const struct http_call *call, struct wire **ret) MUST_CHECK;
/* UNAVAILABLE with the cause; the connection will not be used again. */
int wire_fail(struct wire *w, const char *why) MUST_CHECK;
/* What OpenSSL says of the last failure. */
const char *wire_tls_reason(void);

#endif
