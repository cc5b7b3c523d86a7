/* Octets written in hex, for tests. */
#ifndef CAIRN_TESTS_HEX_H
#define CAIRN_TESTS_HEX_H

#include <string.h>

#include "lib/base/arena.h"

/* The octets of a text of hex digits in lower case; the test fails for any other. */
static inline struct bytes hex_octets(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = strlen(text);
	uint8_t *out = arena_alloc(a, n / 2 + 1);
	assert_int_equal(n % 2, 0);
	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(digits, text[i]);
		assert_non_null(at);
		out[i / 2] = (uint8_t) (out[i / 2] << 4 | (at - digits));
	}
	return (struct bytes) { out, n / 2 };
}

#endif
