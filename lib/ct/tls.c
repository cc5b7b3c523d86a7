#include "lib/ct/tls.h"

#include "lib/crypto/key.h"

#define HASH_SHA256 4
#define ALGORITHM_RSA 1
#define ALGORITHM_ECDSA 3

int tls_take(struct bytes *in, size_t n, struct bytes *ret)
{
	if (in->n < n) {
		return -1;
	}
	*ret = (struct bytes) { in->p, n };
	*in = (struct bytes) { in->p + n, in->n - n };
	return 0;
}

int tls_take_number(struct bytes *in, size_t octets, uint64_t *ret)
{
	struct bytes b;
	uint64_t value = 0;
	TRY(tls_take(in, octets, &b));
	for (size_t i = 0; i < octets; i++) {
		value = value << 8 | b.p[i];
	}
	*ret = value;
	return 0;
}

int tls_take_opaque(struct bytes *in, size_t length_octets, struct bytes *ret)
{
	uint64_t n = 0;
	TRY(tls_take_number(in, length_octets, &n));
	return tls_take(in, (size_t) n, ret);
}

void tls_put_number(struct buffer *b, size_t octets, uint64_t value)
{
	for (size_t i = octets; i-- > 0;) {
		buffer_add_char(b, (char) (uint8_t) (value >> (8 * i)));
	}
}

void tls_put_opaque(struct buffer *b, size_t length_octets, struct bytes value)
{
	tls_put_number(b, length_octets, value.n);
	buffer_add(b, value.p, value.n);
}

int tls_take_signature(struct bytes *in, struct tls_signature *ret)
{
	uint64_t hash = 0;
	uint64_t algorithm = 0;
	TRY(tls_take_number(in, 1, &hash));
	TRY(tls_take_number(in, 1, &algorithm));
	TRY(tls_take_opaque(in, 2, &ret->octets));
	ret->hash = (uint8_t) hash;
	ret->algorithm = (uint8_t) algorithm;
	return in->n == 0 && ret->octets.n > 0 ? 0 : -1;
}

bool tls_signature_holds(const struct tls_signature *signature, EVP_PKEY *key, struct bytes message)
{
	enum key_kind kind = key_kind_of(key);
	bool fits = (kind == KEY_P256 && signature->algorithm == ALGORITHM_ECDSA) ||
	            (kind == KEY_RSA && signature->algorithm == ALGORITHM_RSA);
	return signature->hash == HASH_SHA256 && fits && key_verify_hashed(key, DIGEST_SHA256, message, signature->octets);
}
