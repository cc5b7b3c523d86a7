#include "lib/http/client.h"

#include <stdlib.h>

#include "lib/base/die.h"
#include "lib/http/transfer.h"

struct http_client {
	struct http_client_tls tls;
	CURL *easy; /* NULL until it is used; it holds the kept connections */
};

struct http_client *http_client_new(const struct http_client_tls *tls)
{
	struct http_client *h = calloc(1, sizeof(*h));
	if (h == NULL) {
		die("out of memory");
	}
	h->tls = *tls;
	return h;
}

void http_client_reset(struct http_client *h)
{
	curl_easy_cleanup(h->easy);
	h->easy = NULL;
}

void http_client_free(struct http_client *h)
{
	if (h == NULL) {
		return;
	}
	http_client_reset(h);
	free(h);
}

int http_client_post(struct ctx *c, struct http_client *h, struct http_call *call)
{
	if (ctx_left_ms(c, 1) == 0) {
		call->sent = false;
		return FAIL(c, DEADLINE, "The time for the request is over");
	}
	if (h->easy == NULL) {
		h->easy = http_transfer_handle(&h->tls);
	}
	struct http_transfer t;
	http_transfer_begin(&t, h->easy, c, call);
	CURLcode code = curl_easy_perform(h->easy);
	return http_transfer_end(&t, code);
}
