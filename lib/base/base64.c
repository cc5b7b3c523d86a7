#include "lib/base/base64.h"

static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789abcdef";

#define BAD 0xff

static size_t encode(const char *alphabet, struct bytes in, char *out)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		bits = (bits << 8) | in.p[i];
		for (held += 8; held >= 6; held -= 6) {
			out[n++] = alphabet[(bits >> (held - 6)) & 63];
		}
	}
	if (held > 0) {
		out[n++] = alphabet[(bits << (6 - held)) & 63];
	}
	return n;
}

static uint8_t digit_value(uint8_t ch, char char62, char char63)
{
	if (ch >= 'A' && ch <= 'Z') {
		return (uint8_t) (ch - 'A');
	}
	if (ch >= 'a' && ch <= 'z') {
		return (uint8_t) (ch - 'a' + 26);
	}
	if (ch >= '0' && ch <= '9') {
		return (uint8_t) (ch - '0' + 52);
	}
	if (ch == (uint8_t) char62) {
		return 62;
	}
	return ch == (uint8_t) char63 ? 63 : BAD;
}

static int decode(struct arena *a, char char62, char char63, struct bytes in, struct bytes *ret)
{
	if (in.n % 4 == 1) {
		return -1;
	}
	uint8_t *out = arena_alloc(a, BASE64URL_DECODED(in.n) + 1);
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t value = digit_value(in.p[i], char62, char63);
		if (value == BAD) {
			return -1;
		}
		bits = (bits << 6) | value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t) (bits >> held);
		}
	}
	if ((bits & ((1U << held) - 1)) != 0) {
		return -1;
	}
	*ret = (struct bytes) { out, n };
	return 0;
}

const char *base64url_encode(struct arena *a, struct bytes in)
{
	char *out = arena_alloc(a, BASE64URL_ENCODED(in.n) + 1);
	encode(url_alphabet, in, out);
	return out;
}

int base64url_decode(struct arena *a, struct bytes in, struct bytes *ret)
{
	return decode(a, '-', '_', in, ret);
}

const char *base64_encode(struct arena *a, struct bytes in)
{
	char *out = arena_alloc(a, in.n / 3 * 4 + 5);
	size_t n = encode(std_alphabet, in, out);
	while (n % 4 != 0) {
		out[n++] = '=';
	}
	return out;
}

int base64_decode(struct arena *a, struct bytes in, struct bytes *ret)
{
	if (in.n % 4 != 0) {
		return -1;
	}
	for (int i = 0; i < 2 && in.n > 0 && in.p[in.n - 1] == '='; i++) {
		in.n--;
	}
	return decode(a, '+', '/', in, ret);
}

const char *hex_encode(struct arena *a, struct bytes in)
{
	char *out = arena_alloc(a, in.n * 2 + 1);
	for (size_t i = 0; i < in.n; i++) {
		out[2 * i] = hex_digits[in.p[i] >> 4];
		out[2 * i + 1] = hex_digits[in.p[i] & 15];
	}
	return out;
}
