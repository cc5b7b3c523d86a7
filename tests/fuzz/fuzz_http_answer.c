/* link: va */
/* The answer of a hostile web server to http-01 (style 25; ). Input: its first octet says how long the pieces
 * are in which the rest comes over the wire. */
#include <stdlib.h>
#include <string.h>

#include "va/http_reader.h"
#include "tests/unit/address_answer.h"

#define KEY_AUTHORIZATION "token.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

static enum failure feed(struct http_reader *r, struct arena *a, struct bytes in, size_t piece)
{
	enum failure failure = FAILURE_NONE;
	http_reader_init(r, a);
	while (in.n > 0 && failure == FAILURE_NONE && r->state != READER_DONE) {
		size_t n = in.n < piece ? in.n : piece;
		failure = http_reader_take(r, (struct bytes) { in.p, n });
		in = (struct bytes) { in.p + n, in.n - n };
	}
	return failure == FAILURE_NONE ? http_reader_end(r) : failure;
}

static void must(bool good)
{
	if (!good) {
		abort();
	}
}

/* In whatever pieces it comes, it is the same answer. */
static void check_same(const struct http_reader *one, const struct http_reader *other)
{
	const struct http_answer *a = &one->answer;
	const struct http_answer *b = &other->answer;
	must(one->state == other->state && one->status == other->status);
	must(a->locations == b->locations && (a->location == NULL) == (b->location == NULL));
	must(a->location == NULL || strcmp(a->location, b->location) == 0);
	must(a->body.n == b->body.n && (a->body.n == 0 || memcmp(a->body.p, b->body.p, a->body.n) == 0));
	must(a->header.n == b->header.n && (a->header.n == 0 || memcmp(a->header.p, b->header.p, a->header.n) == 0));
}

static bool is_right(const struct http_answer *answer)
{
	size_t n = strlen(KEY_AUTHORIZATION);
	if (answer->body.n < n || memcmp(answer->body.p, KEY_AUTHORIZATION, n) != 0 || answer->body.n > HTTP01_BODY_MAX) {
		return false;
	}
	for (size_t i = n; i < answer->body.n; i++) {
		if (answer->body.p[i] == '\0' || strchr(" \t\n\v\f\r", answer->body.p[i]) == NULL) {
			return false;
		}
	}
	return true;
}

static void judge(struct arena *a, const struct http_reader *r, enum failure failure)
{
	static const char *addresses[] = { "198.41.0.4" };
	const struct ip_reach none = { { NULL, 0 }, { NULL, 0 } };
	struct validate_request request = { .identifier = { "dns", "a.example" },
		.method = "http-01",
		.token = "token",
		.key_authorization = KEY_AUTHORIZATION };
	struct connection_attempt attempt = { .url = "http://a.example/.well-known/acme-challenge/token",
		.host = "a.example",
		.port = 80,
		.address_used = addresses[0],
		.addresses_resolved = { addresses, 1 },
		.http_status = r->status,
		.error = failure == FAILURE_NONE ? NULL : failure_text(failure) };
	http_answer_record(&r->answer, &attempt);
	struct resolution lookup = address_answer(a, "a.example", addresses[0]);
	struct validation_result result = { .resolutions = { &lookup, 1 }, .attempts = { &attempt, 1 } };
	struct decide_input in = { &request, { 80, 443 }, &none };
	struct verdict verdict = decide_http01(a, &in, &result);
	must(!verdict.fault && verdict.passed == (failure == FAILURE_NONE && r->status == 200 && is_right(&r->answer)));
	for (const char *p = verdict.passed ? "" : verdict.detail; *p != '\0'; p++) {
		must(*p >= ' ' && *p < 0x7f); /* */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_reader whole;
	struct http_reader pieces;
	if (size == 0) {
		return 0;
	}
	struct arena *a = arena_new();
	struct bytes in = { data + 1, size - 1 };
	enum failure failure = feed(&whole, a, in, size);
	must(feed(&pieces, a, in, data[0] == 0 ? 1 : data[0]) == failure);
	check_same(&whole, &pieces);
	judge(a, &whole, failure);
	arena_free(a);
	return 0;
}
