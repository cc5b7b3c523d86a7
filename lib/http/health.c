#include "lib/http/health.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/config.h"
#include "lib/base/die.h"
#include "lib/base/metrics.h"
#include "lib/http/server.h"

#define MAX_CONNECTIONS 64

struct health {
	struct http_server *server;
	const char *(*not_ready)(void);
};

static void serve_metrics(struct http_request *r, const struct health *h)
{
	(void) h;
	http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", metrics_render(r->ctx.arena));
}

static void serve_live(struct http_request *r, const struct health *h)
{
	(void) h;
	http_reply(r, 200, "text/plain; charset=utf-8", bytes_of_text("ok\n"));
}

static void serve_ready(struct http_request *r, const struct health *h)
{
	const char *why = h->not_ready == NULL ? NULL : h->not_ready();
	const char *text = why == NULL ? "ready\n" : arena_printf(r->ctx.arena, "%s\n", why);
	http_reply(r, why == NULL ? 200 : 503, "text/plain; charset=utf-8", bytes_of_text(text));
}

static const struct {
	const char *path;
	void (*serve)(struct http_request *r, const struct health *h);
} pages[] = {
	{ "/metrics", serve_metrics },
	{ "/livez", serve_live },
	{ "/readyz", serve_ready },
};

static bool serve(struct http_request *r, void *arg)
{
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
		http_reply_header(r, "Allow", "GET, HEAD");
		http_reply(r, 405, NULL, (struct bytes) { NULL, 0 });
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		if (strcmp(r->path, pages[i].path) == 0) {
			pages[i].serve(r, arg);
			return true;
		}
	}
	http_reply(r, 404, "text/plain; charset=utf-8", bytes_of_text("/metrics, /livez and /readyz are here\n"));
	return true;
}

int health_start(struct ctx *c, const char *listen, const char *(*not_ready)(void), struct health **ret)
{
	struct address at;
	if (address_parse(c->arena, listen, &at) != 0) {
		return FAIL(c, MALFORMED, "The address \"%.300s\" is not of the form host:port", listen);
	}
	struct health *h = calloc(1, sizeof(*h));
	if (h == NULL) {
		die("out of memory");
	}
	h->not_ready = not_ready;
	struct http_server_options options = {
		.name = "health",
		.address = at.host,
		.port = at.port,
		.max_body = 0,
		.max_connections = MAX_CONNECTIONS,
		.idle_timeout_s = 30,
		.request_limit_ms = 5000,
		.quick = serve,
		.arg = h,
	};
	if (http_server_start(c, &options, &h->server) != 0) {
		free(h);
		return -1;
	}
	*ret = h;
	return 0;
}

uint16_t health_port(const struct health *h)
{
	return http_server_port(h->server);
}

void health_stop(struct health *h)
{
	if (h == NULL) {
		return;
	}
	if (http_server_stop(h->server, 100)) {
		free(h);
	}
}
