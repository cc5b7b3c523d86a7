/* The head of an HTTP/1.1 answer as our own servers give it: strict and bounded. And what it shares with the heads of
 * requests (ask.h). */
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

/* A line without its CR LF; the rest of the text is what is left. */
struct bytes http_line_take(struct bytes *rest);
/* Name and value, without the blanks around it, of one line. -1: the name is no token, or the value has a control
 * character. */
int http_field_split(struct bytes line, struct bytes *ret_name, struct bytes *ret_value) MUST_CHECK;
/* RFC 9110 5.6.2 */
bool http_is_token(struct bytes text);
/* Without blanks and tabs at both ends. */
struct bytes http_trim(struct bytes text);

#endif
