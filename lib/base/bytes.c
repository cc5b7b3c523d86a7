#include "lib/base/bytes.h"

#include <string.h>

#include <openssl/crypto.h>

struct bytes bytes_of_text(const char *text)
{
	if (text == NULL) {
		return (struct bytes) { NULL, 0 };
	}
	return (struct bytes) { (const uint8_t *) text, strlen(text) };
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_text(struct bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_text(text));
}

bool text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}
