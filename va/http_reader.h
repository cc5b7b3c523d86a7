/* An HTTP/1.1 answer as it comes over a connection, in pieces of any size, read as far as it is of use for http-01 (RFC 9112;
 * pure, no socket. What is kept stands in http_answer.h. */
#ifndef CAIRN_VA_HTTP_READER_H
#define CAIRN_VA_HTTP_READER_H

#include "policy/decide.h"
#include "va/http_answer.h"

enum http_reader_state {
	READER_STATUS,
	READER_FIELDS,
	READER_CHUNK_SIZE,
	READER_CHUNK_END, /* the line end behind a chunk */
	READER_BODY,      /* `left` octets of it, or of one chunk */
	READER_TO_END,    /* until the connection ends */
	READER_DONE,      /* no more of it is wanted */
};

struct http_reader {
	struct http_answer answer;
	enum http_reader_state state;
	int status;
	bool chunked;
	bool has_length;
	bool broken; /* a field that says how long the body is can't be understood */
	uint64_t left;
	size_t line_n;      /* octets of the line so far */
	struct buffer line; /* one that came in pieces */
};

void http_reader_init(struct http_reader *r, struct arena *a);
/* FAILURE_NONE while all is well; then r->state tells whether more is wanted. */
enum failure http_reader_take(struct http_reader *r, struct bytes piece);
/* The connection was closed where that is an end. */
enum failure http_reader_end(const struct http_reader *r);

#endif
