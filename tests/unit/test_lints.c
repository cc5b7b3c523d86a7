/* Lints: a good object of each kind passes; each fault is found by the row that names it. */
#include "tests/unit/crypto_test.h"

#include <openssl/conf.h>

#include "policy/lints.h"
#include "tests/unit/constrained.h"

static struct hierarchy h;
static struct ctx *shared;

static const struct config_profile profile = { .name = "tlsserver", .life_s = 90 * 86400, .max_names = 3 };

static int setup(void **state)
{
	test_ctx_new((void **) &shared);
	make_hierarchy(shared, "p384", "p256", &h);
	(void) state;
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	return test_ctx_free((void **) &shared);
}

static struct lint_options options(const struct authority *issuer)
{
	return (struct lint_options) {
		.mode = POLICY_WEBPKI,
		.now = clock_now(),
		.issuer = issuer == NULL ? NULL : &issuer->info,
		.profile = issuer == &h.intermediate ? &profile : NULL,
	};
}

static void good_objects_pass(void **state)
{
	struct ctx *c = *state;
	TEXTS(names, "a.test", "*.b.test");
	struct lint_options o = options(NULL);
	assert_good(c, lint_certificate(c, CERT_ROOT, h.root.info.tbs, &o));
	o = options(&h.root);
	assert_good(c, lint_certificate(c, CERT_INTERMEDIATE, h.intermediate.info.tbs, &o));
	static const char *const kinds[] = { "p256", "p384", "rsa2048" };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct cert_template t = leaf_template(c, &h.intermediate, kinds[i], &names);
		struct bytes tbs;
		assert_good(c, cert_build_tbs(c, &t, &tbs));
		o = options(&h.intermediate);
		assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
		t.subject.common_name = "a.test";
		t.with_subject_key_id = true;
		t.with_key_encipherment = true;
		assert_good(c, cert_build_tbs(c, &t, &tbs));
		o.profile = NULL;
		assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
	}
	struct authority ca;
	struct authority rpc;
	struct authority site;
	assert_good(c, authority_make_rpc_ca(c, &ca));
	assert_good(c, authority_make_rpc(c, &ca, "cairn-ra", &rpc));
	assert_good(c, authority_make_site(c, &ca, &names, &site));
	o = (struct lint_options) { .mode = POLICY_PRIVATE, .now = clock_now() };
	assert_good(c, lint_certificate(c, CERT_RPC_CA, ca.info.tbs, &o));
	o.issuer = &ca.info;
	assert_good(c, lint_certificate(c, CERT_RPC, rpc.info.tbs, &o));
	assert_good(c, lint_certificate(c, CERT_SITE, site.info.tbs, &o));
	assert_cause(c, "lint ", lint_certificate(c, CERT_SITE, rpc.info.tbs, &o)); /* not of its kind */
	assert_true(lint_count() > 55);
}

/* D-10: a root to 2051 ends in GeneralizedTime and begins in UTCTime, and OpenSSL reads the same times; as a UTCTime it would end a century before. */
static void a_root_to_2051(void **state)
{
	struct ctx *c = *state;
	struct authority root;
	struct tm end;
	struct authority_request r = {
		.subject = { "XX", "Test Org", "Old Root" },
		.key_kind = "p384",
		.not_before = { clock_now().us / 1000000 * 1000000 },
		.days = (INT64_C(2571536000) - clock_now().us / 1000000) / 86400, /* June of that year */
	};
	const struct lint_options o = { .mode = POLICY_PRIVATE, .now = clock_now() };
	assert_good(c, authority_make(c, CERT_ROOT, &r, NULL, &root));
	assert_good(c, lint_certificate(c, CERT_ROOT, root.info.tbs, &o));
	AUTO(X509) x = to_x509(root.der);
	assert_int_equal(ASN1_STRING_type(X509_get0_notBefore(x)), V_ASN1_UTCTIME);
	assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(x)), V_ASN1_GENERALIZEDTIME);
	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(x), &end), 1);
	assert_int_equal(end.tm_year + 1900, 2051);
}

/* ---- faults that the builder itself can make ---- */

static const char *faulty_v[4] = { "a.test" };

static void set_name(struct cert_template *t, const char *first, const char *second)
{
	faulty_v[0] = first;
	faulty_v[1] = second;
	t->dns_names = (struct text_list) { faulty_v, second == NULL ? 1 : 2 };
}

static void long_life(struct cert_template *t)
{
	t->not_after = timestamp_add_s(t->not_before, 201 * 86400 - 1);
}

static void one_second_too_long(struct cert_template *t)
{
	t->not_after = timestamp_add_s(t->not_before, 90 * 86400);
}

static void begins_early(struct cert_template *t)
{
	t->not_before = timestamp_add_s(t->not_before, -2 * 86400);
	t->not_after = timestamp_add_s(t->not_before, 86400);
}

static void outlives(struct cert_template *t)
{
	t->not_after = timestamp_add_s(h.intermediate.info.not_after, 1);
}

static void upper_case(struct cert_template *t)
{
	set_name(t, "A.test", NULL);
}

static void dot_at_end(struct cert_template *t)
{
	set_name(t, "a.test.", NULL);
}

static void underscore(struct cert_template *t)
{
	set_name(t, "a_b.test", NULL);
}

static void wildcard_inside(struct cert_template *t)
{
	set_name(t, "a.*.test", NULL);
}

static void wildcard_part(struct cert_template *t)
{
	set_name(t, "w*.test", NULL);
}

static void reserved_ldh(struct cert_template *t)
{
	set_name(t, "ab--c.test", NULL);
}

static void one_label(struct cert_template *t)
{
	set_name(t, "test", NULL);
}

static void name_twice(struct cert_template *t)
{
	set_name(t, "a.test", "a.test");
}

static void too_many_names(struct cert_template *t)
{
	static const char *v[] = { "a.test", "b.test", "c.test", "d.test" };
	t->dns_names = (struct text_list) { v, 4 };
}

static void foreign_common_name(struct cert_template *t)
{
	t->subject.common_name = "b.test";
}

static void unwanted_common_name(struct cert_template *t)
{
	t->subject.common_name = "a.test";
}

static void organization(struct cert_template *t)
{
	t->subject.organization = "Org";
}

static void other_issuer(struct cert_template *t)
{
	t->issuer_name = h.root.info.subject;
}

static void other_key_id(struct cert_template *t)
{
	t->issuer_key_id = h.root.info.subject_key_id;
}

static void other_algorithm(struct cert_template *t)
{
	t->sigalg = SIGALG_ECDSA_SHA384;
}

static void issuers_key(struct cert_template *t)
{
	t->spki = h.intermediate.info.spki;
}

static void short_serial(struct cert_template *t)
{
	t->serial.n = 8;
}

static void no_crl(struct cert_template *t)
{
	t->crl_url = NULL;
}

static void no_aia(struct cert_template *t)
{
	t->aia_url = NULL;
}

static void ocsp(struct cert_template *t)
{
	t->ocsp_url = "http://ocsp.test/";
}

static void address_in_url(struct cert_template *t)
{
	t->crl_url = "http://192.0.2.1/1.crl";
}

static void unwanted_key_id(struct cert_template *t)
{
	t->with_subject_key_id = true;
}

struct template_fault {
	const char *lint;
	const char *key_kind;
	void (*spoil)(struct cert_template *t);
};

static const struct template_fault template_faults[] = {
	{ "life_of_mode", NULL, long_life },                                                      /* D-36 */
	{ "life_of_profile", NULL, one_second_too_long },                                         /* D-9 */
	{ "not_before_is_near_now", NULL, begins_early },                                         /* D-35 */
	{ "not_after_is_inside_issuers", NULL, outlives }, { "dns_name_form", NULL, upper_case }, /* D-38 */
	{ "dns_name_form", NULL, dot_at_end }, { "dns_name_form", NULL, underscore },             /* C-14 */
	{ "dns_name_form", NULL, wildcard_inside }, { "dns_name_form", NULL, wildcard_part },
	{ "dns_name_form", NULL, reserved_ldh }, { "dns_name_has_a_dot", NULL, one_label },
	{ "names_stand_once", NULL, name_twice }, { "names_of_profile", NULL, too_many_names }, /* B-24 */
	{ "common_name_is_in_san", NULL, foreign_common_name },                                 /* D-39 */
	{ "common_name_of_profile", NULL, unwanted_common_name }, { "subject_of_leaf", NULL, organization },
	{ "issuer_name_is_copied", NULL, other_issuer },                                      /* D-4 */
	{ "authority_key_id", NULL, other_key_id },                                           /* D-13 */
	{ "signature_algorithm_of_issuer", NULL, other_algorithm },                           /* D-7 */
	{ "key_is_not_the_issuers", NULL, issuers_key }, { "key_kind", "p521", NULL },        /* D-65 */
	{ "key_kind", "ed25519", NULL }, { "serial_has_64_random_bits", NULL, short_serial }, /* D-3 */
	{ "crl_url_is_present", NULL, no_crl },                                               /* D-45 */
	{ "issuer_url_is_http", NULL, no_aia },                                               /* D-43 */
	{ "ocsp_url_of_issuer", NULL, ocsp }, { "crl_url_is_http", NULL, address_in_url },    /* D-15 */
	{ "subject_key_id_of_profile", NULL, unwanted_key_id },                               /* D-46 */
};

/* D-35: what an order may ask for can still be signed when it waits for logs or a token for an hour; not for longer. */
static void what_was_asked_for_is_signed_an_hour_later(void **state)
{
	struct ctx *c = *state;
	const struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	struct bytes tbs;
	TEXTS(names, "a.test");
	struct validity asked = { timestamp_add_s(now, -INT64_C(47) * 3600), { 0 } };
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	struct lint_options o = options(&h.intermediate);
	assert_good(c, profile_asked_check(c, &profile, now, &asked));
	t.not_before = asked.from;
	t.not_after = timestamp_add_s(asked.from, profile.life_s - 1);
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	o.now = timestamp_add_s(now, 3600);
	assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
	o.now = timestamp_add_s(now, 3601);
	assert_cause(c, "not_before_is_near_now", lint_certificate(c, CERT_LEAF, tbs, &o));
	asked.from = timestamp_add_s(asked.from, -1);
	assert_problem(c, PROBLEM_MALFORMED, profile_asked_check(c, &profile, now, &asked));
}

/* D-31: the CA itself refuses what its issuer may not sign. */
static void issuers_constraints_hold(void **state)
{
	struct ctx *c = *state;
	struct bytes tbs;
	struct bytes cert = constrained_cert(c->arena, "permitted;DNS:a.test,excluded;IP:0.0.0.0/0.0.0.0");
	struct name_constraints_list constraints;
	struct lint_options o = options(&h.intermediate);
	assert_good(c, name_constraints_read(c, c->arena, &(struct bytes_list) { &cert, 1 }, &constraints));
	TEXTS(names, "a.test", "*.a.test");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	o.constraints = &constraints;
	assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
	TEXTS(outside, "a.test", "b.test");
	t.dns_names = outside;
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_cause(c, "names_within_issuers_constraints", lint_certificate(c, CERT_LEAF, tbs, &o));
	TEXTS(address, "9.9.9.9");
	t.dns_names = names;
	t.ip_addresses = address;
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_cause(c, "names_within_issuers_constraints", lint_certificate(c, CERT_LEAF, tbs, &o));
}

/* D-3, D-4, D-7, D-9, D-13, D-15, D-35, D-36, D-38, D-39, D-43, D-45, D-46, D-65, B-24, C-14: each row of the table */
static void faults_of_templates_are_found(void **state)
{
	struct ctx *c = *state;
	TEXTS(names, "a.test");
	for (size_t i = 0; i < COUNT_OF(template_faults); i++) {
		const struct template_fault *f = &template_faults[i];
		struct bytes tbs;
		struct cert_template t = leaf_template(c, &h.intermediate, f->key_kind == NULL ? "p256" : f->key_kind, &names);
		if (f->spoil != NULL) {
			f->spoil(&t);
		}
		assert_good(c, cert_build_tbs(c, &t, &tbs));
		const struct lint_options o = options(&h.intermediate);
		print_message("%s\n", f->lint);
		assert_cause(c, f->lint, lint_certificate(c, CERT_LEAF, tbs, &o));
	}
}

/* The attributes with their string types, as another CA's software may have written them. */
static struct bytes name_of(struct ctx *c, int organization, int common_name)
{
	X509_NAME *name = X509_NAME_new();
	uint8_t *der = NULL;
	assert_int_equal(
	    X509_NAME_add_entry_by_NID(name, NID_organizationName, organization, (const uint8_t *) "Old Firm", -1, -1, 0),
	    1);
	assert_int_equal(
	    X509_NAME_add_entry_by_NID(name, NID_commonName, common_name, (const uint8_t *) "Old CA", -1, -1, 0), 1);
	int n = i2d_X509_NAME(name, &der);
	assert_true(n > 0);
	struct bytes copy = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	X509_NAME_free(name);
	return copy;
}

/* D-4: the name of an issuer is in its certificates as it stands in its own, whatever the types of its strings; the same text in others is another
 * name. */
static void an_issuers_name_is_copied(void **state)
{
	struct ctx *c = *state;
	static const int types[] = { V_ASN1_PRINTABLESTRING, V_ASN1_UTF8STRING, V_ASN1_T61STRING, V_ASN1_BMPSTRING };
	TEXTS(names, "a.test");
	for (size_t i = 0; i < COUNT_OF(types) * COUNT_OF(types); i++) {
		struct cert_info issuer = h.intermediate.info;
		struct cert_info leaf;
		struct bytes tbs;
		struct bytes der;
		struct lint_options o = options(&h.intermediate);
		o.issuer = &issuer;
		issuer.subject = name_of(c, types[i % COUNT_OF(types)], types[i / COUNT_OF(types)]);
		struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
		t.issuer_name = issuer.subject;
		assert_good(c, cert_build_tbs(c, &t, &tbs));
		assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
		assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
		assert_good(c, cert_parse(c, der, &leaf));
		assert_true(bytes_equal(leaf.issuer, issuer.subject));
		t.issuer_name = name_of(c, types[(i + 1) % COUNT_OF(types)], types[i / COUNT_OF(types)]);
		assert_good(c, cert_build_tbs(c, &t, &tbs));
		assert_cause(c, "issuer_name_is_copied", lint_certificate(c, CERT_LEAF, tbs, &o));
	}
}

/* ---- faults that only another builder can make ---- */

static void set_extension(X509 *x, int nid, bool critical, const char *value)
{
	X509V3_CTX context;
	CONF *empty = NCONF_new(NULL);
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509V3_set_nconf(&context, empty);
	int at = X509_get_ext_by_NID(x, nid, -1);
	if (at >= 0) {
		X509_EXTENSION_free(X509_delete_ext(x, at));
	}
	X509_EXTENSION *e = value == NULL ? NULL : X509V3_EXT_conf_nid(NULL, &context, nid, value);
	NCONF_free(empty);
	if (value == NULL) {
		return;
	}
	assert_non_null(e);
	X509_EXTENSION_set_critical(e, critical);
	assert_int_equal(X509_add_ext(x, e, at), 1);
	X509_EXTENSION_free(e);
}

struct extension_fault {
	const char *lint;
	int nid;
	bool critical;
	const char *value; /* NULL: the extension is taken out */
};

static const struct extension_fault extension_faults[] = {
	{ "extensions_are_known", NID_tlsfeature, false, "status_request" }, /* D-11, D-48 */
	{ "extensions_are_known", NID_netscape_comment, false, "x" },
	{ "key_usage_is_critical", NID_key_usage, false, "digitalSignature" },
	{ "key_usage_is_critical", NID_key_usage, false, NULL },
	{ "key_usage_bits", NID_key_usage, true, "digitalSignature,keyAgreement" },
	{ "key_usage_bits", NID_key_usage, true, "digitalSignature,keyEncipherment" }, /* an EC key */
	{ "key_usage_bits", NID_key_usage, true, "keyCertSign" },
	{ "basic_constraints_are_critical", NID_basic_constraints, false, "CA:FALSE" },
	{ "basic_constraints_value", NID_basic_constraints, true, "CA:TRUE" },
	{ "key_purposes", NID_ext_key_usage, false, "serverAuth,clientAuth" }, /* D-40 */
	{ "key_purposes", NID_ext_key_usage, false, "anyExtendedKeyUsage" },
	{ "key_purposes", NID_ext_key_usage, false,
	    "serverAuth,1.3.6.1.5.5.7.3.99" }, /* one that OpenSSL has no name for */
	{ "key_purposes", NID_ext_key_usage, false, NULL },
	{ "other_extensions_are_not_critical", NID_ext_key_usage, true, "serverAuth" },
	{ "policy_is_domain_validated", NID_certificate_policies, false, "2.23.140.1.2.2" }, /* D-27, D-44 */
	{ "policy_is_domain_validated", NID_certificate_policies, false, "2.23.140.1.2.1,2.5.29.32.0" },
	{ "policy_is_domain_validated", NID_certificate_policies, false, NULL },
	{ "authority_key_id", NID_authority_key_identifier, false, NULL },
	{ "cert_is_readable", NID_subject_alt_name, true, "email:a@a.test" }, /* D-38 */
	{ "san_types", NID_subject_alt_name, true, NULL },
	{ "san_is_critical_iff_subject_is_empty", NID_subject_alt_name, false, "DNS:a.test" },                 /* D-38 */
	{ "cert_is_readable", NID_crl_distribution_points, false, "URI:http://a.test/1,URI:http://b.test/2" }, /* D-12 */
	{ "crl_url_is_http", NID_crl_distribution_points, false, "URI:ldap://a.test/1" },
	{ "subject_key_id", NID_subject_key_identifier, false, "0102030405060708090a0b0c0d0e0f1011121314" }, /* D-14 */
	{ "ocsp_url_of_issuer", NID_info_access, false, "OCSP;URI:http://a.test/,caIssuers;URI:http://a.test/" },
	{ "issuer_url_is_http", NID_info_access, false, "caIssuers;URI:https://a.test/" },
	{ "issuer_url_is_http", NID_info_access, false, NULL },
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

static struct bytes good_leaf(struct ctx *c)
{
	TEXTS(names, "a.test");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	struct bytes tbs;
	struct bytes der;
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
	return der;
}

/* D-11, D-12, D-14, D-27, D-38, D-40, D-44, D-48: each row of the table */
static void faults_of_extensions_are_found(void **state)
{
	struct ctx *c = *state;
	const struct lint_options o = options(&h.intermediate);
	for (size_t i = 0; i < COUNT_OF(extension_faults); i++) {
		const struct extension_fault *f = &extension_faults[i];
		AUTO(X509) x = to_x509(good_leaf(c));
		set_extension(x, f->nid, f->critical, f->value);
		print_message("%s: %s\n", f->lint, f->value == NULL ? "(none)" : f->value);
		assert_cause(c, f->lint, lint_certificate(c, CERT_LEAF, tbs_of(c, x), &o));
	}
}

/* The right extensions in another order are not of the profile (D-1). */
static void order_is_part_of_the_profile(void **state)
{
	struct ctx *c = *state;
	const struct lint_options o = options(&h.intermediate);
	AUTO(X509) x = to_x509(good_leaf(c));
	X509_EXTENSION *first = X509_delete_ext(x, 0);
	assert_int_equal(X509_add_ext(x, first, -1), 1);
	X509_EXTENSION_free(first);
	assert_cause(c, "cert_is_of_its_profile", lint_certificate(c, CERT_LEAF, tbs_of(c, x), &o));
	AUTO(X509) old = to_x509(good_leaf(c));
	X509_set_version(old, X509_VERSION_1);
	assert_cause(c, "cert_is_readable", lint_certificate(c, CERT_LEAF, tbs_of(c, old), &o)); /* D-2 */
	AUTO(X509) ids = to_x509(good_leaf(c));
	X509_EXTENSION *twice = X509_EXTENSION_dup(X509_get_ext(ids, 1));
	assert_int_equal(X509_add_ext(ids, twice, -1), 1);
	X509_EXTENSION_free(twice);
	assert_cause(c, "extensions_stand_once", lint_certificate(c, CERT_LEAF, tbs_of(c, ids), &o));
}

/* Whatever octet of a good TBS is changed, it is refused or means the same kind of thing: never a crash (F-32). */
static void changed_octets(void **state)
{
	struct ctx *c = *state;
	struct cert_info info;
	struct bytes der = good_leaf(c);
	assert_good(c, cert_parse(c, der, &info));
	const struct lint_options o = options(&h.intermediate);
	uint8_t *changed = arena_alloc(c->arena, info.tbs.n);
	memcpy(changed, info.tbs.p, info.tbs.n);
	size_t passed = 0;
	for (size_t i = 0; i < info.tbs.n; i++) {
		changed[i] ^= 0x20;
		passed += lint_certificate(c, CERT_LEAF, (struct bytes) { changed, info.tbs.n }, &o) == 0 ? 1 : 0;
		ctx_forgive(c);
		changed[i] ^= 0x20;
	}
	print_message("%zu of %zu\n", passed, info.tbs.n);
	assert_true(passed < 90); /* octets of the serial, of names and URLs are free */
	assert_good(c, lint_certificate(c, CERT_LEAF, info.tbs, &o));
}

/* F-33, D-20, D-22, D-23, D-25, D-26, D-27 */
static void faults_of_ca_certificates(void **state)
{
	struct ctx *c = *state;
	struct authority weak;
	struct authority_request r = {
		.subject = { "XX", "Test Org", "Weak" },
		.key_kind = "p256",
		.not_before = clock_now(),
		.days = 3650,
	};
	struct lint_options o = options(NULL);
	assert_good(c, authority_make(c, CERT_ROOT, &r, NULL, &weak));
	assert_cause(c, "key_of_root", lint_certificate(c, CERT_ROOT, weak.info.tbs, &o)); /* D-23 */
	r.key_kind = "p384";
	r.days = 3700;
	assert_good(c, authority_make(c, CERT_ROOT, &r, NULL, &weak));
	assert_cause(c, "life_of_ca", lint_certificate(c, CERT_ROOT, weak.info.tbs, &o)); /* D-20 */
	r.days = 3650;
	r.subject.organization = NULL;
	assert_good(c, authority_make(c, CERT_ROOT, &r, NULL, &weak));
	assert_cause(c, "subject_of_ca", lint_certificate(c, CERT_ROOT, weak.info.tbs, &o)); /* D-22 */
	assert_cause(c, "issuer_is_known", lint_certificate(c, CERT_LEAF, weak.info.tbs, &o));
	assert_cause(c, "issuer_is_known", lint_crl(c, weak.info.tbs, &o));
	o.issuer = &h.root.info;
	assert_cause(c, "issuer_is_known", lint_certificate(c, CERT_ROOT, weak.info.tbs, &o));
	AUTO(X509) x = to_x509(h.intermediate.der);
	set_extension(x, NID_basic_constraints, true, "CA:TRUE,pathlen:1"); /* D-25 */
	assert_cause(c, "basic_constraints_value", lint_certificate(c, CERT_INTERMEDIATE, tbs_of(c, x), &o));
	set_extension(x, NID_basic_constraints, true, "CA:TRUE,pathlen:0");
	set_extension(x, NID_ext_key_usage, false, "serverAuth,clientAuth"); /* D-26 */
	assert_cause(c, "key_purposes", lint_certificate(c, CERT_INTERMEDIATE, tbs_of(c, x), &o));
	set_extension(x, NID_ext_key_usage, false, "serverAuth");
	static const char *const policies[] = { "2.23.140.1.2.1,2.23.140.1.2.2", "2.5.29.32.0",
		"2.23.140.1.2.2" }; /* D-27 */
	for (size_t i = 0; i < COUNT_OF(policies); i++) {
		set_extension(x, NID_certificate_policies, false, policies[i]);
		assert_cause(c, "policy_is_domain_validated", lint_certificate(c, CERT_INTERMEDIATE, tbs_of(c, x), &o));
	}
	set_extension(x, NID_certificate_policies, false, "2.23.140.1.2.1");
	assert_good(c, lint_certificate(c, CERT_INTERMEDIATE, tbs_of(c, x), &o));
}

/* ---- CRLs ---- */

static struct crl_entry entries[] = {
	{ { (const uint8_t *) "\x01\x02\x03", 3 }, { 0 }, 1 },
	{ { (const uint8_t *) "\x01\x02\x04", 3 }, { 0 }, 0 },
};

static struct crl_template good_crl(void)
{
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	entries[0].revoked_at = entries[1].revoked_at = timestamp_add_s(now, -100);
	entries[1].serial.p = (const uint8_t *) "\x01\x02\x04";
	return (struct crl_template) {
		.sigalg = SIGALG_ECDSA_SHA256,
		.issuer_name = h.intermediate.info.subject,
		.issuer_key_id = h.intermediate.info.subject_key_id,
		.this_update = now,
		.next_update = timestamp_add_s(now, 10 * 86400 - 1),
		.number = 1,
		.url = CRL_URL,
		.entries = { entries, 2 },
	};
}

static void crl_other_issuer(struct crl_template *t)
{
	t->issuer_name = h.root.info.subject;
}

static void crl_other_key(struct crl_template *t)
{
	t->issuer_key_id = h.root.info.subject_key_id;
}

static void crl_other_algorithm(struct crl_template *t)
{
	t->sigalg = SIGALG_RSA_SHA256;
}

static void crl_too_long(struct crl_template *t)
{
	t->next_update = timestamp_add_s(t->this_update, 10 * 86400);
}

static void crl_future(struct crl_template *t)
{
	t->this_update = timestamp_add_s(t->this_update, 60);
}

static void crl_old(struct crl_template *t)
{
	t->this_update = timestamp_add_s(t->this_update, -2 * 86400);
	t->next_update = timestamp_add_s(t->this_update, 86400);
}

static void crl_address(struct crl_template *t)
{
	t->url = "http://192.0.2.1/";
}

static void crl_twice(struct crl_template *t)
{
	(void) t;
	entries[1].serial.p = entries[0].serial.p;
}

static void crl_revoked_later(struct crl_template *t)
{
	entries[1].revoked_at = timestamp_add_s(t->this_update, 1);
}

static const struct {
	const char *lint;
	void (*spoil)(struct crl_template *t);
} crl_faults[] = {
	{ "issuer_name_is_copied", crl_other_issuer },
	{ "authority_key_id", crl_other_key },
	{ "crl_is_readable", crl_other_algorithm }, /* D-7 */
	{ "next_update_is_near", crl_too_long },    /* E-21 */
	{ "this_update_is_now", crl_future },
	{ "this_update_is_now", crl_old },
	{ "url_is_http", crl_address },
	{ "serials_stand_once", crl_twice }, /* E-27 */
	{ "revoked_before_this_update", crl_revoked_later },
};

/* D-37: without a CRL for seven days, and not for a second more. */
static void short_lives(void **state)
{
	struct ctx *c = *state;
	TEXTS(names, "a.test");
	struct bytes tbs;
	struct lint_options o = options(&h.intermediate);
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	t.crl_url = NULL;
	t.not_after = timestamp_add_s(t.not_before, 604800 - 1);
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_good(c, lint_certificate(c, CERT_LEAF, tbs, &o));
	t.not_after = timestamp_add_s(t.not_before, 604800);
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_cause(c, "crl_url_is_present", lint_certificate(c, CERT_LEAF, tbs, &o));
}

/* F-33, D-7, E-21 */
static void crls(void **state)
{
	struct ctx *c = *state;
	struct bytes tbs;
	struct crl_template t = good_crl();
	struct lint_options o = options(&h.intermediate);
	assert_good(c, crl_build_tbs(c, &t, &tbs));
	assert_good(c, lint_crl(c, tbs, &o));
	t.entries.n = 0;
	assert_good(c, crl_build_tbs(c, &t, &tbs));
	assert_good(c, lint_crl(c, tbs, &o));
	uint8_t *changed = arena_alloc(c->arena, tbs.n);
	memcpy(changed, tbs.p, tbs.n);
	for (size_t i = 0; i < tbs.n; i++) {
		changed[i] ^= 0x80;
		int got = lint_crl(c, (struct bytes) { changed, tbs.n }, &o);
		assert_true(got == -1 || i > tbs.n - 80); /* the URL's and the number's octets are free */
		ctx_forgive(c);
		changed[i] ^= 0x80;
	}
	for (size_t i = 0; i < COUNT_OF(crl_faults); i++) {
		t = good_crl();
		crl_faults[i].spoil(&t);
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		o = options(&h.intermediate);
		print_message("%s\n", crl_faults[i].lint);
		assert_cause(c, crl_faults[i].lint, lint_crl(c, tbs, &o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(good_objects_pass),
		WITH_CTX(a_root_to_2051),
		WITH_CTX(issuers_constraints_hold),
		WITH_CTX(faults_of_templates_are_found),
		WITH_CTX(an_issuers_name_is_copied),
		WITH_CTX(what_was_asked_for_is_signed_an_hour_later),
		WITH_CTX(faults_of_extensions_are_found),
		WITH_CTX(order_is_part_of_the_profile),
		WITH_CTX(changed_octets),
		WITH_CTX(faults_of_ca_certificates),
		WITH_CTX(short_lives),
		WITH_CTX(crls),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
