/* What is kept of the answer to one GET, piece by piece as libcurl hands it over: a bounded head, the one Location, and as
 * much of a body as a key authorization can have. */
#ifndef CAIRN_VA_HTTP_ANSWER_H
#define CAIRN_VA_HTTP_ANSWER_H

#include "lib/base/buffer.h"
#include "lib/rpc/messages.h"

#define HTTP_ANSWER_HEAD_KEPT 4096
#define HTTP_ANSWER_HEAD_MAX 16384
#define HTTP_ANSWER_CERTIFICATE_KEPT 8192
#define HTTP_ANSWER_BODY_READ 1024

struct http_answer {
	bool head_ended;   /* the blank line behind the header came */
	bool headers_over; /* there was more of it than we read */
	size_t header_total;
	size_t locations;
	const char *location; /* the last one, plain ASCII */
	struct arena *arena;
	struct buffer header; /* neither takes memory before something comes */
	struct buffer body;
};

/* Before the first piece. */
void http_answer_init(struct http_answer *answer, struct arena *a);

/* One line of the header (of an interim answer, or behind a chunked body, too) with its end. False: no more of it is read. */
bool http_answer_line(struct http_answer *answer, struct bytes line);
/* The next piece of the body. False: it is longer than anything that could be right. */
bool http_answer_body(struct http_answer *answer, struct bytes piece);

/* Head, Location and body as they are recorded. */
void http_answer_record(const struct http_answer *answer, struct connection_attempt *ret);

#endif
