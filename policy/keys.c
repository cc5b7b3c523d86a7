#include "policy/keys.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/digest.h"

#define FERMAT_ROUNDS 100
#define SMALL_FACTOR_MAX 752
#define EXPONENT_MAX UINT32_MAX

struct rsa {
	const BIGNUM *n;
	BN_CTX *bn;
	uint64_t exponent;
	int bits;
};

static bool is_prime_number(unsigned p)
{
	for (unsigned d = 2; d * d <= p; d++) {
		if (p % d == 0) {
			return false;
		}
	}
	return p > 1;
}

/* F-23: a factor below 752. */
static bool has_small_factor(const struct rsa *key)
{
	for (unsigned p = 2; p < SMALL_FACTOR_MAX; p++) {
		if (is_prime_number(p) && BN_mod_word(key->n, p) == 0) {
			return true;
		}
	}
	return false;
}

/* F-21: the broken generator (CVE-2017-15361) made primes that are powers of 65537 modulo each small prime; so the
 * modulus is one too, which a random modulus is for all of these with a chance of some 2^-27. */
static bool has_roca_fingerprint(const struct rsa *key)
{
	for (unsigned p = 3; p <= 167; p++) {
		if (!is_prime_number(p)) {
			continue;
		}
		BN_ULONG rest = BN_mod_word(key->n, p);
		bool is_power = false;
		BN_ULONG power = 1;
		for (unsigned i = 0; i < p && !is_power; i++) {
			is_power = power == rest;
			power = power * 65537 % p;
		}
		if (!is_power) {
			return false;
		}
	}
	return true;
}

/* r = floor(sqrt(n)), by Newton from above. */
static bool square_root(BIGNUM *r, const BIGNUM *n, BN_CTX *bn)
{
	BN_CTX_start(bn);
	BIGNUM *next = BN_CTX_get(bn);
	BIGNUM *quotient = BN_CTX_get(bn);
	bool good = quotient != NULL && BN_one(r) == 1 && BN_lshift(r, r, (BN_num_bits(n) + 1) / 2) == 1;
	while (good) {
		good = BN_div(quotient, NULL, n, r, bn) == 1 && BN_add(next, r, quotient) == 1 && BN_rshift1(next, next) == 1;
		if (good && BN_cmp(next, r) >= 0) {
			break;
		}
		good = good && BN_copy(r, next) != NULL;
	}
	BN_CTX_end(bn);
	return good;
}

/* Most numbers that are no squares are seen by their rest; only the others cost a root. */
static bool is_square(const BIGNUM *n, BIGNUM *root, BIGNUM *again, BN_CTX *bn)
{
	static const unsigned moduli[] = { 64, 63, 65, 11, 17, 19 };
	for (size_t i = 0; i < COUNT_OF(moduli); i++) {
		BN_ULONG rest = BN_mod_word(n, moduli[i]);
		bool possible = false;
		for (unsigned x = 0; x < moduli[i] && !possible; x++) {
			possible = x * x % moduli[i] == rest;
		}
		if (!possible) {
			return false;
		}
	}
	return BN_is_zero(n) || (square_root(root, n, bn) && BN_sqr(again, root, bn) == 1 && BN_cmp(again, n) == 0);
}

/* F-22: n = a^2 - b^2 with a in the first 100 values from the root on: the primes lie too close to each other. */
static bool falls_to_fermat(const struct rsa *key)
{
	BN_CTX *bn = key->bn;
	BN_CTX_start(bn);
	BIGNUM *a = BN_CTX_get(bn);
	BIGNUM *b2 = BN_CTX_get(bn);
	BIGNUM *root = BN_CTX_get(bn);
	BIGNUM *again = BN_CTX_get(bn);
	bool good = again != NULL && square_root(a, key->n, bn);
	bool found = !good; /* what can't be looked at is refused */
	for (int i = 0; good && !found && i <= FERMAT_ROUNDS; i++) {
		/* The root rounded down is tried first: then n is a square itself. */
		good = BN_sqr(b2, a, bn) == 1 && BN_sub(b2, b2, key->n) == 1;
		found = !good || (!BN_is_negative(b2) && is_square(b2, root, again, bn));
		good = good && BN_add_word(a, 1) == 1;
	}
	BN_CTX_end(bn);
	return found;
}

/* The library's check (SP 800-56B 6.4.2.2) tells a composite of several primes from a prime and a prime power (F-23). */
static bool is_prime_power(EVP_PKEY *key)
{
	AUTO(EVP_PKEY_CTX) check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool sound = check != NULL && EVP_PKEY_public_check(check) == 1;
	ERR_clear_error();
	return !sound;
}

static const char *why_rsa_size(enum keys_use use, const struct rsa *key)
{
	if (use == KEYS_CERTIFICATE && key->bits != 2048 && key->bits != 3072 && key->bits != 4096) {
		return "an RSA key for a certificate must have 2048, 3072 or 4096 bits"; /* F-20 */
	}
	if (key->bits < 2048 || key->bits > 4096 || key->bits % 8 != 0) {
		return "an RSA key must have 2048 to 4096 bits in steps of 8";
	}
	if (use == KEYS_CERTIFICATE && key->exponent != 65537) {
		return "an RSA key for a certificate must have the exponent 65537"; /* D-65 */
	}
	if (key->exponent < 65537 || key->exponent > EXPONENT_MAX || key->exponent % 2 == 0) {
		return "the exponent of an RSA key must be an odd number from 65537 to 2^32 - 1";
	}
	return NULL;
}

static const char *why_rsa(enum keys_use use, const struct rsa *key, EVP_PKEY *handle)
{
	const char *why = why_rsa_size(use, key);
	if (why != NULL) {
		return why;
	}
	if (has_small_factor(key)) {
		return "the modulus of the RSA key has a small factor";
	}
	if (has_roca_fingerprint(key)) {
		return "the RSA key was made by a generator that is known to be broken (ROCA)";
	}
	if (falls_to_fermat(key)) {
		return "the primes of the RSA key are too close to each other";
	}
	return is_prime_power(handle) ? "the modulus of the RSA key is not the product of two primes" : NULL;
}

static int check_rsa(struct ctx *c, enum keys_use use, EVP_PKEY *handle, enum problem as)
{
	BIGNUM *n_raw = NULL;
	BIGNUM *e_raw = NULL;
	bool good = EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_N, &n_raw) == 1 &&
	            EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_E, &e_raw) == 1;
	AUTO(BIGNUM) n = n_raw;
	AUTO(BIGNUM) e = e_raw;
	AUTO(BN_CTX) bn = BN_CTX_new();
	if (!good || bn == NULL) {
		return key_fault(c, "the numbers of an RSA key");
	}
	uint64_t exponent = BN_num_bits(e) > 32 ? 0 : (uint64_t) BN_get_word(e);
	const struct rsa key = { .n = n, .bn = bn, .exponent = exponent, .bits = BN_num_bits(n) };
	const char *why = why_rsa(use, &key, handle);
	return why == NULL ? 0 : ctx_fail(c, as, "The key is refused: %s", why);
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_SIZE);
}

/* F-24, F-26 */
static bool is_blocked(struct bytes spki, const struct keys_blocked *blocked)
{
	uint8_t digest[SHA256_SIZE];
	if (blocked == NULL || blocked->n == 0) {
		return false;
	}
	sha256_of(spki, digest);
	return bsearch(digest, blocked->v, blocked->n, SHA256_SIZE, compare_digests) != NULL;
}

static bool kind_is_allowed(enum keys_use use, enum key_kind kind)
{
	static const bool allowed[][KEY_ED25519 + 1] = {
		[KEYS_CERTIFICATE] = { [KEY_RSA] = true, [KEY_P256] = true, [KEY_P384] = true },
		[KEYS_ACCOUNT] = { [KEY_RSA] = true,
		    [KEY_P256] = true,
		    [KEY_P384] = true,
		    [KEY_P521] = true,
		    [KEY_ED25519] = true },
	};
	return allowed[use][kind];
}

int keys_check_read(
    struct ctx *c, enum keys_use use, const struct keys_read *read, const struct keys_blocked *blocked, enum problem as)
{
	enum key_kind kind = key_kind_of(read->key);
	if (!kind_is_allowed(use, kind)) {
		return ctx_fail(c, as, "The key is refused: %s keys are not taken for %s", key_kind_name(kind),
		    use == KEYS_CERTIFICATE ? "certificates" : "accounts");
	}
	if (is_blocked(read->spki, blocked)) {
		return ctx_fail(c, as, "The key is refused: it is known to be compromised or public");
	}
	return kind == KEY_RSA ? check_rsa(c, use, read->key, as) : 0;
}

int keys_read_spki(struct ctx *c, struct bytes spki, enum problem as, struct keys_read *ret_read)
{
	EVP_PKEY *key = NULL;
	if (key_of_spki(c, spki, &key) != 0) { /* D-6, and that a point is on its curve (F-23) */
		const char *why = c->err.detail;
		ctx_forgive(c);
		return ctx_fail(c, as, "The key is refused: %s", why);
	}
	*ret_read = (struct keys_read) { key, spki };
	return 0;
}

int keys_check(struct ctx *c, enum keys_use use, struct bytes spki, const struct keys_blocked *blocked, enum problem as)
{
	struct keys_read read = { .spki = spki };
	TRY(keys_read_spki(c, spki, as, &read));
	return keys_check_read(c, use, &read, blocked, as);
}
