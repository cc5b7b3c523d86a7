/* Every row of the tables on certificates, by a certificate that breaks it: no row is without one, and each is refused by the row's name, or
 * before it by a reader that takes no such octets; then the row itself is asked. */
#include "tests/unit/crypto_test.h"

#include <openssl/conf.h>

#include "lib/crypto/oid.h"
#include "policy/lints_rows.h"
#include "tests/unit/constrained.h"

static struct hierarchy h;
static struct authority rsa_issuer;
static struct ctx *shared;
static struct name_constraints_list constraints;

/* What is linted, before it is spoiled: a template, or the X509 that was made of it. */
struct sample {
	struct cert_template t;
	struct lint_options o;
	struct cert_info issuer; /* may be spoiled too */
	struct config_profile profile;
	struct cert_info crossed;
};

struct fault {
	const char *lint;
	enum cert_kind kind;
	void (*spoil)(struct sample *s); /* before it is built */
	void (*spoil_made)(X509 *x);     /* after */
	const char *refused_by;          /* NULL: by the row itself */
};

/* ---- good ones of all kinds ---- */

static const char *const key_of_kind[] = {
	[CERT_ROOT] = "p384",
	[CERT_INTERMEDIATE] = "p256",
	[CERT_CROSS] = "p384",
	[CERT_LEAF] = "p256",
	[CERT_PRECERTIFICATE] = "p256",
	[CERT_OCSP] = "p256",
	[CERT_RPC_CA] = "p256",
	[CERT_RPC] = "p256",
	[CERT_SITE] = "p256",
};

static void make_good(struct ctx *c, enum cert_kind kind, struct sample *s)
{
	static const char *names[] = { "a.test", "*.b.test", "xn--bcher-kva.test" };
	const unsigned bit = 1U << kind;
	const struct authority *issuer = (bit & (SUBORDINATE_KINDS)) != 0 ? &h.root : &h.intermediate;
	*s = (struct sample) { .t = leaf_template(c, issuer, key_of_kind[kind], &(struct text_list) { names, 3 }) };
	s->issuer = issuer->info;
	s->profile = (struct config_profile) { .name = "tlsserver", .life_s = 90 * 86400, .max_names = 3 };
	s->t.kind = kind;
	s->o = (struct lint_options) { .mode = POLICY_WEBPKI, .now = clock_now(), .issuer = &s->issuer };
	if ((bit & SUBSCRIBER_KINDS) != 0) {
		s->o.profile = &s->profile;
	}
	if ((bit & END_KINDS) == 0) {
		s->t.subject = (struct cert_name) { "XX", "Test Org", "Something" };
		s->t.not_after = timestamp_add_s(s->t.not_before, (kind == CERT_OCSP ? 30 : 1050) * INT64_C(86400) - 1);
	}
	if ((bit & SELF_KINDS) != 0) {
		s->o.issuer = NULL;
		s->t.issuer_name = s->t.issuer_key_id = (struct bytes) { NULL, 0 };
		s->t.sigalg = kind == CERT_ROOT ? SIGALG_ECDSA_SHA384 : SIGALG_ECDSA_SHA256;
		s->t.not_after = timestamp_add_s(s->t.not_before, 3650 * INT64_C(86400) - 1);
	}
	if (kind == CERT_CROSS) {
		static const uint8_t id[] = { 1, 2, 3, 4, 5 };
		assert_good(c, cert_name_encode(c, &(struct cert_name) { NULL, "Other", "Other Root" }, &s->t.subject_name));
		s->t.subject_key_id = (struct bytes) { id, sizeof(id) };
		s->crossed = (struct cert_info) {
			.is_ca = true, .subject = s->t.subject_name, .spki = s->t.spki, .subject_key_id = s->t.subject_key_id
		};
		s->o.crossed = &s->crossed;
	}
}

static void good_ones_of_all_kinds_pass(void **state)
{
	struct ctx *c = *state;
	for (enum cert_kind kind = CERT_ROOT; kind <= CERT_SITE; kind++) {
		struct sample s;
		struct bytes tbs;
		make_good(c, kind, &s);
		assert_good(c, cert_build_tbs(c, &s.t, &tbs));
		assert_good(c, lint_certificate(c, kind, tbs, &s.o));
	}
}

/* E-39, D-43: the URL of the issuer's responder, in front of its certificate's. */
static void a_leaf_may_name_a_responder(void **state)
{
	struct ctx *c = *state;
	struct sample s;
	struct bytes tbs;
	make_good(c, CERT_LEAF, &s);
	s.t.ocsp_url = s.o.ocsp_url = "http://ocsp.test/";
	assert_good(c, cert_build_tbs(c, &s.t, &tbs));
	assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &s.o));
}

/* ---- faults of templates, of what is around them, and of readers' objects ---- */

#define SPOIL(name, ...) \
	static void name(struct sample *s) \
	{ \
		__VA_ARGS__; \
	}
#define SPOIL_MADE(name, ...) \
	static void name(X509 *x) \
	{ \
		__VA_ARGS__; \
	}

static struct text_list one_name(const char *name)
{
	static const char *v[1];
	v[0] = name;
	return (struct text_list) { v, 1 };
}

static void replace(X509 *x, int nid, bool critical, const char *value)
{
	X509V3_CTX context;
	CONF *empty = NCONF_new(NULL);
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509V3_set_nconf(&context, empty);
	int at = X509_get_ext_by_NID(x, nid, -1);
	if (at >= 0) {
		X509_EXTENSION_free(X509_delete_ext(x, at));
	}
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	NCONF_free(empty);
	assert_non_null(e);
	X509_EXTENSION_set_critical(e, critical);
	assert_int_equal(X509_add_ext(x, e, at), 1);
	X509_EXTENSION_free(e);
}

static void set_octets(X509 *x, int nid, bool critical, const char *octets, size_t n)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *) octets, (int) n), 1);
	int at = X509_get_ext_by_NID(x, nid, -1);
	if (at >= 0) {
		X509_EXTENSION_free(X509_delete_ext(x, at));
	}
	X509_EXTENSION *e = X509_EXTENSION_create_by_NID(NULL, nid, critical, value);
	assert_int_equal(X509_add_ext(x, e, at), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
}

static void set_subject(X509 *x, const char *field, int type, const char *text)
{
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x));
	assert_int_equal(X509_NAME_add_entry_by_txt(name, field, type, (const unsigned char *) text, -1, -1, 0), 1);
	assert_int_equal(X509_set_subject_name(x, name), 1);
	X509_NAME_free(name);
}

static void repeat_extension(X509 *x, int nid)
{
	X509_EXTENSION *twice = X509_EXTENSION_dup(X509_get_ext(x, X509_get_ext_by_NID(x, nid, -1)));
	assert_int_equal(X509_add_ext(x, twice, -1), 1);
	X509_EXTENSION_free(twice);
}

static void serial_of(X509 *x, const char *hex)
{
	BIGNUM *n = NULL;
	assert_int_not_equal(BN_hex2bn(&n, hex), 0);
	assert_non_null(BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)));
	BN_free(n);
}

/* An issuerUniqueID, which OpenSSL writes for nobody: the octets are put in. */
static void add_unique_id(X509 *x)
{
	uint8_t *tbs = NULL;
	int n = i2d_re_X509_tbs(x, &tbs);
	static const uint8_t id[] = { 0x81, 0x02, 0x00, 0x01 };
	struct der r;
	struct bytes content;
	assert_true(n > 0);
	assert_int_equal(der_take_only((struct bytes) { tbs, (size_t) n }, DER_SEQUENCE, &content), 0);
	for (r = der_of(content); der_peek(&r) != DER_CONTEXT_CONSTRUCTED(3);) {
		assert_int_equal(der_take(&r, der_peek(&r), NULL, NULL), 0);
	}
	struct bytes before = { content.p, (size_t) (r.p - content.p) };
	struct bytes with = DER(shared->arena, DER_SEQUENCE, before, { id, sizeof(id) }, { r.p, r.n });
	struct bytes der =
	    cert_assemble(shared->arena, with, SIGALG_ECDSA_SHA256, (struct bytes) { (const uint8_t *) "", 1 });
	const uint8_t *p = der.p;
	X509 *same = x;
	assert_ptr_equal(d2i_X509(&same, &p, (long) der.n), x);
	OPENSSL_free(tbs);
}

static void set_subject_text(X509 *x, const char *text)
{
	X509_NAME *name = X509_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(V_ASN1_UTF8STRING);
	assert_int_equal(ASN1_STRING_set(value, text, -1), 1);
	X509_NAME_ENTRY *e = X509_NAME_ENTRY_create_by_NID(
	    NULL, NID_commonName, V_ASN1_UTF8STRING, ASN1_STRING_get0_data(value), (int) strlen(text));
	if (e == NULL) { /* it knows the limit */
		e = X509_NAME_ENTRY_create_by_NID(NULL, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *) "x", 1);
		assert_int_equal(ASN1_STRING_set(X509_NAME_ENTRY_get_data(e), text, -1), 1);
	}
	assert_int_equal(X509_NAME_add_entry(name, e, -1, 0), 1);
	assert_int_equal(X509_set_subject_name(x, name), 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	X509_NAME_ENTRY_free(e);
	ASN1_STRING_free(value);
	X509_NAME_free(name);
}

static void drop(X509 *x, int nid)
{
	X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, nid, -1)));
}

static void new_key(struct sample *s, const char *kind)
{
	EVP_PKEY *key = NULL;
	assert_good(shared, key_generate(shared, kind, &key));
	assert_good(shared, key_spki(shared, key, &s->t.spki));
}

/* A modulus that 3 divides, or an exponent of 3: of the form of D-6 all the same. */
static void rsa_with(struct sample *s, unsigned factor, unsigned exponent)
{
	BIGNUM *n = BN_new();
	BIGNUM *e = BN_new();
	assert_int_equal(BN_rand(n, 2048, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD), 1);
	while (BN_mod_word(n, factor) != 0) {
		assert_int_equal(BN_add_word(n, 2), 1);
	}
	assert_int_equal(BN_set_word(e, exponent), 1);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	assert_int_equal(EVP_PKEY_fromdata_init(make), 1);
	assert_int_equal(EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	assert_good(shared, key_spki(shared, key, &s->t.spki));
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(make);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(e);
	BN_free(n);
}

static void unreadable_point(struct sample *s)
{
	uint8_t *copy = arena_alloc(shared->arena, s->t.spki.n);
	memcpy(copy, s->t.spki.p, s->t.spki.n);
	copy[s->t.spki.n - 1] ^= 1; /* off the curve, but for a chance of one in two: both ends are tried */
	copy[s->t.spki.n - 40] ^= 1;
	memset(copy + s->t.spki.n - 64, 0xff, 32);
	s->t.spki.p = copy;
}

static struct bytes sct_list(const char *octets, size_t n)
{
	return (struct bytes) { (const uint8_t *) octets, n };
}

/* Another certificate than the one that was promised. */
static void other_promise(struct sample *s)
{
	struct cert_template t = s->t;
	t.kind = CERT_PRECERTIFICATE;
	t.dns_names.n--;
	assert_good(shared, cert_build_tbs(shared, &t, &s->o.precertificate));
	s->t.sct_list = sct_list("\0\3\0\1x", 5);
}

SPOIL_MADE(f_version_is_3_1, X509_set_version(x, X509_VERSION_1))
SPOIL_MADE(f_no_unique_ids_1, add_unique_id(x))
SPOIL_MADE(f_serial_is_positive_and_below_2_159_1, serial_of(x, "-1234567890abcdef1234"))
SPOIL_MADE(f_serial_is_positive_and_below_2_159_2, serial_of(x, "8000000000000000000000000000000000000000"))
SPOIL(f_serial_has_64_random_bits_1, s->t.serial.n = 8)
SPOIL(f_key_form_1, unreadable_point(s))
SPOIL_MADE(f_validity_in_order_1, X509_gmtime_adj(X509_getm_notAfter(x), -7200))
SPOIL_MADE(f_time_form_1, ASN1_TIME_set_string(X509_getm_notAfter(x), "20270101000000Z"))
SPOIL(f_not_before_is_near_now_1, s->t.not_before = timestamp_add_s(s->t.not_before, -2 * 86400))
SPOIL(f_not_before_is_near_now_2, s->t.not_before = timestamp_add_s(s->t.not_before, -86400))
SPOIL(f_not_before_is_near_now_3, s->t.not_before = timestamp_add_s(s->t.not_before, 2 * 86400 + 7200))
SPOIL_MADE(f_extensions_are_known_1, replace(x, NID_netscape_comment, false, "x"))
SPOIL_MADE(f_extensions_are_known_2, replace(x, NID_tlsfeature, false, "status_request"))
SPOIL_MADE(f_extensions_are_known_3, set_octets(x, NID_ct_precert_poison, true, "\x05\0", 2))
SPOIL_MADE(f_extensions_are_known_4, replace(x, NID_crl_distribution_points, false, "URI:http://crl.test/1"))
SPOIL_MADE(f_extensions_stand_once_1, repeat_extension(x, NID_ext_key_usage))
SPOIL_MADE(f_key_usage_is_critical_1, replace(x, NID_key_usage, false, "digitalSignature"))
SPOIL_MADE(f_key_usage_bits_1, replace(x, NID_key_usage, true, "digitalSignature,keyEncipherment"))
SPOIL_MADE(f_key_usage_bits_2, replace(x, NID_key_usage, true, "keyCertSign"))
SPOIL(f_key_encipherment_of_profile_1, new_key(s, "rsa2048"); s->t.with_key_encipherment = true)
SPOIL_MADE(f_basic_constraints_are_critical_1, replace(x, NID_basic_constraints, false, "CA:FALSE"))
SPOIL_MADE(f_basic_constraints_value_1, replace(x, NID_basic_constraints, true, "CA:TRUE"))
SPOIL_MADE(f_basic_constraints_value_2, replace(x, NID_basic_constraints, true, "CA:TRUE,pathlen:1"))
SPOIL_MADE(f_basic_constraints_value_3, replace(x, NID_basic_constraints, true, "CA:TRUE,pathlen:1"))
SPOIL_MADE(
    f_subject_key_id_1, replace(x, NID_subject_key_identifier, false, "0102030405060708090a0b0c0d0e0f1011121314"))
SPOIL_MADE(f_subject_key_id_2, drop(x, NID_subject_key_identifier))
SPOIL(f_subject_key_id_of_profile_1, s->t.with_subject_key_id = true)
SPOIL(f_authority_key_id_1, s->t.issuer_key_id = h.root.info.subject_key_id)
SPOIL_MADE(f_authority_key_id_2, set_octets(x, NID_authority_key_identifier, false, "\x30\3\x80\1\1", 5))
SPOIL_MADE(f_key_purposes_1, replace(x, NID_ext_key_usage, false, "serverAuth,clientAuth"))
SPOIL_MADE(f_key_purposes_2, replace(x, NID_ext_key_usage, false, "anyExtendedKeyUsage"))
SPOIL_MADE(f_key_purposes_3, replace(x, NID_ext_key_usage, false, "OCSPSigning,serverAuth"))
SPOIL_MADE(f_other_extensions_are_not_critical_1, replace(x, NID_ext_key_usage, true, "serverAuth"))
SPOIL(f_issuer_name_is_copied_1, s->t.issuer_name = h.root.info.subject)
SPOIL(f_issuer_is_ca_1, s->issuer.is_ca = false)
SPOIL(f_issuer_path_length_1, s->issuer.path_len = 0)
SPOIL(f_issuer_is_no_root_1, s->issuer.issuer = s->issuer.subject)
SPOIL(f_issuer_is_no_root_2, s->issuer.issuer = s->issuer.subject)
SPOIL(f_subject_is_not_the_issuers_1, s->t.subject = (struct cert_name) { "XX", "Test Org", "Something" };
      assert_good(shared, cert_name_encode(shared, &s->t.subject, &s->t.issuer_name));
      s->issuer.subject = s->t.issuer_name)
SPOIL(f_cross_is_of_the_same_ca_1, s->o.crossed = NULL)
SPOIL(f_cross_is_of_the_same_ca_2, s->crossed.spki = h.root.info.spki)
SPOIL(f_cross_is_of_the_same_ca_3, s->crossed.subject = h.root.info.subject)
SPOIL(f_cross_is_of_the_same_ca_4, s->crossed.subject_key_id = h.root.info.subject_key_id)
SPOIL(f_key_kind_1, new_key(s, "p521"))
SPOIL(f_key_kind_2, new_key(s, "ed25519"))
SPOIL(f_rsa_exponent_and_factors_1, rsa_with(s, 3, 65537))
SPOIL(f_rsa_exponent_and_factors_2, rsa_with(s, 1, 3))
SPOIL(f_key_of_root_1, new_key(s, "p256"); s->t.sigalg = SIGALG_ECDSA_SHA256)
SPOIL(f_key_lasts_as_long_1, s->t.not_after = (struct timestamp) { INT64_C(2082758400000000) })
SPOIL(f_key_is_not_the_issuers_1, s->t.spki = h.intermediate.info.spki)
SPOIL(f_issuer_has_begun_1, s->issuer.not_before = timestamp_add_s(clock_now(), 60))
SPOIL(f_not_after_is_inside_issuers_1, s->issuer.not_after = timestamp_add_s(s->t.not_after, -1))
SPOIL(f_life_of_mode_1, s->t.not_after = timestamp_add_s(s->t.not_before, 200 * 86400))
SPOIL(f_life_of_profile_1, s->t.not_after = timestamp_add_s(s->t.not_before, 90 * 86400))
SPOIL(f_life_of_ca_1, s->t.not_after = timestamp_add_s(s->t.not_before, INT64_C(3660) * 86400))
SPOIL(f_life_of_ca_2, s->t.not_after = timestamp_add_s(s->t.not_before, 1098 * 86400))
SPOIL(f_life_of_root_is_long_1, s->t.not_after = timestamp_add_s(s->t.not_before, INT64_C(2922) * 86400 - 2))
SPOIL(f_key_of_profile_1, s->profile.key_types = one_name("rsa"))
SPOIL(f_kinds_of_names_of_profile_1, s->profile.identifier_types = one_name("ip"))
SPOIL_MADE(f_subject_form_1, set_subject(x, "OU", MBSTRING_UTF8, "unit"))
SPOIL_MADE(f_subject_form_2, set_subject(x, "CN", V_ASN1_PRINTABLESTRING, "second"))
SPOIL_MADE(f_subject_length_1, set_subject_text(x, "0123456789012345678901234567890123456789012345678901234567890123x"))
SPOIL(f_subject_text_1, s->t.subject.common_name = " blank")
SPOIL(f_subject_text_2, s->t.subject.country = "xx")
SPOIL(f_subject_of_ca_1, s->t.subject.country = NULL)
SPOIL(f_subject_of_ca_2, s->t.subject.organization = NULL)
SPOIL(f_subject_of_leaf_1, s->t.subject.organization = "Org")
SPOIL(f_common_name_is_in_san_1, s->profile.common_name = true; s->t.subject.common_name = "c.test")
SPOIL(f_common_name_of_profile_1, s->t.subject.common_name = "a.test")
SPOIL(f_names_within_issuers_constraints_1, s->o.constraints = &constraints)
SPOIL_MADE(f_san_types_1, drop(x, NID_subject_alt_name))
SPOIL_MADE(f_san_types_2, replace(x, NID_subject_alt_name, true, "email:a@a.test"))
SPOIL_MADE(f_san_is_critical_iff_subject_is_empty_1, replace(x, NID_subject_alt_name, false, "DNS:a.test"))
SPOIL(f_dns_name_form_1, s->t.dns_names = one_name("A.test"))
SPOIL(f_dns_name_form_2, s->t.dns_names = one_name("a_b.test"))
SPOIL(f_dns_name_has_a_dot_1, s->t.dns_names = one_name("localhost"))
SPOIL(f_a_labels_decode_1, s->t.dns_names = one_name("*.xn--0.test"))
SPOIL(f_a_labels_decode_2, s->t.dns_names = one_name("xn--a.test"))
SPOIL(f_onion_name_is_a_service_1, s->t.dns_names = one_name("a.onion"))
SPOIL(f_address_is_public_1, s->t.ip_addresses = one_name("10.0.0.1"))
SPOIL(f_address_is_public_2, s->t.ip_addresses = one_name("fe80::1"))
SPOIL(f_names_stand_once_1, static const char *twice[] = { "a.test", "a.test" };
      s->t.dns_names = (struct text_list) { twice, 2 })
SPOIL(f_names_of_profile_1, s->profile.max_names = 2)
SPOIL_MADE(f_policy_is_domain_validated_1, replace(x, NID_certificate_policies, false, "2.23.140.1.2.2"))
SPOIL(f_crl_url_is_http_1, s->t.crl_url = "http://192.0.2.1/1.crl")
SPOIL(f_crl_url_is_present_1, s->t.crl_url = NULL)
SPOIL_MADE(f_one_distribution_point_1,
    replace(x, NID_crl_distribution_points, false, "URI:http://a.test/1,URI:http://b.test/2"))
SPOIL(f_issuer_url_is_http_1, s->t.aia_url = NULL)
SPOIL_MADE(
    f_access_methods_1, replace(x, NID_info_access, false, "caIssuers;URI:http://a.test/,caIssuers;URI:http://b.test/"))
SPOIL_MADE(
    f_access_methods_2, replace(x, NID_info_access, false, "OCSP;URI:http://a.test/,caIssuers;URI:http://b.test/"))
SPOIL(f_ocsp_url_of_issuer_1, s->t.ocsp_url = "http://ocsp.test/")
SPOIL(f_ocsp_url_of_issuer_2, s->t.ocsp_url = "http://ocsp.test/"; s->o.ocsp_url = "http://other.test/")
SPOIL(f_ocsp_url_of_issuer_3, s->t.ocsp_url = s->o.ocsp_url = "http://192.0.2.1/")
SPOIL(f_life_of_responder_is_short_1, s->t.not_after.us += INT64_C(86400) * 1000000 + 1000000)
SPOIL(f_scts_form_1, s->t.sct_list = sct_list("\0\3\0\1", 4))
SPOIL(f_scts_form_2, s->t.sct_list = sct_list("\0\0", 2))
SPOIL(f_scts_form_3, s->t.sct_list = sct_list("\0\4\0\1xy", 6))
SPOIL(f_scts_form_4, s->t.sct_list = sct_list("\0\3\0\2x", 5))
SPOIL_MADE(f_poison_1, set_octets(x, NID_ct_precert_poison, false, "\x05\0", 2))
SPOIL_MADE(f_poison_2, set_octets(x, NID_ct_precert_poison, true, "\x05\1x", 3))
SPOIL_MADE(f_poison_3, drop(x, NID_ct_precert_poison))
SPOIL(f_corresponds_to_precertificate_1, other_promise(s))
SPOIL_MADE(f_ocsp_no_check_1, drop(x, NID_id_pkix_OCSP_noCheck))
SPOIL_MADE(f_ocsp_no_check_2, set_octets(x, NID_id_pkix_OCSP_noCheck, false, "\x04\0", 2))

static const struct fault faults[] = {
	{ "version_is_3", CERT_LEAF, NULL, f_version_is_3_1, "cert_is_readable" },
	{ "no_unique_ids", CERT_LEAF, NULL, f_no_unique_ids_1, "cert_is_readable" },
	{ "serial_is_positive_and_below_2_159", CERT_LEAF, NULL, f_serial_is_positive_and_below_2_159_1,
	    "cert_is_readable" },
	{ "serial_is_positive_and_below_2_159", CERT_LEAF, NULL, f_serial_is_positive_and_below_2_159_2,
	    "cert_is_readable" },
	{ "serial_has_64_random_bits", CERT_LEAF, f_serial_has_64_random_bits_1, NULL, NULL },
	{ "key_form", CERT_LEAF, f_key_form_1, NULL, NULL },
	{ "validity_in_order", CERT_LEAF, NULL, f_validity_in_order_1, NULL },
	{ "time_form", CERT_LEAF, NULL, f_time_form_1, NULL },
	{ "not_before_is_near_now", CERT_LEAF, f_not_before_is_near_now_1, NULL, NULL },
	{ "not_before_is_near_now", CERT_INTERMEDIATE, f_not_before_is_near_now_2, NULL, NULL },
	{ "not_before_is_near_now", CERT_LEAF, f_not_before_is_near_now_3, NULL, NULL },
	{ "extensions_are_known", CERT_LEAF, NULL, f_extensions_are_known_1, NULL },
	{ "extensions_are_known", CERT_LEAF, NULL, f_extensions_are_known_2, NULL },
	{ "extensions_are_known", CERT_LEAF, NULL, f_extensions_are_known_3, NULL },
	{ "extensions_are_known", CERT_OCSP, NULL, f_extensions_are_known_4, NULL },
	{ "extensions_stand_once", CERT_LEAF, NULL, f_extensions_stand_once_1, NULL },
	{ "key_usage_is_critical", CERT_LEAF, NULL, f_key_usage_is_critical_1, NULL },
	{ "key_usage_bits", CERT_LEAF, NULL, f_key_usage_bits_1, NULL },
	{ "key_usage_bits", CERT_ROOT, NULL, f_key_usage_bits_2, NULL },
	{ "key_encipherment_of_profile", CERT_LEAF, f_key_encipherment_of_profile_1, NULL, NULL },
	{ "basic_constraints_are_critical", CERT_LEAF, NULL, f_basic_constraints_are_critical_1, NULL },
	{ "basic_constraints_value", CERT_LEAF, NULL, f_basic_constraints_value_1, NULL },
	{ "basic_constraints_value", CERT_INTERMEDIATE, NULL, f_basic_constraints_value_2, NULL },
	{ "basic_constraints_value", CERT_ROOT, NULL, f_basic_constraints_value_3, NULL },
	{ "subject_key_id", CERT_INTERMEDIATE, NULL, f_subject_key_id_1, NULL },
	{ "subject_key_id", CERT_OCSP, NULL, f_subject_key_id_2, NULL },
	{ "subject_key_id_of_profile", CERT_LEAF, f_subject_key_id_of_profile_1, NULL, NULL },
	{ "authority_key_id", CERT_LEAF, f_authority_key_id_1, NULL, NULL },
	{ "authority_key_id", CERT_ROOT, NULL, f_authority_key_id_2, NULL },
	{ "key_purposes", CERT_LEAF, NULL, f_key_purposes_1, NULL },
	{ "key_purposes", CERT_CROSS, NULL, f_key_purposes_2, NULL },
	{ "key_purposes", CERT_OCSP, NULL, f_key_purposes_3, NULL },
	{ "other_extensions_are_not_critical", CERT_LEAF, NULL, f_other_extensions_are_not_critical_1, NULL },
	{ "issuer_name_is_copied", CERT_LEAF, f_issuer_name_is_copied_1, NULL, NULL },
	{ "issuer_is_ca", CERT_LEAF, f_issuer_is_ca_1, NULL, NULL },
	{ "issuer_path_length", CERT_INTERMEDIATE, f_issuer_path_length_1, NULL, NULL },
	{ "issuer_is_no_root", CERT_LEAF, f_issuer_is_no_root_1, NULL, NULL },
	{ "issuer_is_no_root", CERT_PRECERTIFICATE, f_issuer_is_no_root_2, NULL, NULL },
	{ "subject_is_not_the_issuers", CERT_INTERMEDIATE, f_subject_is_not_the_issuers_1, NULL, NULL },
	{ "subject_is_not_the_issuers", CERT_OCSP, f_subject_is_not_the_issuers_1, NULL, NULL },
	{ "cross_is_of_the_same_ca", CERT_CROSS, f_cross_is_of_the_same_ca_1, NULL, NULL },
	{ "cross_is_of_the_same_ca", CERT_CROSS, f_cross_is_of_the_same_ca_2, NULL, NULL },
	{ "cross_is_of_the_same_ca", CERT_CROSS, f_cross_is_of_the_same_ca_3, NULL, NULL },
	{ "cross_is_of_the_same_ca", CERT_CROSS, f_cross_is_of_the_same_ca_4, NULL, NULL },
	{ "key_kind", CERT_LEAF, f_key_kind_1, NULL, NULL },
	{ "key_kind", CERT_LEAF, f_key_kind_2, NULL, NULL },
	{ "rsa_exponent_and_factors", CERT_LEAF, f_rsa_exponent_and_factors_1, NULL, NULL },
	{ "rsa_exponent_and_factors", CERT_LEAF, f_rsa_exponent_and_factors_2, NULL, NULL },
	{ "key_of_root", CERT_ROOT, f_key_of_root_1, NULL, NULL },
	{ "key_lasts_as_long", CERT_LEAF, f_key_lasts_as_long_1, NULL, NULL },
	{ "key_is_not_the_issuers", CERT_LEAF, f_key_is_not_the_issuers_1, NULL, NULL },
	{ "issuer_has_begun", CERT_LEAF, f_issuer_has_begun_1, NULL, NULL },
	{ "not_after_is_inside_issuers", CERT_LEAF, f_not_after_is_inside_issuers_1, NULL, NULL },
	{ "life_of_mode", CERT_LEAF, f_life_of_mode_1, NULL, NULL },
	{ "life_of_profile", CERT_LEAF, f_life_of_profile_1, NULL, NULL },
	{ "life_of_ca", CERT_ROOT, f_life_of_ca_1, NULL, NULL },
	{ "life_of_ca", CERT_CROSS, f_life_of_ca_2, NULL, NULL },
	{ "life_of_root_is_long", CERT_ROOT, f_life_of_root_is_long_1, NULL, NULL },
	{ "key_of_profile", CERT_LEAF, f_key_of_profile_1, NULL, NULL },
	{ "kinds_of_names_of_profile", CERT_LEAF, f_kinds_of_names_of_profile_1, NULL, NULL },
	{ "subject_form", CERT_OCSP, NULL, f_subject_form_1, NULL },
	{ "subject_form", CERT_OCSP, NULL, f_subject_form_2, NULL },
	{ "subject_length", CERT_ROOT, NULL, f_subject_length_1, NULL },
	{ "subject_text", CERT_OCSP, f_subject_text_1, NULL, NULL },
	{ "subject_text", CERT_OCSP, f_subject_text_2, NULL, NULL },
	{ "subject_of_ca", CERT_ROOT, f_subject_of_ca_1, NULL, NULL },
	{ "subject_of_ca", CERT_OCSP, f_subject_of_ca_2, NULL, NULL },
	{ "subject_of_leaf", CERT_LEAF, f_subject_of_leaf_1, NULL, NULL },
	{ "common_name_is_in_san", CERT_LEAF, f_common_name_is_in_san_1, NULL, NULL },
	{ "common_name_of_profile", CERT_LEAF, f_common_name_of_profile_1, NULL, NULL },
	{ "names_within_issuers_constraints", CERT_LEAF, f_names_within_issuers_constraints_1, NULL, NULL },
	{ "san_types", CERT_LEAF, NULL, f_san_types_1, NULL },
	{ "san_types", CERT_LEAF, NULL, f_san_types_2, "cert_is_readable" },
	{ "san_is_critical_iff_subject_is_empty", CERT_LEAF, NULL, f_san_is_critical_iff_subject_is_empty_1, NULL },
	{ "dns_name_form", CERT_LEAF, f_dns_name_form_1, NULL, NULL },
	{ "dns_name_form", CERT_LEAF, f_dns_name_form_2, NULL, NULL },
	{ "dns_name_has_a_dot", CERT_LEAF, f_dns_name_has_a_dot_1, NULL, NULL },
	{ "a_labels_decode", CERT_LEAF, f_a_labels_decode_1, NULL, NULL },
	{ "a_labels_decode", CERT_LEAF, f_a_labels_decode_2, NULL, NULL },
	{ "onion_name_is_a_service", CERT_LEAF, f_onion_name_is_a_service_1, NULL, NULL },
	{ "address_is_public", CERT_LEAF, f_address_is_public_1, NULL, NULL },
	{ "address_is_public", CERT_LEAF, f_address_is_public_2, NULL, NULL },
	{ "names_stand_once", CERT_LEAF, f_names_stand_once_1, NULL, NULL },
	{ "names_of_profile", CERT_LEAF, f_names_of_profile_1, NULL, NULL },
	{ "policy_is_domain_validated", CERT_LEAF, NULL, f_policy_is_domain_validated_1, NULL },
	{ "crl_url_is_http", CERT_LEAF, f_crl_url_is_http_1, NULL, NULL },
	{ "crl_url_is_present", CERT_LEAF, f_crl_url_is_present_1, NULL, NULL },
	{ "one_distribution_point", CERT_LEAF, NULL, f_one_distribution_point_1, "cert_is_readable" },
	{ "issuer_url_is_http", CERT_LEAF, f_issuer_url_is_http_1, NULL, NULL },
	{ "access_methods", CERT_LEAF, NULL, f_access_methods_1, NULL },
	{ "access_methods", CERT_INTERMEDIATE, NULL, f_access_methods_2, NULL },
	{ "ocsp_url_of_issuer", CERT_LEAF, f_ocsp_url_of_issuer_1, NULL, NULL },
	{ "ocsp_url_of_issuer", CERT_LEAF, f_ocsp_url_of_issuer_2, NULL, NULL },
	{ "ocsp_url_of_issuer", CERT_PRECERTIFICATE, f_ocsp_url_of_issuer_3, NULL, NULL },
	{ "life_of_responder_is_short", CERT_OCSP, f_life_of_responder_is_short_1, NULL, NULL },
	{ "scts_form", CERT_LEAF, f_scts_form_1, NULL, NULL },
	{ "scts_form", CERT_LEAF, f_scts_form_2, NULL, NULL },
	{ "scts_form", CERT_LEAF, f_scts_form_3, NULL, NULL },
	{ "scts_form", CERT_LEAF, f_scts_form_4, NULL, NULL },
	{ "poison", CERT_PRECERTIFICATE, NULL, f_poison_1, NULL },
	{ "poison", CERT_PRECERTIFICATE, NULL, f_poison_2, NULL },
	{ "poison", CERT_PRECERTIFICATE, NULL, f_poison_3, NULL },
	{ "corresponds_to_precertificate", CERT_LEAF, f_corresponds_to_precertificate_1, NULL, NULL },
	{ "ocsp_no_check", CERT_OCSP, NULL, f_ocsp_no_check_1, NULL },
	{ "ocsp_no_check", CERT_OCSP, NULL, f_ocsp_no_check_2, NULL },
};

/* ---- the proof ---- */

struct table {
	const struct cert_lint *rows;
	size_t n;
};

static struct bytes tbs_of(struct ctx *c, X509 *x)
{
	uint8_t *out = NULL;
	int n = i2d_re_X509_tbs(x, &out);
	assert_true(n > 0);
	struct bytes tbs = arena_bytes(c->arena, out, (size_t) n);
	OPENSSL_free(out);
	return tbs;
}

static const struct cert_lint *find_row(const char *name)
{
	const struct table tables[] = { { cert_lints, cert_lints_n }, { issuer_lints, issuer_lints_n },
		{ name_lints, name_lints_n }, { public_lints, public_lints_n } };
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		for (size_t j = 0; j < tables[i].n; j++) {
			if (strcmp(tables[i].rows[j].name, name) == 0) {
				return &tables[i].rows[j];
			}
		}
	}
	fail_msg("there is no row %s", name);
	return NULL;
}

/* Asked by itself: of the bad object, as both readers see it where both do, and of the good one. */
static void assert_row_decides(
    struct ctx *c, const struct fault *f, const struct sample *s, X509 *bad, X509 *good, struct bytes good_der)
{
	const struct cert_lint *row = find_row(f->lint);
	struct cert_info info;
	struct sample sound;
	struct bytes der = cert_assemble(c->arena, tbs_of(c, bad), s->t.sigalg, (struct bytes) { (const uint8_t *) "", 1 });
	if (cert_parse(c, der, &info) != 0) {
		ctx_forgive(c);
		assert_good(c, cert_parse(c, good_der, &info));
	}
	EVP_PKEY *key = NULL;
	if (key_of_spki(c, info.spki, &key) != 0) {
		ctx_forgive(c);
	}
	const struct cert_input in = { .x509 = bad, .key = key, .info = &info, .kind = f->kind, .o = &s->o };
	assert_true((row->kinds & 1U << f->kind) != 0);
	if (!row->broken(&in)) {
		fail_msg("row %s does not see its fault", f->lint);
	}
	make_good(c, f->kind, &sound);
	assert_good(c, cert_parse(c, good_der, &info));
	assert_good(c, key_of_spki(c, info.spki, &key));
	sound.crossed.spki = info.spki;
	const struct cert_input other = { .x509 = good, .key = key, .info = &info, .kind = f->kind, .o = &sound.o };
	assert_false(row->broken(&other));
}

static void try_fault(struct ctx *c, const struct fault *f)
{
	struct sample s;
	struct bytes tbs;
	const struct bytes dot = { (const uint8_t *) "", 1 };
	make_good(c, f->kind, &s);
	assert_good(c, cert_build_tbs(c, &s.t, &tbs));
	struct bytes good_der = cert_assemble(c->arena, tbs, s.t.sigalg, dot);
	AUTO(X509) good = to_x509(good_der);
	if (f->spoil != NULL) {
		f->spoil(&s);
		assert_good(c, cert_build_tbs(c, &s.t, &tbs));
	}
	AUTO(X509) bad = to_x509(cert_assemble(c->arena, tbs, s.t.sigalg, dot));
	if (f->spoil_made != NULL) {
		f->spoil_made(bad);
		tbs = tbs_of(c, bad);
	}
	print_message("%s\n", f->lint);
	assert_cause(c, f->refused_by == NULL ? arena_printf(c->arena, "lint %s ", f->lint) : f->refused_by,
	    lint_certificate(c, f->kind, tbs, &s.o));
	assert_row_decides(c, f, &s, bad, good, good_der);
}

/* D-1, D-2, D-3, D-4, D-5, D-6, D-9, D-10, D-11, D-12, D-13, D-14, D-15, D-20, D-21, D-22, D-23, D-25, D-26, D-27, D-28, D-30, D-31, D-35,
 * D-36, D-38, D-39, D-40, D-41, D-42, D-43, D-44, D-45, D-46, D-47, D-48, D-52, D-53, D-56, D-60, D-62, D-65, D-66, B-11, B-24, B-35, C-14, F-8,
 * F-20, F-30: each row of the table. */
static void each_fault_is_found(void **state)
{
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		try_fault(*state, &faults[i]);
	}
}

/* D-15: plain HTTP to a host by its name, whatever other notations of an address there are. */
static void urls_name_hosts(void **state)
{
	(void) state;
	static const struct {
		const char *url;
		bool webpki;
		bool private;
	} urls[] = {
		{ "http://crl.example/1.crl", true, true },
		{ "http://CRL.Example:8080/1.crl", true, true },
		{ "http://3.example?x", true, true },
		{ "http://192.0.2.1/", false, true },
		{ "http://192.0.2.1:80/", false, true },
		{ "http://[2001:db8::1]/", false, true },
		{ "http://127.1/", false, true },
		{ "http://0x7f.0x1/", false, true },
		{ "http://2130706433/", false, true },
		{ "http://%31%32%37.1/", false, true },
		{ "http://crl.example./", false, true },
		{ "http://crl.example@192.0.2.1/", false, false },
		{ "http:///1.crl", false, false },
		{ "https://crl.example/", false, false },
		{ "HTTP://crl.example/", false, false },
		{ "ldap://crl.example/", false, false },
		{ "", false, false },
	};
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		if (lint_url_is_good(urls[i].url, POLICY_WEBPKI) != urls[i].webpki ||
		    lint_url_is_good(urls[i].url, POLICY_PRIVATE) != urls[i].private) {
			fail_msg("%s", urls[i].url);
		}
	}
}

/* F-30: a row that nothing here breaks fails this test. */
static void no_row_is_without_a_fault(void **state)
{
	(void) state;
	const struct table tables[] = { { cert_lints, cert_lints_n }, { issuer_lints, issuer_lints_n },
		{ name_lints, name_lints_n }, { public_lints, public_lints_n } };
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		for (size_t j = 0; j < tables[i].n; j++) {
			const struct cert_lint *row = &tables[i].rows[j];
			size_t n = 0;
			for (size_t k = 0; k < COUNT_OF(faults); k++) {
				n += strcmp(faults[k].lint, row->name) == 0 ? 1 : 0;
			}
			if (n == 0 || row->source[0] == '\0' || row->kinds == 0) {
				fail_msg("row %s has %zu faults, source \"%s\"", row->name, n, row->source);
			}
		}
	}
}

/* D-52, D-56: whatever octet of the certificate is another than the precertificate's, it is not signed. */
static void the_certificate_is_the_promised_one(void **state)
{
	struct ctx *c = *state;
	struct sample s;
	struct bytes tbs;
	make_good(c, CERT_PRECERTIFICATE, &s);
	assert_good(c, cert_build_tbs(c, &s.t, &s.o.precertificate));
	s.t.kind = CERT_LEAF;
	s.t.sct_list = sct_list("\0\7\0\5AAAAA", 9);
	assert_good(c, cert_build_tbs(c, &s.t, &tbs));
	assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &s.o));
	const struct bytes oid = OID_CT_SCT_LIST;
	const uint8_t *list = memmem(tbs.p, tbs.n, oid.p, oid.n);
	assert_non_null(list);
	uint8_t *changed = arena_alloc(c->arena, tbs.n);
	memcpy(changed, tbs.p, tbs.n);
	for (size_t i = 0; i < (size_t) (list - tbs.p) + oid.n; i++) {
		changed[i] ^= 0x01;
		assert_int_equal(lint_certificate(c, CERT_LEAF, (struct bytes) { changed, tbs.n }, &s.o), -1);
		ctx_forgive(c);
		changed[i] ^= 0x01;
	}
}

static int setup(void **state)
{
	(void) state;
	test_ctx_new((void **) &shared);
	make_hierarchy(shared, "p384", "p256", &h);
	struct authority_request r = { .subject = { "XX", "Test Org", "R1" },
		.key_kind = "rsa2048",
		.not_before = clock_now(),
		.days = 900,
		.crl_url = CRL_URL,
		.aia_url = AIA_URL };
	assert_good(shared, authority_make(shared, CERT_INTERMEDIATE, &r, &h.root, &rsa_issuer));
	struct bytes cert = constrained_cert(shared->arena, "permitted;DNS:elsewhere.test");
	assert_good(shared, name_constraints_read(shared, shared->arena, &(struct bytes_list) { &cert, 1 }, &constraints));
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	return test_ctx_free((void **) &shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(good_ones_of_all_kinds_pass),
		WITH_CTX(a_leaf_may_name_a_responder),
		WITH_CTX(each_fault_is_found),
		WITH_CTX(urls_name_hosts),
		WITH_CTX(no_row_is_without_a_fault),
		WITH_CTX(the_certificate_is_the_promised_one),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
