/* PKCS#10 requests. */
#include "tests/unit/crypto_test.h"

#include "lib/crypto/csr.h"

/* What goes into a request; NULL: not there. */
struct ask {
	const char *kind; /* of the key; default p256 */
	const char *common_name;
	const char *second_common_name;
	const char *san; /* in OpenSSL's notation */
	const char *constraints;
	const char *feature;
	const char *hash;
	const char *san_der; /* as OpenSSL would not write it */
	bool broken_signature;
	bool twice; /* the list of extensions */
	long version;
};

static void add_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
	if (value != NULL) {
		X509V3_CTX context;
		X509V3_set_ctx_nodb(&context);
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
		assert_non_null(e);
		sk_X509_EXTENSION_push(list, e);
	}
}

static void add_subject(X509_REQ *req, const char *text)
{
	if (text != NULL) {
		X509_NAME *name = X509_REQ_get_subject_name(req);
		assert_int_equal(
		    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) text, -1, -1, 0), 1);
	}
}

static struct bytes make(struct ctx *c, const struct ask *ask)
{
	EVP_PKEY *key = NULL;
	AUTO(X509_REQ) req = X509_REQ_new();
	AUTO_STACK(X509_EXTENSION) list = sk_X509_EXTENSION_new_null();
	assert_good(c, key_generate(c, ask->kind == NULL ? "p256" : ask->kind, &key));
	assert_int_equal(X509_REQ_set_version(req, ask->version), 1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	add_subject(req, ask->common_name);
	add_subject(req, ask->second_common_name);
	add_extension(list, NID_subject_alt_name, ask->san);
	add_extension(list, NID_basic_constraints, ask->constraints);
	add_extension(list, NID_tlsfeature, ask->feature);
	add_extension(list, NID_subject_alt_name, ask->san_der);
	if (sk_X509_EXTENSION_num(list) > 0) {
		assert_int_equal(X509_REQ_add_extensions(req, list), 1);
		assert_int_equal(ask->twice ? X509_REQ_add_extensions_nid(req, list, NID_ms_ext_req) : 1, 1);
	}
	const EVP_MD *md = EVP_get_digestbyname(ask->hash == NULL ? "SHA256" : ask->hash);
	assert_true(X509_REQ_sign(req, key, key_kind_of(key) == KEY_ED25519 ? NULL : md) > 0);
	uint8_t *der = NULL;
	int n = i2d_X509_REQ(req, &der);
	assert_true(n > 0);
	uint8_t *copy = arena_alloc(c->arena, (size_t) n);
	memcpy(copy, der, (size_t) n);
	OPENSSL_free(der);
	copy[n - 1] ^= ask->broken_signature ? 1 : 0;
	return (struct bytes) { copy, (size_t) n };
}

static void names_and_key_are_read(void **state)
{
	struct ctx *c = *state;
	const struct ask ask = { .common_name = "WWW.Example.COM",
		.san = "DNS:b.example.com,DNS:A.example.com,DNS:b.example.com,IP:192.0.2.1,IP:2001:db8::1",
		.feature = "status_request" };
	struct csr csr;
	struct bytes spki;
	assert_good(c, csr_parse(c, make(c, &ask), &csr));
	assert_int_equal(csr.kind, KEY_P256);
	assert_string_equal(csr.common_name, "www.example.com");
	assert_int_equal(csr.dns_names.n, 3);
	assert_string_equal(csr.dns_names.v[0], "b.example.com"); /* their order, lower case */
	assert_string_equal(csr.dns_names.v[1], "a.example.com");
	assert_int_equal(csr.ip_addresses.n, 2);
	assert_string_equal(csr.ip_addresses.v[1], "2001:db8::1"); /* B-7 */
	assert_true(csr.wants_must_staple);                        /* D-48, D-49: seen, and nothing more */
	assert_good(c, key_spki(c, csr.key, &spki));
	assert_true(bytes_equal(spki, csr.spki));
	struct text_list names = csr_names(c, &csr);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[2], "www.example.com");
}

/* E-15: a request with that name, whole and signed, proves; none that an order may have does, and a proof is no CSR of an order. */
static void a_name_with_a_blank_proves(void **state)
{
	struct ctx *c = *state;
	const struct ask asks[] = {
		{ .common_name = CSR_PROOF },
		{ .common_name = "proof of key compromise for www.example.com", .kind = "rsa2048" },
	};
	const struct ask no[] = {
		{ .common_name = "Proof of Key Compromis" },
		{ .common_name = "a.test", .san = "DNS:a.test" },
		{ .san = "DNS:a.test" },
		{ .common_name = CSR_PROOF "\n" },
		{ .common_name = CSR_PROOF, .second_common_name = "a.test" },
		{ .common_name = CSR_PROOF, .broken_signature = true },
		{ .common_name = CSR_PROOF, .hash = "SHA1" },
		{ .common_name = CSR_PROOF, .version = 1 },
	};
	struct bytes spki;
	struct csr csr;
	const char *name = NULL;
	for (size_t i = 0; i < COUNT_OF(asks); i++) {
		struct bytes der = make(c, &asks[i]);
		assert_good(c, csr_proof_parse(c, der, &spki, &name));
		assert_string_equal(name, asks[i].common_name);
		assert_true(spki.n > 0 && spki.p > der.p && spki.p + spki.n < der.p + der.n);
		assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, der, &csr));
		assert_problem(c, PROBLEM_BAD_CSR, csr_proof_parse(c, (struct bytes) { der.p, der.n - 1 }, &spki, &name));
	}
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		assert_problem(c, PROBLEM_BAD_CSR, csr_proof_parse(c, make(c, &no[i]), &spki, &name));
	}
}

static void every_kind_of_key_and_hash(void **state)
{
	struct ctx *c = *state;
	static const struct ask asks[] = {
		{ .kind = "rsa2048", .san = "DNS:a.test" },
		{ .kind = "p384", .san = "DNS:a.test", .hash = "SHA384" },
		{ .kind = "p521", .san = "DNS:a.test", .hash = "SHA512" },
		{ .kind = "ed25519", .san = "DNS:a.test" },
		{ .common_name = "a.test" },
		{ .san = "DNS:a.test", .constraints = "critical,CA:FALSE" },
		{ .san = "critical,DNS:a.test" },
		{ .kind = NULL },
	};
	for (size_t i = 0; i < COUNT_OF(asks); i++) {
		struct csr csr;
		assert_good(c, csr_parse(c, make(c, &asks[i]), &csr));
	}
}

struct refused {
	const char *detail;
	struct ask ask;
};

static const struct refused refused[] = {
	{ "neither a DNS name", { .san = "DNS:a.test,email:a@a.test" } }, /* */
	{ "neither a DNS name", { .san = "URI:http://a.test/" } },
	{ "neither a DNS name", { .san = "DNS:a.test,otherName:1.2.3.4;UTF8:x" } },
	{ "CA certificate", { .san = "DNS:a.test", .constraints = "CA:TRUE" } }, /* */
	{ "another hash", { .san = "DNS:a.test", .hash = "SHA1" } },             /* D-8 */
	{ "another hash", { .kind = "rsa2048", .san = "DNS:a.test", .hash = "MD5" } },
	{ "does not verify", { .san = "DNS:a.test", .broken_signature = true } }, /* */
	{ "version", { .san = "DNS:a.test", .version = 1 } },                     /* */
	{ "more than one common name", { .common_name = "a.test", .second_common_name = "b.test" } },
	{ "not a DNS name", { .common_name = "a b" } }, { "two lists", { .san = "DNS:a.test", .twice = true } },
	{ "dNSName", { .san = "DNS:a b.test" } },
	{ "subjectAltName", { .san_der = "DER:30088206612E746573740500" } }, /* something behind the names */
	{ "subjectAltName", { .san_der = "DER:30808206612E746573740000" } }, /* BER */
	{ "subjectAltName", { .san_der = "DER:3081088206612E74657374" } },
	{ "subjectAltName", { .san_der = "DER:30098206612E74657374" } }, /* cut off */
};

/* D-8 */
static void bad_requests_are_refused(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct csr csr;
		assert_int_equal(csr_parse(c, make(c, &refused[i].ask), &csr), -1);
		assert_int_equal(c->err.type, PROBLEM_BAD_CSR);
		print_message("%s\n", c->err.detail);
		assert_non_null(strstr(c->err.detail, refused[i].detail));
		ctx_forgive(c);
	}
}

/* exact DER */
static void other_octets_are_refused(void **state)
{
	struct ctx *c = *state;
	const struct ask ask = { .san = "DNS:a.test" };
	struct bytes der = make(c, &ask);
	struct csr csr;
	uint8_t *longer = arena_alloc(c->arena, der.n + 1);
	memcpy(longer, der.p, der.n);
	assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, (struct bytes) { longer, der.n + 1 }, &csr));
	assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, (struct bytes) { der.p, der.n - 1 }, &csr));
	assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, (struct bytes) { NULL, 0 }, &csr));
	assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, bytes_of_text("-----BEGIN CERTIFICATE REQUEST-----"), &csr));
	for (size_t i = 0; i < der.n; i++) { /* each octet changed: never accepted, never a crash */
		memcpy(longer, der.p, der.n);
		longer[i] ^= 0x55;
		assert_problem(c, PROBLEM_BAD_CSR, csr_parse(c, (struct bytes) { longer, der.n }, &csr));
	}
}

struct match {
	const char *common_name;
	const char *san;
	bool equal;
};

/* A-114; the order is for a.test, b.test and 192.0.2.1 */
static const struct match matches[] = {
	{ NULL, "DNS:a.test,DNS:b.test,IP:192.0.2.1", true },
	{ NULL, "IP:192.0.2.1,DNS:B.test,DNS:a.TEST", true },
	{ NULL, "DNS:a.test,DNS:a.test,DNS:b.test,IP:192.0.2.1", true },
	{ "a.test", "DNS:b.test,IP:192.0.2.1", true },
	{ "192.0.2.1", "DNS:a.test,DNS:b.test", true },
	{ "A.test", "DNS:a.test,DNS:b.test,IP:192.0.2.1", true },
	{ NULL, "DNS:a.test,IP:192.0.2.1", false },
	{ NULL, "DNS:a.test,DNS:b.test", false },
	{ NULL, "DNS:a.test,DNS:b.test,DNS:c.test,IP:192.0.2.1", false },
	{ "c.test", "DNS:a.test,DNS:b.test,IP:192.0.2.1", false },
	{ "192.0.2.2", "DNS:a.test,DNS:b.test,IP:192.0.2.1", false },
	{ NULL, "DNS:a.test.,DNS:b.test,IP:192.0.2.1", false },
	{ NULL, "DNS:a.test,DNS:b.test,DNS:192.0.2.1", false },
	{ "a.test", NULL, false },
	{ NULL, NULL, false },
};

static void names_are_compared_as_sets(void **state)
{
	struct ctx *c = *state;
	TEXTS(dns, "a.test", "b.test");
	TEXTS(ip, "192.0.2.1");
	for (size_t i = 0; i < COUNT_OF(matches); i++) {
		const struct ask ask = { .common_name = matches[i].common_name, .san = matches[i].san };
		struct csr csr;
		assert_good(c, csr_parse(c, make(c, &ask), &csr));
		if (matches[i].equal) {
			assert_good(c, csr_names_check(c, &csr, &dns, &ip));
		} else {
			assert_problem(c, PROBLEM_BAD_CSR, csr_names_check(c, &csr, &dns, &ip));
		}
	}
	TEXTS(one, "a.test");
	const struct text_list none = { NULL, 0 };
	const struct ask cn_only = { .common_name = "a.test" };
	struct csr csr;
	assert_good(c, csr_parse(c, make(c, &cn_only), &csr));
	assert_good(c, csr_names_check(c, &csr, &one, &none));
}

/* D-69: a whole request with a key and a signature of ML-DSA, in their sizes (up to 2592 and 4627 octets), is refused for its key. */
static void ml_dsa(void **state)
{
	struct ctx *c = *state;
	static const size_t sizes[][2] = { { 1312, 2420 }, { 1952, 3309 }, { 2592, 4627 } };
	static const uint8_t start[] = { 0x02, 0x01, 0x00, 0x30, 0x00 }; /* version 0, empty subject */
	static const uint8_t end[] = { 0xa0, 0x00 };                     /* no attributes */
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		const uint8_t algorithm[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
			(uint8_t) (17 + i) };
		const struct bytes alg = { algorithm, sizeof(algorithm) };
		uint8_t *octets = arena_alloc(c->arena, sizes[i][1]);
		random_bytes(octets, sizes[i][1]);
		struct bytes spki =
		    DER(c->arena, DER_SEQUENCE, alg, der_bits(c->arena, (struct bytes) { octets, sizes[i][0] }));
		struct bytes info = DER(c->arena, DER_SEQUENCE, { start, sizeof(start) }, spki, { end, sizeof(end) });
		struct bytes der =
		    DER(c->arena, DER_SEQUENCE, info, alg, der_bits(c->arena, (struct bytes) { octets, sizes[i][1] }));
		struct csr csr;
		assert_int_equal(csr_parse(c, der, &csr), -1);
		assert_int_equal(c->err.type, PROBLEM_BAD_CSR);
		assert_non_null(strstr(c->err.detail, "ML-DSA keys are not supported"));
		ctx_forgive(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(names_and_key_are_read),
		WITH_CTX(a_name_with_a_blank_proves),
		WITH_CTX(every_kind_of_key_and_hash),
		WITH_CTX(bad_requests_are_refused),
		WITH_CTX(other_octets_are_refused),
		WITH_CTX(names_are_compared_as_sets),
		WITH_CTX(ml_dsa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
