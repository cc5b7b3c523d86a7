#include "lib/base/needles.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/base64.h"

#define PLAINS 4 /* in lower and upper case, as UTF-16 of either order */
/* Each plain form, its hex, and base64 of two alphabets at three places, and hex of that */
#define FORMS (PLAINS * (2 + 2 * 3 * 2))

static void add(struct needles *to, struct bytes octets, const char *form, bool folded)
{
	to->v[to->n++] = (struct needle) { octets, form, folded };
	to->longest = octets.n > to->longest ? octets.n : to->longest;
}

/* What is the same whatever stands before and behind it, `before` octets past a group of three. */
static struct bytes steady_part(struct arena *a, struct bytes plain, size_t before, bool url)
{
	uint8_t *whole = arena_alloc(a, plain.n + 4);
	memset(whole, 0, plain.n + 4);
	memcpy(whole + before, plain.p, plain.n);
	const struct bytes octets = { whole, before + plain.n + 2 };
	const char *text = url ? base64url_encode(a, octets) : base64_encode(a, octets);
	size_t from = (before * 8 + 5) / 6;
	return (struct bytes) { (const uint8_t *) text + from, (before + plain.n) * 8 / 6 - from };
}

static void add_forms(struct arena *a, struct needles *to, struct bytes plain)
{
	add(to, bytes_of_text(hex_encode(a, plain)), "hex", true);
	for (size_t i = 0; i < 6; i++) {
		struct bytes part = steady_part(a, plain, i / 2, i % 2 == 1);
		add(to, part, "base64", false);
		add(to, bytes_of_text(hex_encode(a, part)), "base64 in hex", true);
	}
}

static struct bytes in_case(struct arena *a, const char *text, int (*change)(int))
{
	size_t n = strlen(text);
	uint8_t *octets = arena_alloc(a, n);
	for (size_t i = 0; i < n; i++) {
		octets[i] = (uint8_t) change((uint8_t) text[i]);
	}
	return (struct bytes) { octets, n };
}

static struct bytes as_utf16(struct arena *a, struct bytes plain, size_t high)
{
	uint8_t *octets = arena_alloc(a, 2 * plain.n);
	for (size_t i = 0; i < plain.n; i++) {
		octets[2 * i + high] = 0;
		octets[2 * i + 1 - high] = plain.p[i];
	}
	return (struct bytes) { octets, 2 * plain.n };
}

struct needles needles_of(struct arena *a, const char *const *texts, size_t n)
{
	struct needles all = { ARENA_ARRAY(a, n * FORMS, struct needle), 0, 0 };
	for (size_t i = 0; i < n; i++) {
		struct bytes lower = in_case(a, texts[i], tolower);
		const struct bytes plains[PLAINS] = { lower, in_case(a, texts[i], toupper), as_utf16(a, lower, 1),
			as_utf16(a, lower, 0) };
		add(&all, lower, "clear", true);
		add(&all, plains[2], "UTF-16", true);
		add(&all, plains[3], "UTF-16", true);
		for (size_t k = 0; k < PLAINS; k++) {
			add_forms(a, &all, plains[k]);
		}
	}
	return all;
}

const struct needle *needles_find(const struct needles *needles, struct bytes in, uint8_t *folded, size_t *ret_at)
{
	for (size_t i = 0; i < in.n; i++) {
		folded[i] = in.p[i] >= 'A' && in.p[i] <= 'Z' ? in.p[i] | 0x20 : in.p[i];
	}
	for (size_t i = 0; i < needles->n; i++) {
		const struct needle *one = &needles->v[i];
		const uint8_t *where = memmem(one->folded ? folded : in.p, in.n, one->octets.p, one->octets.n);
		if (where != NULL) {
			*ret_at = (size_t) (where - (one->folded ? folded : in.p));
			return one;
		}
	}
	return NULL;
}
