/* Outgoing HTTP with libcurl over kept connections, for RPC. One client per thread; the targets of validation have an
 * engine of their own (va/). */
#ifndef CAIRN_HTTP_CLIENT_H
#define CAIRN_HTTP_CLIENT_H

#include "lib/base/ctx.h"

struct http_client;

struct http_client_tls {
	const char *cert_file; /* this process's certificate and key */
	const char *key_file;
	const char *ca_file;
};

struct http_call {
	const char *url;
	const char *const *headers; /* NULL-terminated "Name: value" */
	struct bytes body;
	size_t max_reply;
	/* filled in */
	unsigned status;
	const char *content_type; /* in the arena of the ctx, or NULL */
	struct bytes reply;       /* in the arena of the ctx */
	bool sent;                /* the request may have reached the server, even though the call failed */
};

/* TLS 1.3, both sides' certificates. */
struct http_client *http_client_new(const struct http_client_tls *tls);
void http_client_free(struct http_client *h);
/* Forgets kept connections, so that new certificates are used. */
void http_client_reset(struct http_client *h);

/* POST within the deadline of c. 0 for any HTTP answer; FAIL: UNAVAILABLE (not reached), DEADLINE. */
int http_client_post(struct ctx *c, struct http_client *h, struct http_call *call) MUST_CHECK;

#endif
