/* The head of an HTTP/1.1 answer as our own servers give it: strict and bounded. */
#ifndef CAIRN_HTTP_HEAD_H
#define CAIRN_HTTP_HEAD_H

#include "lib/base/bytes.h"

#define HTTP_HEAD_MAX 4000

struct http_head {
	unsigned status;
	struct bytes content_type; /* borrowed; n 0: none */
	size_t body;               /* octets of the body */
	size_t n;                  /* octets of the head, with its empty line */
	bool keep;                 /* the server keeps the connection open */
};

/* 1: the head is whole; 0: more has to come; -1: it has not the form that our servers give it (no Content-Length or two,
 * a Transfer-Encoding, a status without a body, a line that is no field, more than HTTP_HEAD_MAX octets). */
int http_head_parse(struct bytes text, struct http_head *ret) MUST_CHECK;

#endif
