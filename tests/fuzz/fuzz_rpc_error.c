/* Answers of another process that are not 200 (style 25). Input: two octets of status, then the body. */
#include <stdlib.h>
#include <string.h>

#include "lib/rpc/error.h"

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_error(const struct err *a, const struct err *b)
{
	bool same = a->type == b->type && same_text(a->detail, b->detail) && a->retry_after_s == b->retry_after_s &&
	            same_text(a->instance, b->instance) && same_text(a->location, b->location) &&
	            a->subproblems.n == b->subproblems.n;
	for (size_t i = 0; same && i < a->subproblems.n; i++) {
		const struct subproblem *x = &a->subproblems.v[i];
		const struct subproblem *y = &b->subproblems.v[i];
		same = x->type == y->type && same_text(x->detail, y->detail) &&
		       same_text(x->identifier_type, y->identifier_type) && same_text(x->identifier_value, y->identifier_value);
	}
	return same;
}

/* An error is always an error, and the next process down the line reads the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	struct ctx c;
	struct ctx next;
	unsigned status = 0;
	ctx_init(&c);
	ctx_init(&next);
	if (rpc_error_parse(&c, (unsigned) (data[0] << 8 | data[1]), (struct bytes) { data + 2, size - 2 }) != -1 ||
	    c.err.type == PROBLEM_NONE || c.err.detail == NULL || c.err.type == PROBLEM_NOT_PERMITTED) {
		abort();
	}
	struct bytes json = rpc_error_encode(&c, &status);
	if (status < 400 || status > 599 || rpc_error_parse(&next, status, json) != -1 || !same_error(&c.err, &next.err)) {
		abort();
	}
	ctx_done(&next);
	ctx_done(&c);
	return 0;
}
