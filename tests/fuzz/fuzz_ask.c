/* The head of a request and its body in chunks, as they come from anybody (style 25). Input: what came from the connection. */
#include <stdlib.h>
#include <string.h>

#include "lib/http/ask.h"
#include "lib/http/chunks.h"

#define MAX_BODY 100000

/* The chunks, in pieces of `step` octets. Gives how many octets they took, or 0. */
static size_t read_chunks(struct bytes text, size_t step, size_t *ret_body)
{
	struct http_chunks chunks = { 0 };
	size_t used = 0;
	*ret_body = 0;
	while (used < text.n) {
		struct bytes in = { text.p + used, text.n - used < step ? text.n - used : step };
		const uint8_t *end = in.p + in.n;
		struct bytes piece;
		int result = http_chunks_take(&chunks, &in, &piece);
		if (in.p + in.n != end || (piece.n > 0 && (piece.p < text.p || piece.p + piece.n > in.p))) {
			abort();
		}
		*ret_body += piece.n;
		used = (size_t) (in.p - text.p);
		if (result != 0) {
			return result == 1 ? used : 0;
		}
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	ctx_init(&c);
	struct http_ask ask;
	int result = http_ask_parse(&c, (struct bytes) { data, size }, MAX_BODY, &ask);
	if ((result == 0) != (c.err.type == PROBLEM_NONE) || ask.n > size) {
		abort();
	}
	if (result == 0 && ask.n > 0) {
		/* The same head is found whatever follows it, and it is whole: not one octet less. */
		struct http_ask again;
		bool same = http_ask_parse(&c, (struct bytes) { data, ask.n }, MAX_BODY, &again) == 0 && again.n == ask.n &&
		            again.length == ask.length && again.chunked == ask.chunked && again.n_headers == ask.n_headers;
		bool less = http_ask_parse(&c, (struct bytes) { data, ask.n - 1 }, MAX_BODY, &again) == 0 && again.n == 0;
		if (!same || !less || ask.length > MAX_BODY || ask.path == NULL || (ask.chunked && ask.length > 0)) {
			abort();
		}
	}
	/* Chunks mean the same in whatever pieces they come. */
	size_t head = result == 0 ? ask.n : 0;
	struct bytes rest = { data + head, size - head };
	size_t body_at_once = 0, body_by_one = 0;
	if (read_chunks(rest, rest.n + 1, &body_at_once) != read_chunks(rest, 1, &body_by_one) ||
	    body_at_once != body_by_one) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
