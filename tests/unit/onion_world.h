/* Onion services of the tests' own: keys with their names, what they sign. Include it behind crypto_test.h. */
#ifndef CAIRN_TESTS_ONION_WORLD_H
#define CAIRN_TESTS_ONION_WORLD_H

#include "lib/crypto/der.h"
#include "lib/crypto/key.h"
#include "lib/crypto/oid.h"
#include "lib/crypto/onion.h"

#define BYTES(...) ((struct bytes) OCTETS(__VA_ARGS__))
#define WITHOUT ((struct bytes) { NULL, 0 })

struct service {
	EVP_PKEY *key;
	uint8_t raw[ONION_KEY_SIZE];
	const char *name; /* KEY.onion */
};

/* The label of a key, as Tor's specification tells how it is made. */
static inline const char *onion_label(struct arena *a, const uint8_t key[ONION_KEY_SIZE], uint8_t version, bool good)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t message[15 + ONION_KEY_SIZE + 1];
	uint8_t digest[32];
	uint8_t octets[36] = { 0 };
	char label[57] = "";
	size_t n = 0;
	memcpy(message, ".onion checksum", 15);
	memcpy(message + 15, key, ONION_KEY_SIZE);
	message[sizeof(message) - 1] = version;
	assert_int_equal(EVP_Q_digest(NULL, "SHA3-256", NULL, message, sizeof(message), digest, &n), 1);
	memcpy(octets, key, ONION_KEY_SIZE);
	memcpy(octets + ONION_KEY_SIZE, digest, 2);
	octets[ONION_KEY_SIZE + 1] ^= good ? 0 : 1;
	octets[ONION_KEY_SIZE + 2] = version;
	for (size_t i = 0; i < 56; i++) {
		unsigned two = (unsigned) (octets[i * 5 / 8] << 8 | octets[i * 5 / 8 + 1]);
		label[i] = alphabet[two >> (11 - i * 5 % 8) & 31];
	}
	return arena_text(a, label);
}

static inline struct service service_new(struct ctx *c)
{
	struct service s = { 0 };
	size_t n = sizeof(s.raw);
	assert_int_equal(key_generate(c, "ed25519", &s.key), 0);
	assert_int_equal(EVP_PKEY_get_raw_public_key(s.key, s.raw, &n), 1);
	s.name = arena_printf(c->arena, "%s.onion", onion_label(c->arena, s.raw, 3, true));
	return s;
}

static inline struct bytes service_sign(struct ctx *c, const struct service *s, struct bytes message)
{
	size_t n = 64;
	uint8_t *signature = arena_alloc(c->arena, n);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(md, signature, &n, message.p, message.n), 1);
	EVP_MD_CTX_free(md);
	return (struct bytes) { signature, n };
}

/* What is to be wrong in a request; nothing: it is good. */
struct csr_ask {
	struct bytes nonce; /* the CA's */
	struct bytes applicant;
	const struct service *signer; /* if it is another */
	struct bytes more;            /* attributes beside the two */
	uint8_t version;
	bool no_nonce;
	bool no_applicant;
	bool nonce_twice; /* in one attribute */
	bool broken;      /* its signature */
	bool cut;
	bool longer;
};

static inline struct bytes attribute_of(struct arena *a, struct bytes oid, struct bytes values)
{
	return DER(a, DER_SEQUENCE, oid, der_wrap(a, DER_SET, &values, 1));
}

static inline struct bytes spki_of(struct ctx *c, const struct service *s)
{
	struct bytes spki;
	assert_int_equal(key_spki(c, s->key, &spki), 0);
	return spki;
}

static inline struct bytes onion_csr(struct ctx *c, const struct service *s, const struct csr_ask *ask)
{
	struct arena *a = c->arena;
	const struct bytes algorithm = BYTES(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70);
	struct bytes nonce = DER(a, DER_OCTET_STRING, ask->nonce);
	struct bytes nonces = ask->nonce_twice ? der_join(a, (const struct bytes[]) { nonce, nonce }, 2) : nonce;
	struct bytes ours = ask->no_nonce ? WITHOUT : attribute_of(a, BYTES(0x06, 0x04, 0x67, 0x81, 0x0c, 0x29), nonces);
	struct bytes own = ask->no_applicant ? WITHOUT
	                                     : attribute_of(a, BYTES(0x06, 0x04, 0x67, 0x81, 0x0c, 0x2a),
	                                           DER(a, DER_OCTET_STRING, ask->applicant));
	const uint8_t version = ask->version;
	struct bytes info = DER(a, DER_SEQUENCE, DER(a, DER_INTEGER, (struct bytes) { &version, 1 }), BYTES(0x30, 0x00),
	    spki_of(c, s), DER(a, DER_CONTEXT_CONSTRUCTED(0), ours, own, ask->more));
	struct bytes signature = service_sign(c, ask->signer == NULL ? s : ask->signer, info);
	uint8_t *bits = arena_alloc(a, signature.n);
	memcpy(bits, signature.p, signature.n);
	bits[5] ^= ask->broken ? 1 : 0;
	struct bytes der = DER(a, DER_SEQUENCE, info, algorithm, der_bits(a, (struct bytes) { bits, signature.n }));
	if (ask->longer) {
		der = der_join(a, (const struct bytes[]) { der, BYTES(0x05, 0x00) }, 2);
	}
	der.n -= ask->cut ? 1 : 0;
	return der;
}

#endif
