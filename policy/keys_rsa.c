#include "policy/keys_rsa.h"

#include <string.h>

#include "lib/crypto/auto_openssl.h"

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

static enum rule size_rule(enum keys_use use, const struct rsa *key)
{
	if (key->bits < 2048 || key->bits > 4096 || key->bits % 8 != 0) {
		return RULE_KEY_RSA_SIZE; /* F-23 */
	}
	if (use == KEYS_CERTIFICATE && key->bits != 2048 && key->bits != 3072 && key->bits != 4096) {
		return RULE_KEY_RSA_SIZE_EXACT; /* F-20 */
	}
	if (key->exponent < 65537 || key->exponent > EXPONENT_MAX || key->exponent % 2 == 0) {
		return RULE_KEY_RSA_EXPONENT;
	}
	return use == KEYS_CERTIFICATE && key->exponent != 65537 ? RULE_KEY_RSA_EXPONENT_EXACT : RULE_NONE; /* D-65 */
}

/* F-20: Debian's lists have the end of the SHA-1 of what `openssl rsa -noout -modulus` prints. */
static bool is_on_debian_list(const struct rsa *key, const struct digest_set *debian)
{
	static const char before[] = "Modulus=";
	uint8_t digest[EVP_MAX_MD_SIZE];
	char text[sizeof(before) + (size_t) 2 * 512 + 1];
	if (debian == NULL || debian->n == 0) {
		return false;
	}
	char *hex = BN_bn2hex(key->n); /* capitals, whole octets */
	if (hex == NULL || strlen(hex) > (size_t) 2 * 512) {
		OPENSSL_free(hex);
		return true; /* what can't be looked up is refused */
	}
	int n = snprintf(text, sizeof(text), "%s%s\n", before, hex);
	OPENSSL_free(hex);
	size_t length = 0;
	bool good = EVP_Q_digest(NULL, "SHA1", NULL, text, (size_t) n, digest, &length) == 1;
	return !good || digest_set_has(debian, digest + length - debian->width);
}

static enum rule rule_of(enum keys_use use, const struct rsa *key, EVP_PKEY *handle, const struct digest_set *debian)
{
	enum rule rule = size_rule(use, key);
	if (rule != RULE_NONE) {
		return rule;
	}
	if (has_small_factor(key)) {
		return RULE_KEY_RSA_SMALL_FACTOR;
	}
	if (is_on_debian_list(key, debian)) {
		return RULE_KEY_DEBIAN;
	}
	if (has_roca_fingerprint(key)) {
		return RULE_KEY_RSA_ROCA;
	}
	if (falls_to_fermat(key)) {
		return RULE_KEY_RSA_FERMAT;
	}
	return is_prime_power(handle) ? RULE_KEY_RSA_PRIMES : RULE_NONE;
}

enum rule keys_rsa_rule(enum keys_use use, EVP_PKEY *handle, const struct digest_set *debian)
{
	BIGNUM *n_raw = NULL;
	BIGNUM *e_raw = NULL;
	bool good = EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_N, &n_raw) == 1 &&
	            EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_E, &e_raw) == 1;
	AUTO(BIGNUM) n = n_raw;
	AUTO(BIGNUM) e = e_raw;
	AUTO(BN_CTX) bn = BN_CTX_new();
	if (!good || bn == NULL) {
		return RULE_KEY_FORM;
	}
	uint64_t exponent = BN_num_bits(e) > 32 ? 0 : (uint64_t) BN_get_word(e);
	const struct rsa key = { .n = n, .bn = bn, .exponent = exponent, .bits = BN_num_bits(n) };
	return rule_of(use, &key, handle, debian);
}

bool keys_rsa_parts_are_good(const EVP_PKEY *handle)
{
	BIGNUM *n_raw = NULL;
	BIGNUM *e_raw = NULL;
	bool read = EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_N, &n_raw) == 1 &&
	            EVP_PKEY_get_bn_param(handle, OSSL_PKEY_PARAM_RSA_E, &e_raw) == 1;
	AUTO(BIGNUM) n = n_raw;
	AUTO(BIGNUM) e = e_raw;
	return read && BN_is_word(e, 65537) && !has_small_factor(&(struct rsa) { .n = n });
}
