/* Certificates and CRLs as others read them: paths built by OpenSSL in strict mode, exact octets, PEM. D-2..D-10, D-25,
 * D-38..D-45, A-120, E-20, E-24, F-35. */
#include "tests/unit/crypto_test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bytes issue(struct ctx *c, const struct authority *issuer, const struct cert_template *t)
{
	struct bytes tbs;
	struct bytes der;
	assert_good(c, cert_build_tbs(c, t, &tbs));
	assert_good(c, cert_sign(c, issuer->key, tbs, &der));
	return der;
}

/* X509_V_OK or why not; crl may be empty. */
static int verify(const struct hierarchy *h, struct bytes leaf, struct bytes crl, int purpose, const char *host)
{
	AUTO(X509) root = to_x509(h->root.der);
	AUTO(X509) cert = to_x509(leaf);
	AUTO_STACK(X509) untrusted = sk_X509_new_null();
	sk_X509_push(untrusted, to_x509(h->intermediate.der));
	AUTO(X509_STORE) store = X509_STORE_new();
	X509_STORE_add_cert(store, root);
	AUTO(X509_STORE_CTX) ctx = X509_STORE_CTX_new();
	assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, untrusted), 1);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_purpose(param, purpose);
	X509_VERIFY_PARAM_set1_host(param, host, 0);
	AUTO_STACK(X509_CRL) crls = sk_X509_CRL_new_null();
	if (crl.n > 0) {
		const uint8_t *p = crl.p;
		sk_X509_CRL_push(crls, d2i_X509_CRL(NULL, &p, (long) crl.n));
		X509_STORE_CTX_set0_crls(ctx, crls);
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK);
	}
	return X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
}

static void path_verifies_strictly(void **state)
{
	struct ctx *c = *state;
	static const char *const kinds[][3] = { { "p384", "p256", "p256" }, { "p384", "rsa2048", "rsa2048" },
		{ "rsa2048", "p384", "p384" } };
	TEXTS(names, "a.test", "*.b.test");
	TEXTS(addresses, "192.0.2.1", "2001:db8::1");
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct hierarchy h;
		make_hierarchy(c, kinds[i][0], kinds[i][1], &h);
		struct cert_template t = leaf_template(c, &h.intermediate, kinds[i][2], &names);
		t.ip_addresses = addresses;
		struct bytes der = issue(c, &h.intermediate, &t);
		assert_int_equal(verify(&h, der, (struct bytes) { NULL, 0 }, X509_PURPOSE_SSL_SERVER, "x.b.test"), X509_V_OK);
		assert_int_not_equal(verify(&h, der, (struct bytes) { NULL, 0 }, X509_PURPOSE_SSL_CLIENT, "a.test"), X509_V_OK);
		t.subject.common_name = "a.test";
		t.with_subject_key_id = true;
		t.with_key_encipherment = true;
		assert_int_equal(
		    verify(&h, issue(c, &h.intermediate, &t), (struct bytes) { NULL, 0 }, X509_PURPOSE_SSL_SERVER, "a.test"),
		    X509_V_OK);
	}
}

static void what_was_built_is_read(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct cert_info info;
	make_hierarchy(c, "p384", "p256", &h);
	TEXTS(names, "a.test", "b.test");
	TEXTS(addresses, "2001:db8::1");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	t.ip_addresses = addresses;
	struct bytes der = issue(c, &h.intermediate, &t);
	assert_good(c, cert_parse(c, der, &info));
	assert_good(c, cert_verify_signature(c, &info, h.intermediate.key));
	assert_true(bytes_equal(info.serial, t.serial));
	assert_true(bytes_equal(info.issuer, h.intermediate.info.subject)); /* D-4 */
	assert_true(bytes_equal(info.authority_key_id, h.intermediate.info.subject_key_id));
	assert_true(bytes_equal(info.spki, t.spki));
	assert_int_equal(info.not_before.us, t.not_before.us);
	assert_int_equal(info.not_after.us, t.not_after.us);
	assert_string_equal(info.crl_url, CRL_URL);
	assert_string_equal(info.aia_url, AIA_URL);
	assert_int_equal(info.dns_names.n, 2);
	assert_string_equal(info.dns_names.v[1], "b.test");
	assert_string_equal(info.ip_addresses.v[0], "2001:db8::1");
	assert_false(info.is_ca);
	assert_true(h.intermediate.info.is_ca);
	/* F-35: another key did not sign it, and a changed octet is seen */
	assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_verify_signature(c, &info, h.root.key));
	struct cert_info changed = info;
	changed.tbs.n--;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_verify_signature(c, &changed, h.intermediate.key));
}

/* D-7, D-42: exact octets stand in it */
static void octets_are_exact(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	TEXTS(names, "a.test");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	struct bytes der = issue(c, &h.intermediate, &t);
	static const uint8_t constraints[] = { 0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x02, 0x30,
		0x00 };
	static const uint8_t algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
	static const uint8_t usage[] = { 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07,
		0x80 };
	assert_non_null(memmem(der.p, der.n, constraints, sizeof(constraints)));
	assert_non_null(memmem(der.p, der.n, usage, sizeof(usage)));
	const uint8_t *first = memmem(der.p, der.n, algorithm, sizeof(algorithm));
	assert_non_null(first);
	assert_non_null(memmem(first + 1, der.n - (size_t) (first + 1 - der.p), algorithm, sizeof(algorithm))); /* D-2 */
}

static size_t count_octets(struct bytes in, struct bytes what)
{
	size_t n = 0;
	const uint8_t *at = in.p;
	while ((at = memmem(at, in.n - (size_t) (at - in.p), what.p, what.n)) != NULL) {
		at++;
		n++;
	}
	return n;
}

/* D-6, D-7, D-2: the octets that the Baseline Requirements list (7.1.3.1, 7.1.3.2), by each type of issuer and of subject */
static void algorithms_are_exact(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *kind;
		const char *spki;
		const char *signature;
	} all[] = {
		{ "rsa2048", "300d06092a864886f70d0101010500", "300d06092a864886f70d01010b0500" },
		{ "rsa3072", "300d06092a864886f70d0101010500", "300d06092a864886f70d01010b0500" },
		{ "p256", "301306072a8648ce3d020106082a8648ce3d030107", "300a06082a8648ce3d040302" },
		{ "p384", "301006072a8648ce3d020106052b81040022", "300a06082a8648ce3d040303" },
		{ "p521", "301006072a8648ce3d020106052b81040023", "300a06082a8648ce3d040304" },
	};
	TEXTS(names, "a.test");
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct hierarchy h;
		struct cert_info info;
		uint8_t spki[64];
		uint8_t signature[64];
		size_t n_spki = 0;
		size_t n_signature = 0;
		make_hierarchy(c, "p384", all[i].kind, &h);
		struct cert_template t = leaf_template(c, &h.intermediate, all[i].kind, &names);
		struct bytes der = issue(c, &h.intermediate, &t);
		assert_good(c, cert_parse(c, der, &info));
		assert_int_equal(OPENSSL_hexstr2buf_ex(spki, sizeof(spki), &n_spki, all[i].spki, '\0'), 1);
		assert_int_equal(OPENSSL_hexstr2buf_ex(signature, sizeof(signature), &n_signature, all[i].signature, '\0'), 1);
		/* inside and outside, and nowhere in another form */
		assert_int_equal(count_octets(der, (struct bytes) { signature, n_signature }), 2);
		struct bytes content;
		assert_int_equal(der_take_only(info.spki, DER_SEQUENCE, &content), 0);
		assert_true(content.n > n_spki + 4);
		assert_memory_equal(content.p, spki, n_spki);
		if (all[i].kind[0] == 'p') { /* an uncompressed point behind the head of the BIT STRING */
			assert_non_null(memmem(content.p + n_spki, 5, "\x00\x04", 2));
		}
	}
}

static void bad_templates_are_refused(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct bytes tbs;
	static const uint8_t negative[] = { 0x80, 1 };
	static const uint8_t long_serial[21] = { 1 };
	make_hierarchy(c, "p384", "p256", &h);
	TEXTS(names, "a.test");
	TEXTS(broken, "1.2.3");
	const struct cert_template good = leaf_template(c, &h.intermediate, "p256", &names);
	struct cert_template bad[12];
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		bad[i] = good;
	}
	bad[0].serial.n = 0;
	bad[1].serial = (struct bytes) { negative, sizeof(negative) };
	bad[2].serial = (struct bytes) { long_serial, sizeof(long_serial) };
	bad[3].sigalg = SIGALG_NONE;
	bad[4].issuer_name.n = 0;
	bad[5].issuer_key_id.n = 0;
	bad[6].not_after = timestamp_add_s(good.not_before, -1);
	bad[7].not_before.us++;
	bad[8].dns_names.n = 0;
	bad[9].ip_addresses = broken;
	bad[10].crl_url = "https://crl.test/";
	bad[11].subject.common_name = "0123456789012345678901234567890123456789012345678901234567890123x";
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_build_tbs(c, &bad[i], &tbs));
	}
	assert_good(c, cert_build_tbs(c, &good, &tbs));
	struct bytes der;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_sign(c, h.root.key, tbs, &der)); /* P-384 for an ecdsa-sha256 */
}

/* D-5: country, organization, common name, each in an RDN of its own and of its string type. */
static void names_have_one_form(void **state)
{
	struct ctx *c = *state;
	static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123x";
	static const struct {
		struct cert_name name;
		const char *hex;
	} good[] = {
		{ { "XX", "Org", "a" }, "3027310b3009060355040613025858310c300a060355040a0c034f7267310a300806035504030c0161" },
		{ { NULL, NULL, "a" }, "300c310a300806035504030c0161" },
		{ { "XX", NULL, NULL }, "300d310b3009060355040613025858" },
		{ { NULL, NULL, NULL }, "3000" },
	};
	const struct cert_name bad[] = { { "GBR", "Org", "a" }, { "X", "Org", "a" }, { "", "Org", "a" }, { NULL, "", "a" },
		{ NULL, NULL, "" }, { NULL, NULL, long_text }, { NULL, long_text, "a" }, { NULL, "Org\n", "a" },
		{ NULL, "Org", "a\x7f" } };
	struct bytes der;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_good(c, cert_name_encode(c, &good[i].name, &der));
		assert_string_equal(hex_encode(c->arena, der), good[i].hex);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_name_encode(c, &bad[i], &der));
	}
	const struct cert_name longest = { .common_name = arena_text_n(c->arena, long_text, 64) };
	assert_good(c, cert_name_encode(c, &longest, &der));
}

/* D-21: a root says that it is a CA, what its key may do, which key it is, and nothing else. */
static void a_root_has_these_extensions(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	AUTO(X509) root = to_x509(h.root.der);
	static const struct {
		int nid;
		bool critical;
	} expected[] = { { NID_key_usage, true }, { NID_basic_constraints, true }, { NID_subject_key_identifier, false },
		{ NID_authority_key_identifier, false } };
	int found = 0;
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		int at = X509_get_ext_by_NID(root, expected[i].nid, -1);
		found += at >= 0 ? 1 : 0;
		assert_true(at >= 0 || expected[i].nid == NID_authority_key_identifier); /* which is only recommended */
		assert_true(at < 0 || X509_EXTENSION_get_critical(X509_get_ext(root, at)) == expected[i].critical);
	}
	assert_int_equal(X509_get_ext_count(root), found);
	assert_true((X509_get_extension_flags(root) & EXFLAG_CA) != 0);
	assert_int_equal(X509_get_pathlen(root), -1);
	assert_int_equal(X509_get_key_usage(root), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(root);
	const ASN1_OCTET_STRING *above = X509_get0_authority_key_id(root);
	assert_true(above == NULL || ASN1_OCTET_STRING_cmp(above, key_id) == 0);
}

/* D-14: the leftmost 160 bits of the SHA-256 of the key's octets (RFC 7093 2, method 1) */
static void key_ids_follow_from_the_key(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	uint8_t digest[SHA256_SIZE];
	make_hierarchy(c, "p256", "p256", &h);
	struct bytes spki = h.intermediate.info.spki;
	sha256_of((struct bytes) { spki.p + spki.n - 65, 65 }, digest); /* the uncompressed point */
	assert_int_equal(h.intermediate.info.subject_key_id.n, 20);
	assert_memory_equal(h.intermediate.info.subject_key_id.p, digest, 20);
	assert_memory_not_equal(h.root.info.subject_key_id.p, digest, 20);
	/* Another certificate for this key, of another name and by another issuer, has the same one. */
	static const uint8_t serial[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct cert_info again;
	struct bytes der;
	const struct cert_template other = {
		.kind = CERT_ROOT,
		.serial = { serial, sizeof(serial) },
		.sigalg = SIGALG_ECDSA_SHA256,
		.subject = { "XX", "Other Org", "Other" },
		.spki = spki,
		.not_before = h.root.info.not_before,
		.not_after = h.root.info.not_after,
	};
	assert_good(c, cert_build_tbs(c, &other, &der));
	assert_good(c, cert_sign(c, h.intermediate.key, der, &der));
	assert_good(c, cert_parse(c, der, &again));
	assert_true(bytes_equal(again.subject_key_id, h.intermediate.info.subject_key_id));
	AUTO(X509) leaf = to_x509(h.intermediate.der);
	const ASN1_OCTET_STRING *above = X509_get0_authority_key_id(leaf);
	assert_non_null(above); /* D-13: the one of the issuer, and no name or serial beside it */
	assert_int_equal(ASN1_STRING_length(above), 20);
	assert_memory_equal(ASN1_STRING_get0_data(above), h.root.info.subject_key_id.p, 20);
	assert_null(X509_get0_authority_issuer(leaf));
	assert_null(X509_get0_authority_serial(leaf));
}

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, CERT_SERIAL_SIZE);
}

/* D-3: positive, the prefix first, all other octets by chance (each value as often as it should, within ten standard deviations), and
 * none of a million twice. */
static void serials(void **state)
{
	(void) state;
	const size_t n = 1000000;
	uint8_t(*all)[CERT_SERIAL_SIZE] = malloc(n * CERT_SERIAL_SIZE);
	static size_t seen[CERT_SERIAL_SIZE][256];
	assert_non_null(all);
	for (size_t i = 0; i < n; i++) {
		cert_serial_new((uint8_t) i, all[i]); /* of all instances */
		for (size_t at = 0; at < CERT_SERIAL_SIZE; at++) {
			seen[at][all[i][at]]++;
		}
		all[i][0] = 0; /* none twice, whatever the prefix */
	}
	for (size_t value = 0; value < 256; value++) {
		assert_true((seen[0][value] > 0) == (value >= 1 && value <= 127));
		for (size_t at = 1; at < CERT_SERIAL_SIZE; at++) {
			assert_in_range(seen[at][value], n / 256 - 620, n / 256 + 620);
		}
	}
	qsort(all, n, CERT_SERIAL_SIZE, by_octets);
	for (size_t i = 1; i < n; i++) {
		assert_true(by_octets(all[i - 1], all[i]) != 0);
	}
	free(all);
}

/* */
static void pem(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	struct bytes v[] = { h.intermediate.der, h.root.der };
	const struct bytes_list chain = { v, 2 };
	struct bytes text = cert_chain_to_pem(c->arena, &chain);
	struct bytes_list again;
	assert_good(c, cert_chain_of_pem(c, text, &again));
	assert_int_equal(again.n, 2);
	assert_true(bytes_equal(again.v[0], v[0]) && bytes_equal(again.v[1], v[1]));
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	AUTO(X509) x509 = to_x509(v[0]);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	char *expected = NULL;
	long n = BIO_get_mem_data(bio, &expected);
	assert_memory_equal(text.p, expected, (size_t) n); /* octet for octet as OpenSSL writes it */
	static const char *const broken[] = { "", "x", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAA==\n", "-----BEGIN CERTIFICATE-----\nA*A=\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\nmore" };
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		assert_problem(c, PROBLEM_MALFORMED, cert_chain_of_pem(c, bytes_of_text(broken[i]), &again));
	}
	assert_int_equal(strlen(cert_fingerprint(c->arena, v[0])), 64);
	assert_int_equal(strlen(cert_fingerprint_colons(c->arena, v[0])), 95);
}

static void broken_certificates_are_refused(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct cert_info info;
	make_hierarchy(c, "p384", "p256", &h);
	struct bytes der = h.intermediate.der;
	for (size_t n = 0; n < der.n; n++) {
		assert_problem(c, PROBLEM_MALFORMED, cert_parse(c, (struct bytes) { der.p, n }, &info));
	}
	uint8_t *changed = arena_alloc(c->arena, der.n + 1);
	memcpy(changed, der.p, der.n);
	assert_problem(c, PROBLEM_MALFORMED, cert_parse(c, (struct bytes) { changed, der.n + 1 }, &info));
	for (size_t i = 0; i < der.n; i++) { /* whatever is read must still not verify */
		changed[i] ^= 0x11;
		if (cert_parse(c, (struct bytes) { changed, der.n }, &info) == 0) {
			assert_problem(c, PROBLEM_SERVER_INTERNAL, cert_verify_signature(c, &info, h.root.key));
		}
		ctx_forgive(c);
		changed[i] ^= 0x11;
	}
}

/* E-20, E-24, E-10, E-11 */
static void crl_revokes(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	TEXTS(names, "a.test");
	struct bytes leaf[3];
	struct cert_template t[3];
	for (size_t i = 0; i < 3; i++) {
		t[i] = leaf_template(c, &h.intermediate, "p256", &names);
		leaf[i] = issue(c, &h.intermediate, &t[i]);
	}
	struct crl_template list = crl_template(&h.intermediate);
	struct crl_entry entries[] = { { t[0].serial, list.this_update, 1 }, { t[1].serial, list.this_update, 0 } };
	struct bytes tbs;
	struct bytes der;
	struct crl_info info;
	for (size_t n = 0; n <= 2; n++) {
		list.entries = (struct crl_entries) { entries, n };
		assert_good(c, crl_build_tbs(c, &list, &tbs));
		assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
		assert_good(c, crl_parse(c, der, &info));
		assert_good(c, crl_verify_signature(c, &info, h.intermediate.key));
		assert_problem(c, PROBLEM_SERVER_INTERNAL, crl_verify_signature(c, &info, h.root.key));
		assert_int_equal(info.entries.n, n);
		for (size_t i = 0; i < 3; i++) {
			int expected = i < n ? X509_V_ERR_CERT_REVOKED : X509_V_OK;
			assert_int_equal(verify(&h, leaf[i], der, X509_PURPOSE_SSL_SERVER, "a.test"), expected);
		}
	}
	assert_int_equal(info.number, 0x80);
	assert_string_equal(info.url, CRL_URL);
	assert_int_equal(info.entries.v[0].reason, 1);
	assert_int_equal(info.entries.v[1].reason, 0);
	assert_true(bytes_equal(info.entries.v[1].serial, t[1].serial));
	/* E-24: the CRL of another URL says nothing of this certificate */
	list.url = "http://crl.test/2.crl";
	assert_good(c, crl_build_tbs(c, &list, &tbs));
	assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
	assert_int_not_equal(verify(&h, leaf[2], der, X509_PURPOSE_SSL_SERVER, "a.test"), X509_V_OK);
	for (size_t n = 0; n < der.n; n++) {
		assert_problem(c, PROBLEM_MALFORMED, crl_parse(c, (struct bytes) { der.p, n }, &info));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(path_verifies_strictly),
		WITH_CTX(what_was_built_is_read),
		WITH_CTX(octets_are_exact),
		WITH_CTX(algorithms_are_exact),
		WITH_CTX(bad_templates_are_refused),
		WITH_CTX(names_have_one_form),
		WITH_CTX(a_root_has_these_extensions),
		WITH_CTX(key_ids_follow_from_the_key),
		WITH_CTX(serials),
		WITH_CTX(pem),
		WITH_CTX(broken_certificates_are_refused),
		WITH_CTX(crl_revokes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
