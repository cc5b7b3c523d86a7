/* Which keys are taken: F-20..F-24, F-26, D-6, D-65. */
#include "tests/unit/crypto_test.h"

#include "policy/keys.h"

static bool seen[RULE_COUNT];

static void see(const char *id)
{
	for (enum rule rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		seen[rule] = seen[rule] || strcmp(rule_info(rule)->id, id) == 0;
	}
}

static struct bytes number(struct ctx *c, const BIGNUM *n)
{
	uint8_t *out = arena_alloc(c->arena, (size_t) BN_num_bytes(n));
	return der_unsigned(c->arena, (struct bytes) { out, (size_t) BN_bn2bin(n, out) });
}

static struct bytes rsa_spki(struct ctx *c, const BIGNUM *n, unsigned long exponent)
{
	static const uint8_t algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
		0x05, 0x00 };
	AUTO(BIGNUM) e = BN_new();
	BN_set_word(e, exponent);
	struct bytes key = DER(c->arena, DER_SEQUENCE, number(c, n), number(c, e));
	return DER(c->arena, DER_SEQUENCE, { algorithm, sizeof(algorithm) }, der_bits(c->arena, key));
}

static BIGNUM *prime(int bits)
{
	BIGNUM *p = BN_new();
	assert_int_equal(BN_generate_prime_ex(p, bits, 0, NULL, NULL, NULL), 1);
	return p;
}

/* The next prime from n on. */
static void next_prime(BIGNUM *n, BN_CTX *bn)
{
	BN_set_bit(n, 0);
	while (BN_check_prime(n, bn, NULL) != 1) {
		BN_add_word(n, 2);
	}
}

static struct bytes generated(struct ctx *c, const char *kind)
{
	EVP_PKEY *key = NULL;
	struct bytes spki;
	assert_good(c, key_generate(c, kind, &key));
	assert_good(c, key_spki(c, key, &spki));
	return spki;
}

#define assert_refused_by(c, use, spki, policy, id) \
	do { \
		assert_int_equal(keys_check(c, use, spki, policy, PROBLEM_BAD_CSR), -1); \
		assert_int_equal((c)->err.type, PROBLEM_BAD_CSR); \
		if (strcmp((c)->err.rule, id) != 0) { \
			fail_msg("expected %s, found %s (%s)", id, (c)->err.rule, (c)->err.detail); \
		} \
		see(id); \
		ctx_forgive(c); \
	} while (0)
#define assert_refused(c, use, spki, id) assert_refused_by(c, use, spki, NULL, id)

static void kinds_for_each_use(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *kind;
		bool certificate;
	} kinds[] = { { "rsa2048", true }, { "rsa3072", true }, { "p256", true }, { "p384", true }, { "p521", false },
		{ "ed25519", false } };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct bytes spki = generated(c, kinds[i].kind);
		assert_good(c, keys_check(c, KEYS_ACCOUNT, spki, NULL, PROBLEM_BAD_PUBLIC_KEY));
		if (kinds[i].certificate) {
			assert_good(c, keys_check(c, KEYS_CERTIFICATE, spki, NULL, PROBLEM_BAD_CSR));
		} else {
			assert_refused(c, KEYS_CERTIFICATE, spki, "key.kind");
		}
	}
}

static struct config config;

static struct policy *policy_of(struct ctx *c, const struct policy_sources *from)
{
	struct policy_sources sources = *from;
	struct policy *policy = NULL;
	config.policy.mode = "private";
	sources.config = &config;
	if (policy_parse(c, &sources, &policy) != 0) {
		fail_msg("%s", c->err.detail);
	}
	return policy;
}

static struct policy *with_list(struct ctx *c, const char *name, const char *content)
{
	struct file file = { name, name, bytes_of_text(content) };
	return policy_of(c, &(struct policy_sources) { .files = { .lists = { &file, 1 } } });
}

/* F-24, F-26, E-16 */
static void blocked_keys(void **state)
{
	struct ctx *c = *state;
	struct bytes spki = generated(c, "p256");
	uint8_t digest[32];
	sha256_of(spki, digest);
	struct policy *policy = with_list(c, "public.spki",
	    arena_printf(c->arena,
	        "# keys that everybody knows\n"
	        "0000000000000000000000000000000000000000000000000000000000000000\n"
	        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF # by whom, when\n%s\n",
	        hex_encode(c->arena, (struct bytes) { digest, sizeof(digest) })));
	assert_int_equal(policy->blocked_keys.n, 3);
	assert_refused_by(c, KEYS_ACCOUNT, spki, policy, "key.blocked");
	assert_refused_by(c, KEYS_CERTIFICATE, spki, policy, "key.blocked");
	assert_good(c, keys_check(c, KEYS_CERTIFICATE, spki, NULL, PROBLEM_BAD_CSR));
	assert_good(c, keys_check(c, KEYS_ACCOUNT, generated(c, "p256"), policy, PROBLEM_BAD_PUBLIC_KEY));
	policy_free(policy);
}

/* A CA's own key is no subscriber's (F-8). */
static void own_keys(void **state)
{
	struct ctx *c = *state;
	struct bytes own[] = { generated(c, "p384"), generated(c, "rsa2048") };
	struct policy *policy = policy_of(c, &(struct policy_sources) { .spkis = { own, 2 } });
	assert_refused_by(c, KEYS_CERTIFICATE, own[0], policy, "key.own");
	assert_refused_by(c, KEYS_ACCOUNT, own[1], policy, "key.own");
	assert_good(c, keys_check(c, KEYS_CERTIFICATE, generated(c, "p384"), policy, PROBLEM_BAD_CSR));
	policy_free(policy);
}

/* F-20: the key that Debian's openssl 0.9.8g-8 made on amd64 without ~/.rnd for process 0; everybody can make it. Its entry
 * in the published list is the end of the SHA-1 of the line "Modulus=B658...". */
static const char debian_modulus[] =
    "B65881388374F4E4B5C33295F7AC96CC83C075849A764512B72A135961761AA6BB66209211776031C002A29FB5418D3B"
    "3856B8809E538820A66C76F96C9920C7AB70427BA24BB394C334B265834678CDAC62AFB390C2D2E78B0E4F2CDA706387"
    "B4AFFD7400363E0B92E6BC2EC0D67B643BCAF69EDF14B69CAA3C3BEECAD236C8DE929C29D0BE1ADC8E32DCFB13E0124E"
    "A6A55A3065476C68E6A523A5ACD1652D16CA07F288DEE9E4B64489C89854835DBE222E29E49E33D84A8D59FBBE1B5FBD"
    "743968EDDB8C907BD614E49B97EB110910040A0DED01459FB8F4C6BA3B21873322AA1CEC94B9DDC50D418510907C4C54"
    "B251AF084F5061441560448648156F1D";
static const char debian_entry[] = "3ff0bdec95d9fe569885";

static struct bytes spki_of_hex(struct ctx *c, const char *hex)
{
	BIGNUM *raw = NULL;
	assert_int_not_equal(BN_hex2bn(&raw, hex), 0);
	AUTO(BIGNUM) n = raw;
	return rsa_spki(c, n, 65537);
}

static void debian_keys(void **state)
{
	struct ctx *c = *state;
	struct bytes weak = spki_of_hex(c, debian_modulus);
	struct policy *policy = with_list(c, "blacklist.RSA-2048",
	    arena_printf(
	        c->arena, "# as in openssl-blacklist\n00000000000000000000\n%s\nffffffffffffffffffff\n", debian_entry));
	assert_int_equal(policy->debian_keys.n, 3);
	assert_refused_by(c, KEYS_CERTIFICATE, weak, policy, "key.debian");
	assert_refused_by(c, KEYS_ACCOUNT, weak, policy, "key.debian");
	assert_good(c, keys_check(c, KEYS_CERTIFICATE, weak, NULL, PROBLEM_BAD_CSR)); /* nothing else is wrong with it */
	assert_good(c, keys_check(c, KEYS_CERTIFICATE, generated(c, "rsa2048"), policy, PROBLEM_BAD_CSR));
	policy_free(policy);
	/* whole digests, as other makers publish them */
	policy = with_list(c, "blocklist.RSA-2048", arena_printf(c->arena, "0123456789abcdef0123%s\n", debian_entry));
	assert_refused_by(c, KEYS_CERTIFICATE, weak, policy, "key.debian");
	policy_free(policy);
}

/* F-20, D-65 */
static void sizes_and_exponents(void **state)
{
	struct ctx *c = *state;
	AUTO(BIGNUM) p = prime(1024);
	AUTO(BIGNUM) q = prime(1024);
	AUTO(BIGNUM) q_short = prime(1016);
	AUTO(BIGNUM) n = BN_new();
	AUTO(BN_CTX) bn = BN_CTX_new();
	BN_mul(n, p, q, bn);
	assert_good(c, keys_check(c, KEYS_CERTIFICATE, rsa_spki(c, n, 65537), NULL, PROBLEM_BAD_CSR));
	assert_good(c, keys_check(c, KEYS_ACCOUNT, rsa_spki(c, n, 65539), NULL, PROBLEM_BAD_CSR));
	assert_refused(c, KEYS_CERTIFICATE, rsa_spki(c, n, 65539), "key.rsa-exponent-certificate");
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 3), "key.rsa-exponent");
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65538), "key.rsa-exponent");
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 0x100000001), "key.rsa-exponent");
	BN_mul(n, p, q_short, bn);
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), "key.rsa-size");
	AUTO(BIGNUM) odd = prime(1032); /* 2056 bits, in steps of 8 */
	BN_mul(n, p, odd, bn);
	assert_refused(c, KEYS_CERTIFICATE, rsa_spki(c, n, 65537), "key.rsa-size-certificate");
	assert_good(c, keys_check(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), NULL, PROBLEM_BAD_CSR));
}

/* F-23 */
static void small_factors_and_powers(void **state)
{
	struct ctx *c = *state;
	AUTO(BN_CTX) bn = BN_CTX_new();
	AUTO(BIGNUM) n = BN_new();
	static const unsigned long factors[] = { 2, 3, 751 };
	for (size_t i = 0; i < COUNT_OF(factors); i++) {
		BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
		BN_sub_word(n, BN_mod_word(n, factors[i]));
		assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), "key.rsa-small-factor");
	}
	AUTO(BIGNUM) square = prime(1024);
	BN_sqr(n, square, bn);
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), "key.rsa-fermat");
	do {
		AUTO(BIGNUM) p = prime(683);
		AUTO(BIGNUM) three = BN_new();
		BN_set_word(three, 3);
		BN_exp(n, p, three, bn);
	} while (BN_num_bits(n) != 2048);
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), "key.rsa-primes");
}

/* Primes so far apart that Fermat's way finds them after about `rounds` steps. */
static struct bytes fermat_spki(struct ctx *c, unsigned long tenths)
{
	AUTO(BN_CTX) bn = BN_CTX_new();
	AUTO(BIGNUM) p = prime(1024);
	AUTO(BIGNUM) apart = BN_new();
	AUTO(BIGNUM) n = BN_new();
	/* rounds = (q - p)^2 / (8 p), so q - p is the root of 8 p rounds; found bit by bit from above */
	AUTO(BIGNUM) target = BN_dup(p);
	BN_mul_word(target, tenths * 8);
	BN_div_word(target, 10);
	AUTO(BIGNUM) trial = BN_new();
	AUTO(BIGNUM) squared = BN_new();
	BN_zero(apart);
	for (int bit = 520; bit >= 0; bit--) {
		BN_copy(trial, apart);
		BN_set_bit(trial, bit);
		BN_sqr(squared, trial, bn);
		if (BN_cmp(squared, target) <= 0) {
			BN_copy(apart, trial);
		}
	}
	AUTO(BIGNUM) q = BN_dup(p);
	BN_add(q, q, apart);
	next_prime(q, bn);
	BN_mul(n, p, q, bn);
	return rsa_spki(c, n, 65537);
}

/* F-22: found in round 1, 51, 99, 100: refused; in 101: accepted (the middle of each, in tenths). */
static void fermat(void **state)
{
	struct ctx *c = *state;
	assert_refused(c, KEYS_ACCOUNT, fermat_spki(c, 1), "key.rsa-fermat");
	assert_refused(c, KEYS_ACCOUNT, fermat_spki(c, 500), "key.rsa-fermat");
	assert_refused(c, KEYS_ACCOUNT, fermat_spki(c, 985), "key.rsa-fermat");
	assert_refused(c, KEYS_ACCOUNT, fermat_spki(c, 995), "key.rsa-fermat");
	assert_good(c, keys_check(c, KEYS_ACCOUNT, fermat_spki(c, 1005), NULL, PROBLEM_BAD_CSR));
}

/* A prime of the broken generator's form: k M + 65537^a mod M, M the product of the primes to 167. */
static BIGNUM *roca_prime(BN_CTX *bn)
{
	AUTO(BIGNUM) m = BN_new();
	AUTO(BIGNUM) base = BN_new();
	AUTO(BIGNUM) a = BN_new();
	AUTO(BIGNUM) k = BN_new();
	BIGNUM *p = BN_new();
	BN_one(m);
	for (unsigned long i = 2; i <= 167; i++) {
		BN_set_word(k, i);
		if (BN_check_prime(k, bn, NULL) == 1) {
			BN_mul_word(m, i);
		}
	}
	BN_set_word(base, 65537);
	BN_rand(a, 60, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
	assert_int_equal(BN_mod_exp(base, base, a, m, bn), 1);
	do { /* its two highest bits are set, so that the product of two has 2048 */
		BN_rand(k, 1025 - BN_num_bits(m), BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
		BN_mul(p, k, m, bn);
		BN_add(p, p, base);
	} while (BN_num_bits(p) != 1024 || !BN_is_bit_set(p, 1022) || BN_check_prime(p, bn, NULL) != 1);
	return p;
}

/* F-21 */
static void roca(void **state)
{
	struct ctx *c = *state;
	AUTO(BN_CTX) bn = BN_CTX_new();
	AUTO(BIGNUM) n = BN_new();
	AUTO(BIGNUM) p = roca_prime(bn);
	AUTO(BIGNUM) q = roca_prime(bn);
	BN_mul(n, p, q, bn);
	assert_refused(c, KEYS_ACCOUNT, rsa_spki(c, n, 65537), "key.rsa-roca");
}

/* D-6: other spellings of a good key */
static void forms(void **state)
{
	struct ctx *c = *state;
	struct bytes spki = generated(c, "p256");
	static const char compressed_head[] = "\x30\x39\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce"
	                                      "\x3d\x03\x01\x07\x03\x22\x00";
	uint8_t compressed[59];
	memcpy(compressed, compressed_head, 26);
	compressed[26] = (uint8_t) (2 + spki.p[spki.n - 1] % 2);
	memcpy(compressed + 27, spki.p + 27, 32);
	assert_refused(c, KEYS_ACCOUNT, ((struct bytes) { compressed, sizeof(compressed) }), "key.form");
	uint8_t off_curve[91];
	memcpy(off_curve, spki.p, spki.n);
	off_curve[spki.n - 1] ^= 1;
	assert_refused(c, KEYS_ACCOUNT, ((struct bytes) { off_curve, sizeof(off_curve) }), "key.form");
	uint8_t longer[92] = { 0 };
	memcpy(longer, spki.p, spki.n);
	assert_refused(c, KEYS_ACCOUNT, ((struct bytes) { longer, sizeof(longer) }), "key.form");
	AUTO(BIGNUM) n = prime(512);
	struct bytes rsa = rsa_spki(c, n, 65537);
	uint8_t *no_null = arena_alloc(c->arena, rsa.n); /* the algorithm's NULL left out */
	struct bytes content;
	struct bytes bits;
	assert_int_equal(der_take_only(rsa, DER_SEQUENCE, &content), 0);
	bits = (struct bytes) { content.p + 15, content.n - 15 };
	memcpy(no_null, "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 13);
	struct bytes other = DER(c->arena, DER_SEQUENCE, { no_null, 13 }, bits);
	assert_refused(c, KEYS_ACCOUNT, other, "key.form");
	assert_refused(c, KEYS_ACCOUNT, rsa, "key.rsa-size");
	assert_refused(c, KEYS_ACCOUNT, ((struct bytes) { NULL, 0 }), "key.form");
}

/* D-67, D-69: ML-DSA-44, -65 and -87 (2.16.840.1.101.3.4.3.17 to .19), with public keys of their sizes, in whatever use. */
static void ml_dsa(void **state)
{
	struct ctx *c = *state;
	static const size_t sizes[] = { 1312, 1952, 2592 };
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		const uint8_t algorithm[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
			(uint8_t) (17 + i) };
		uint8_t *octets = arena_alloc(c->arena, sizes[i]);
		random_bytes(octets, sizes[i]);
		struct bytes spki = DER(c->arena, DER_SEQUENCE, { algorithm, sizeof(algorithm) },
		    der_bits(c->arena, (struct bytes) { octets, sizes[i] }));
		assert_int_equal(keys_check(c, KEYS_CERTIFICATE, spki, NULL, PROBLEM_BAD_CSR), -1);
		assert_int_equal(c->err.type, PROBLEM_BAD_CSR);
		assert_non_null(strstr(c->err.detail, "ML-DSA keys are not supported"));
		ctx_forgive(c);
		assert_int_equal(keys_check(c, KEYS_ACCOUNT, spki, NULL, PROBLEM_BAD_PUBLIC_KEY), -1);
		assert_int_equal(c->err.type, PROBLEM_BAD_PUBLIC_KEY);
		assert_non_null(strstr(c->err.detail, "ML-DSA keys are not supported"));
		ctx_forgive(c);
	}
}

/* Runs last. What only the database knows is tried in test_ra.c and test_ra_policy.c, private keys in test_wfe_leak.c. */
static void every_rule_was_seen(void **state)
{
	(void) state;
	for (enum rule rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		bool elsewhere = rule == RULE_KEY_COMPROMISED || rule == RULE_KEY_OF_ACCOUNT ||
		                 rule == RULE_KEY_OF_CERTIFICATE || rule == RULE_KEY_PRIVATE;
		if (!seen[rule] && !elsewhere && strncmp(rule_info(rule)->id, "key.", 4) == 0) {
			fail_msg("no test shows %s", rule_info(rule)->id);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(kinds_for_each_use),
		WITH_CTX(blocked_keys),
		WITH_CTX(own_keys),
		WITH_CTX(debian_keys),
		WITH_CTX(sizes_and_exponents),
		WITH_CTX(small_factors_and_powers),
		WITH_CTX(fermat),
		WITH_CTX(roca),
		WITH_CTX(forms),
		WITH_CTX(ml_dsa),
		WITH_CTX(every_rule_was_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
