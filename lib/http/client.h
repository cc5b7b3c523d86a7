/* Outgoing HTTP over kept connections, for RPC between our own processes and for nothing else: TLS 1.3 by OpenSSL, one
 * strict form of answer. One client per thread; the targets of validation have an engine of their own (va/). No proxy, no
 * redirect, no configuration from the environment. The process has to ignore SIGPIPE. */
#ifndef CAIRN_HTTP_CLIENT_H
#define CAIRN_HTTP_CLIENT_H

#include "lib/base/ctx.h"

struct http_client;

/* Texts are borrowed for the client's life; the files are read for its first connection and after a reset. */
struct http_client_tls {
	const char *cert_file; /* this process's certificate and key */
	const char *key_file;
	const char *ca_file; /* of the server's certificate, which must name the host of the URL */
};

struct http_call {
	const char *host;           /* "cairn-ra": who the server must prove to be */
	const char *path;           /* "/cairn.ra.v1..." */
	const char *address;        /* "host:port" to connect to */
	const char *const *headers; /* NULL-terminated "Name: value", without line breaks */
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
/* Forgets kept connections and certificates, so that new ones are used. */
void http_client_reset(struct http_client *h);

/* POST within the deadline of c. 0 for any HTTP answer; FAIL: UNAVAILABLE (no connection, or it broke), DEADLINE. The
 * request is never sent twice: if it may have reached the server, `sent` is true and the caller decides. */
int http_client_post(struct ctx *c, struct http_client *h, struct http_call *call) MUST_CHECK;

#endif
