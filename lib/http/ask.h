/* The head of a request as anybody may send it: pure, strict and bounded. */
#ifndef CAIRN_HTTP_ASK_H
#define CAIRN_HTTP_ASK_H

#include "lib/http/server.h"

#define HTTP_MAX_TARGET 4096        /* longer: 414 */
#define HTTP_MAX_HEADER_BYTES 16384 /* more, with the first line: 431 */
#define HTTP_MAX_HEADERS 64         /* more: 431 */

struct http_ask {
	const char *method; /* NULL: it was not understood; so is path */
	const char *target; /* as sent; of one that is too long, the beginning */
	const char *path;
	const char *query; /* NULL: none */
	struct http_header *headers;
	size_t n_headers;
	size_t n;      /* octets of the head, with its empty line; 0: it is not whole yet */
	size_t length; /* octets of the body, unless it comes in chunks */
	bool chunked;
	bool one_one;   /* HTTP/1.1, else 1.0 */
	bool keep;      /* the client may send another request behind the answer */
	bool continues; /* it waits for "100 Continue" (RFC 9110 10.1.1) */
};

/* Everything is copied into c's arena. FAIL: MALFORMED, URI_TOO_LONG, HEADERS_TOO_LARGE, TOO_LARGE (a body beyond
 * max_body); what was understood before stands in ret, so that the refusal can be recorded. */
int http_ask_parse(struct ctx *c, struct bytes text, size_t max_body, struct http_ask *ret) MUST_CHECK;

#endif
