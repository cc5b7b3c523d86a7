#include "lib/http/client.h"

#include <poll.h>
#include <stdlib.h>

#include "lib/base/die.h"
#include "lib/http/wire.h"

#define MAX_KEPT 16
#define LOOKUP_MS 3000

struct http_client {
	struct wire_pool *pool;
};

struct http_client *http_client_new(const struct http_client_tls *tls)
{
	struct http_client *h = calloc(1, sizeof(*h));
	if (h == NULL) {
		die("out of memory");
	}
	h->pool = wire_pool_new(tls, MAX_KEPT, LOOKUP_MS);
	return h;
}

void http_client_reset(struct http_client *h)
{
	wire_pool_reset(h->pool);
}

void http_client_free(struct http_client *h)
{
	if (h == NULL) {
		return;
	}
	wire_pool_free(h->pool);
	free(h);
}

int http_client_post(struct ctx *c, struct http_client *h, struct http_call *call)
{
	struct wire *w;
	TRY(wire_begin(c, h->pool, call, &w));
	int want;
	while ((want = wire_step(w)) > 0) {
		struct pollfd p = { .fd = wire_fd(w), .events = (short) want };
		(void) poll(&p, 1, wire_left_ms(w));
	}
	wire_end(w);
	return want;
}
