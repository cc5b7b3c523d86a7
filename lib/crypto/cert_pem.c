/* Certificates as PEM, files and texts for people. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/der.h"

#define COLUMNS 64
#define CHAIN_MAX 16
#define FILE_MAX (1024 * 1024)

static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
static const char end[] = "-----END CERTIFICATE-----\n";

/* RFC 7468 strict form. */
struct bytes cert_to_pem(struct arena *a, struct bytes der)
{
	struct bytes text = bytes_of_text(base64_encode(a, der));
	size_t lines = (text.n + COLUMNS - 1) / COLUMNS;
	struct bytes *pieces = ARENA_ARRAY(a, 2 + 2 * lines, struct bytes);
	size_t n = 0;
	pieces[n++] = bytes_of_text(begin);
	for (size_t i = 0; i < text.n; i += COLUMNS) {
		pieces[n++] = (struct bytes) { text.p + i, text.n - i < COLUMNS ? text.n - i : COLUMNS };
		pieces[n++] = bytes_of_text("\n");
	}
	pieces[n++] = bytes_of_text(end);
	return der_join(a, pieces, n);
}

struct bytes cert_chain_to_pem(struct arena *a, const struct bytes_list *chain)
{
	struct bytes *pieces = ARENA_ARRAY(a, chain->n, struct bytes);
	for (size_t i = 0; i < chain->n; i++) {
		pieces[i] = cert_to_pem(a, chain->v[i]);
	}
	return der_join(a, pieces, chain->n);
}

static bool is_space(uint8_t ch)
{
	return ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t';
}

static struct bytes skip_space(struct bytes in)
{
	while (in.n > 0 && is_space(in.p[0])) {
		in.p++;
		in.n--;
	}
	return in;
}

static int broken(struct ctx *c)
{
	return FAIL(c, MALFORMED, "The text is not a list of 1 to %d certificates in PEM", CHAIN_MAX);
}

/* Takes one block; the line ends inside may be \n or \r\n. */
static int take_block(struct ctx *c, struct bytes *in, struct bytes *ret_der)
{
	size_t head = sizeof(begin) - 2; /* without the newline */
	size_t tail = sizeof(end) - 2;
	if (in->n < head || memcmp(in->p, begin, head) != 0) {
		return broken(c);
	}
	struct bytes body = { in->p + head, in->n - head };
	const uint8_t *stop = memmem(body.p, body.n, end, tail);
	if (stop == NULL) {
		return broken(c);
	}
	uint8_t *packed = arena_alloc(c->arena, body.n);
	size_t n = 0;
	for (const uint8_t *p = body.p; p < stop; p++) {
		if (!is_space(*p)) {
			packed[n++] = *p;
		}
	}
	if (n == 0 || base64_decode(c->arena, (struct bytes) { packed, n }, ret_der) != 0) {
		return broken(c);
	}
	*in = (struct bytes) { stop + tail, (size_t) (body.p + body.n - stop) - tail };
	return 0;
}

int cert_chain_of_pem(struct ctx *c, struct bytes pem, struct bytes_list *ret_chain)
{
	struct bytes *v = ARENA_ARRAY(c->arena, CHAIN_MAX, struct bytes);
	size_t n = 0;
	for (pem = skip_space(pem); pem.n > 0; pem = skip_space(pem)) {
		if (n == CHAIN_MAX) {
			return broken(c);
		}
		TRY(take_block(c, &pem, &v[n++]));
	}
	if (n == 0) {
		return broken(c);
	}
	*ret_chain = (struct bytes_list) { v, n };
	return 0;
}

static int read_file(struct ctx *c, const char *path, struct bytes *ret)
{
	FILE *f = fopen(path, "rbe");
	if (f == NULL) {
		return ctx_fault(c, "the certificate file %s can't be opened: %s", path, strerror(errno));
	}
	uint8_t *buffer = arena_alloc(c->arena, FILE_MAX + 1);
	size_t n = fread(buffer, 1, FILE_MAX + 1, f);
	bool failed = ferror(f) != 0;
	if (fclose(f) != 0 || failed || n > FILE_MAX) {
		return ctx_fault(c, "the certificate file %s can't be read or has more than %d octets", path, FILE_MAX);
	}
	*ret = (struct bytes) { buffer, n };
	return 0;
}

int cert_read_file(struct ctx *c, const char *path, struct bytes_list *ret_chain)
{
	struct bytes content;
	TRY(read_file(c, path, &content));
	if (content.n > 0 && content.p[0] == DER_SEQUENCE) {
		struct bytes *one = ARENA_NEW(c->arena, struct bytes);
		*one = content;
		*ret_chain = (struct bytes_list) { one, 1 };
		return 0;
	}
	if (cert_chain_of_pem(c, content, ret_chain) != 0) {
		ctx_forgive(c);
		return ctx_fault(c, "the file %s holds no certificates in PEM or DER", path);
	}
	return 0;
}

const char *cert_fingerprint(struct arena *a, struct bytes der)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(der, digest);
	return hex_encode(a, (struct bytes) { digest, sizeof(digest) });
}

const char *cert_fingerprint_colons(struct arena *a, struct bytes der)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t digest[SHA256_SIZE];
	sha256_of(der, digest);
	char *text = arena_alloc(a, (size_t) 3 * SHA256_SIZE);
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		text[3 * i] = digits[digest[i] >> 4];
		text[3 * i + 1] = digits[digest[i] & 15];
		text[3 * i + 2] = i + 1 < SHA256_SIZE ? ':' : '\0';
	}
	return text;
}

const char *cert_serial_hex(struct arena *a, struct bytes serial)
{
	return hex_encode(a, serial);
}
