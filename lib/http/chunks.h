/* A body in chunks (RFC 9112 7.1) piece by piece, as it comes: pure, strict and bounded. */
#ifndef CAIRN_HTTP_CHUNKS_H
#define CAIRN_HTTP_CHUNKS_H

#include "lib/base/bytes.h"

enum http_chunks_state {
	CHUNKS_SIZE,
	CHUNKS_EXTENSION,
	CHUNKS_SIZE_LF,
	CHUNKS_DATA,
	CHUNKS_DATA_CR,
	CHUNKS_DATA_LF,
	CHUNKS_TRAILER,
	CHUNKS_TRAILER_LINE,
	CHUNKS_TRAILER_LF,
	CHUNKS_END_LF,
};

/* Starts as all zero. */
struct http_chunks {
	enum http_chunks_state state;
	size_t left;     /* of the chunk */
	unsigned digits; /* of its size */
	size_t unused;   /* octets of extensions and trailers, which mean nothing to us */
};

/* Takes octets from the front of *in until a piece of the body was met (ret, borrowed from in) or all are used.
 * 1: the body is whole, what is left in *in is behind it; 0: call again with what is left or what comes; -1: the form is
 * wrong. */
int http_chunks_take(struct http_chunks *k, struct bytes *in, struct bytes *ret) MUST_CHECK;

#endif
