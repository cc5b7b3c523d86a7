/* Each row of the lints of CRLs and their entries with what it refuses (D-61, F-33, E-10, E-11, E-20, E-21, E-24, E-27, E-28). */
#include "tests/unit/crypto_test.h"

#include <openssl/x509v3.h>

#include "policy/lints_rows.h"

#define URL "http://ca.test/crl/one.crl"
#define DAY_US (INT64_C(86400) * 1000000)

static struct hierarchy h;
static struct cert_info leaf;
static struct ctx all; /* of both */

/* A good CRL as both readers see it, to be spoiled. */
struct bad {
	struct ctx *c;
	X509_CRL *crl;
	X509_REVOKED *revoked;
	struct crl_info info;
	struct crl_entry entry;
	struct lint_options o;
	struct bytes entry_der;
};

static int setup(void **state)
{
	(void) state;
	ctx_init(&all);
	make_hierarchy(&all, "p384", "p256", &h);
	TEXTS(names, "a.test");
	struct bytes tbs;
	struct bytes der;
	struct cert_template t = leaf_template(&all, &h.intermediate, "p256", &names);
	assert_good(&all, cert_build_tbs(&all, &t, &tbs));
	assert_good(&all, cert_sign(&all, h.intermediate.key, tbs, &der));
	assert_good(&all, cert_parse(&all, der, &leaf));
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&all);
	return 0;
}

static struct bytes sign(struct ctx *c, const struct crl_template *t)
{
	struct bytes tbs;
	struct bytes der;
	assert_good(c, crl_build_tbs(c, t, &tbs));
	assert_good(
	    c, lint_crl(c, tbs,
	           &(struct lint_options) { .mode = POLICY_WEBPKI, .now = clock_now(), .issuer = &h.intermediate.info }));
	assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
	return der;
}

static X509_CRL *crl_of(struct bytes der)
{
	const uint8_t *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long) der.n);
	assert_non_null(crl);
	return crl;
}

static struct bad good(struct ctx *c)
{
	static const uint8_t serials[][3] = { { 1, 2, 3 }, { 1, 2, 4 } };
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	struct crl_entry entries[] = { { { serials[0], 3 }, now, 1 }, { { serials[1], 3 }, now, 0 } };
	struct crl_template t = {
		.sigalg = SIGALG_ECDSA_SHA256,
		.issuer_name = h.intermediate.info.subject,
		.issuer_key_id = h.intermediate.info.subject_key_id,
		.this_update = now,
		.next_update = timestamp_add_s(now, 10 * 86400 - 1),
		.number = 7,
		.url = URL,
		.entries = { entries, 2 },
	};
	struct bad b = { .c = c, .o = { .mode = POLICY_WEBPKI, .now = clock_now(), .issuer = &h.intermediate.info } };
	struct bytes whole = sign(c, &t);
	AUTO(X509_CRL) listed = crl_of(whole);
	assert_good(c, crl_parse(c, whole, &b.info));
	t.entries.n = 0;
	b.crl = crl_of(sign(c, &t)); /* the rows see the head alone */
	b.revoked = X509_REVOKED_dup(sk_X509_REVOKED_value(X509_CRL_get_REVOKED(listed), 0));
	b.entry = b.info.entries.v[0];
	uint8_t *octets = arena_alloc(c->arena, 128);
	uint8_t *to = octets;
	b.entry_der = (struct bytes) { octets, (size_t) i2d_X509_REVOKED(b.revoked, &to) };
	return b;
}

static void set_number(struct bad *b, const char *decimal)
{
	AUTO(ASN1_INTEGER) n = s2i_ASN1_INTEGER(NULL, decimal);
	assert_int_equal(X509_CRL_add1_ext_i2d(b->crl, NID_crl_number, n, 0, X509V3_ADD_REPLACE), 1);
}

static void set_idp(struct bad *b, const char *value, int critical)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point, value);
	assert_non_null(e);
	X509_EXTENSION_set_critical(e, critical);
	int at = X509_CRL_get_ext_by_NID(b->crl, NID_issuing_distribution_point, -1);
	X509_EXTENSION_free(X509_CRL_delete_ext(b->crl, at));
	assert_int_equal(X509_CRL_add_ext(b->crl, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void set_reason(struct bad *b, long reason, int critical)
{
	AUTO(ASN1_ENUMERATED) code = ASN1_ENUMERATED_new();
	assert_int_equal(ASN1_ENUMERATED_set(code, reason), 1);
	assert_int_equal(X509_REVOKED_add1_ext_i2d(b->revoked, NID_crl_reason, code, critical, X509V3_ADD_REPLACE), 1);
}

static void set_serial(struct bad *b, const char *octets, size_t n)
{
	b->entry.serial = (struct bytes) { (const uint8_t *) octets, n };
}

static void old_version(struct bad *b)
{
	assert_int_equal(X509_CRL_set_version(b->crl, X509_CRL_VERSION_1), 1);
}
static void other_issuer(struct bad *b)
{
	b->info.issuer = h.root.info.subject;
}
static void other_key(struct bad *b)
{
	b->o.issuer = &h.root.info;
}
static void no_key_id(struct bad *b)
{
	X509_EXTENSION_free(X509_CRL_delete_ext(b->crl, X509_CRL_get_ext_by_NID(b->crl, NID_authority_key_identifier, -1)));
}
static void no_number(struct bad *b)
{
	X509_EXTENSION_free(X509_CRL_delete_ext(b->crl, X509_CRL_get_ext_by_NID(b->crl, NID_crl_number, -1)));
}
static void zero_number(struct bad *b)
{
	set_number(b, "0");
}
static void negative_number(struct bad *b)
{
	set_number(b, "-1");
}
static void huge_number(struct bad *b)
{
	set_number(b, "730750818665451459101842416358141509827966271488");
} /* 2^159 */
static void delta(struct bad *b)
{
	AUTO(ASN1_INTEGER) n = s2i_ASN1_INTEGER(NULL, "1");
	assert_int_equal(X509_CRL_add1_ext_i2d(b->crl, NID_delta_crl, n, 1, X509V3_ADD_APPEND), 1);
}
static void critical_number(struct bad *b)
{
	AUTO(ASN1_INTEGER) n = s2i_ASN1_INTEGER(NULL, "7");
	assert_int_equal(X509_CRL_add1_ext_i2d(b->crl, NID_crl_number, n, 1, X509V3_ADD_REPLACE), 1);
}
static void soft_idp(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL ",onlyuser:TRUE", 0);
}
static void begins_later(struct bad *b)
{
	b->info.this_update.us = b->o.now.us + 1;
}
static void begun_long_ago(struct bad *b)
{
	b->info.this_update.us = b->o.now.us - DAY_US - 1;
}
static void too_long(struct bad *b)
{
	b->info.next_update.us = b->info.this_update.us + 10 * DAY_US;
}
static void ends_before(struct bad *b)
{
	b->info.next_update = b->info.this_update;
}
static void long_root(struct bad *b)
{
	b->info.url = NULL;
	b->info.next_update.us = b->info.this_update.us + 365 * DAY_US;
}
static void both_flags(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL ",onlyuser:TRUE,onlyCA:TRUE", 1);
}
static void no_flag(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL, 1);
}
static void indirect(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL ",onlyuser:TRUE,indirectCRL:TRUE", 1);
}
static void attributes(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL ",onlyAA:TRUE,onlyuser:TRUE", 1);
}
static void some_reasons(struct bad *b)
{
	set_idp(b, "fullname:URI:" URL ",onlyuser:TRUE,onlysomereasons:keyCompromise", 1);
}
static void no_point(struct bad *b)
{
	set_idp(b, "onlyuser:TRUE", 1);
}
static void two_points(struct bad *b)
{
	AUTO(ISSUING_DIST_POINT) idp = X509_CRL_get_ext_d2i(b->crl, NID_issuing_distribution_point, NULL, NULL);
	sk_GENERAL_NAME_push(
	    idp->distpoint->name.fullname, a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_URI, "http://b.test/", 0));
	assert_int_equal(X509_CRL_add1_ext_i2d(b->crl, NID_issuing_distribution_point, idp, 1, X509V3_ADD_REPLACE), 1);
}
static void https(struct bad *b)
{
	b->info.url = "https://ca.test/crl/one.crl";
}
static void ldap(struct bad *b)
{
	b->info.url = "ldap://ca.test/cn=one";
}
static void address(struct bad *b)
{
	b->info.url = "http://192.0.2.1/one.crl";
}
static void twice(struct bad *b)
{
	b->info.entries.v[1].serial = b->info.entries.v[0].serial;
}
static void empty_list(struct bad *b)
{
	b->info.entries.n = 0;
}
static void no_crl_sign(struct bad *b)
{
	b->o.issuer = &leaf;
}
static void unreadable_issuer(struct bad *b)
{
	struct cert_info *info = ARENA_NEW(b->c->arena, struct cert_info);
	*info = h.intermediate.info;
	info->der.n--;
	b->o.issuer = info;
}
static void large(struct bad *b)
{
	b->o.mode = POLICY_WEBPKI;
	b->info.der.n = 64 * 1000 * 1000;
}
static void large_private(struct bad *b)
{
	b->o.mode = POLICY_PRIVATE;
	b->info.der.n = 64 * 1000 * 1000;
}

static void other_octets(struct bad *b)
{
	b->entry_der.n--;
}
static void no_serial(struct bad *b)
{
	set_serial(b, "", 0);
}
static void zero_serial(struct bad *b)
{
	set_serial(b, "\0", 1);
}
static void negative_serial(struct bad *b)
{
	set_serial(b, "\x80\x01", 2);
}
static void padded_serial(struct bad *b)
{
	set_serial(b, "\0\x01", 2);
}
static void long_serial(struct bad *b)
{
	set_serial(b,
	    "\x01"
	    "23456789012345678901",
	    21);
}
static void revoked_later(struct bad *b)
{
	b->entry.revoked_at.us = b->info.this_update.us + 1000000;
}
static void unspecified(struct bad *b)
{
	set_reason(b, 0, 0);
}
static void ca_compromise(struct bad *b)
{
	set_reason(b, 2, 0);
}
static void hold(struct bad *b)
{
	set_reason(b, 6, 0);
}
static void remove_from(struct bad *b)
{
	set_reason(b, 8, 0);
}
static void aa_compromise(struct bad *b)
{
	set_reason(b, 10, 0);
}
static void critical_reason(struct bad *b)
{
	set_reason(b, 1, 1);
}
static void invalidity(struct bad *b)
{
	ASN1_GENERALIZEDTIME *t = ASN1_GENERALIZEDTIME_set(NULL, 1700000000);
	assert_int_equal(X509_REVOKED_add1_ext_i2d(b->revoked, NID_invalidity_date, t, 0, X509V3_ADD_APPEND), 1);
	ASN1_GENERALIZEDTIME_free(t);
}

static const struct fault {
	const char *lint;
	void (*spoil)(struct bad *b);
} faults[] = {
	{ "version_is_2", old_version },
	{ "issuer_name_is_copied", other_issuer },
	{ "authority_key_id", other_key },
	{ "authority_key_id", no_key_id },
	{ "number_is_positive_and_below_2_159", no_number },
	{ "number_is_positive_and_below_2_159", zero_number },
	{ "number_is_positive_and_below_2_159", negative_number },
	{ "number_is_positive_and_below_2_159", huge_number },
	{ "extensions_are_known", delta },
	{ "extensions_are_known", critical_number },
	{ "extensions_are_known", soft_idp },
	{ "this_update_is_now", begins_later },
	{ "this_update_is_now", begun_long_ago },
	{ "next_update_is_near", too_long },
	{ "next_update_is_near", ends_before },
	{ "next_update_is_near", long_root },
	{ "issuing_distribution_point", both_flags },
	{ "issuing_distribution_point", no_flag },
	{ "issuing_distribution_point", indirect },
	{ "issuing_distribution_point", attributes },
	{ "issuing_distribution_point", some_reasons },
	{ "issuing_distribution_point", no_point },
	{ "issuing_distribution_point", two_points },
	{ "url_is_http", https },
	{ "url_is_http", ldap },
	{ "url_is_http", address },
	{ "serials_stand_once", twice },
	{ "entries_are_listed_or_absent", empty_list },
	{ "issuer_may_sign_crls", no_crl_sign },
	{ "issuer_may_sign_crls", unreadable_issuer },
	{ "size_is_bounded", large },
	{ "size_is_bounded", large_private },
	{ "entry_is_exact_der", other_octets },
	{ "serial_is_positive", no_serial },
	{ "serial_is_positive", zero_serial },
	{ "serial_is_positive", negative_serial },
	{ "serial_is_positive", padded_serial },
	{ "serial_is_positive", long_serial },
	{ "revoked_before_this_update", revoked_later },
	{ "reason", unspecified },
	{ "reason", ca_compromise },
	{ "reason", hold },
	{ "reason", remove_from },
	{ "reason", aa_compromise },
	{ "reason", critical_reason },
	{ "reason", invalidity },
};

/* What the row of this name says; fails for a name that there is not. */
static bool is_broken(const struct bad *b, const char *lint)
{
	const struct crl_input crl = { b->crl, &b->info, &b->o };
	const struct crl_entry_input entry = { b->revoked, &b->entry, b->entry_der, b->info.this_update };
	for (size_t i = 0; i < crl_lints_n; i++) {
		if (strcmp(crl_lints[i].name, lint) == 0) {
			return crl_lints[i].broken(&crl);
		}
	}
	for (size_t i = 0; i < crl_entry_lints_n; i++) {
		if (strcmp(crl_entry_lints[i].name, lint) == 0) {
			return crl_entry_lints[i].broken(&entry);
		}
	}
	fail_msg("there is no row %s", lint);
	return false;
}

/* D-61, F-33, E-10, E-11, E-20, E-21, E-24, E-27: the row sees its fault, and none in the good one. */
static void each_row_can_fail(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct bad b = good(c);
		print_message("%zu %s\n", i, faults[i].lint);
		assert_false(is_broken(&b, faults[i].lint));
		faults[i].spoil(&b);
		assert_true(is_broken(&b, faults[i].lint));
		X509_CRL_free(b.crl);
		X509_REVOKED_free(b.revoked);
	}
}

/* E-28: one that root programs would not take is published all the same, as what is revoked must be seen. */
static void large_ones_are_made(void **state)
{
	struct bad b = good(*state);
	b.o.mode = POLICY_WEBPKI;
	b.info.der.n = 2 * (size_t) CRL_LARGE;
	assert_false(is_broken(&b, "size_is_bounded"));
	X509_CRL_free(b.crl);
	X509_REVOKED_free(b.revoked);
}

static bool is_spoiled(const char *lint)
{
	bool found = false;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		found = found || strcmp(faults[i].lint, lint) == 0;
	}
	return found;
}

static void no_row_without_a_fault(void **state)
{
	(void) state;
	for (size_t i = 0; i < crl_lints_n; i++) {
		assert_true(is_spoiled(crl_lints[i].name));
	}
	for (size_t i = 0; i < crl_entry_lints_n; i++) {
		assert_true(is_spoiled(crl_entry_lints[i].name));
	}
}

/* Entries that OpenSSL need not read again: of few forms and of more than are kept, each with its fault in the last one of a form. */
static void entries_of_known_forms(void **state)
{
	struct ctx *c = *state;
	static const int64_t reasons[] = { 0, 1, 3, 4, 5, 9 };
	static const size_t sizes[] = { 1, 20 }; /* lengths of serials: 6 forms, and 120, of 32 that are kept */
	struct crl_entry *entries = ARENA_ARRAY(c->arena, 3 * 20 * COUNT_OF(reasons), struct crl_entry);
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	const struct lint_options o = { .mode = POLICY_WEBPKI, .now = now, .issuer = &h.intermediate.info };
	struct crl_template t = {
		.sigalg = SIGALG_ECDSA_SHA256,
		.issuer_name = h.intermediate.info.subject,
		.issuer_key_id = h.intermediate.info.subject_key_id,
		.this_update = now,
		.next_update = timestamp_add_s(now, 86400),
		.number = 7,
		.url = URL,
		.entries = { entries, 0 },
	};
	for (size_t k = 0; k < COUNT_OF(sizes); k++) {
		struct bytes tbs;
		t.entries.n = 3 * sizes[k] * COUNT_OF(reasons);
		for (size_t i = 0; i < t.entries.n; i++) {
			size_t n = 20 - i % sizes[k];
			uint8_t *serial = arena_alloc(c->arena, n);
			memset(serial, (int) (i / 100 + 1), n);
			serial[n - 1] = (uint8_t) (i & 0x7f);
			entries[i] = (struct crl_entry) { { serial, n }, timestamp_add_s(now, -(int64_t) i),
				reasons[i / sizes[k] % COUNT_OF(reasons)] };
		}
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		assert_good(c, lint_crl(c, tbs, &o));
		struct crl_entry *last = &entries[t.entries.n - 1];
		const struct crl_entry good_one = *last;
		last->revoked_at = timestamp_add_s(now, 1);
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		assert_cause(c, "revoked_before_this_update", lint_crl(c, tbs, &o));
		*last = good_one;
		((uint8_t *) (uintptr_t) last->serial.p)[0] = 0; /* in front of what needs none, or all there is */
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		assert_cause(c, "serial_is_positive", lint_crl(c, tbs, &o));
		last->serial = entries[0].serial;
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		assert_cause(c, "serials_stand_once", lint_crl(c, tbs, &o));
	}
}

/* E-10: the reasons that there may be, and none. */
static void allowed_reasons_pass(void **state)
{
	static const long allowed[] = { 1, 3, 4, 5, 9 };
	struct ctx *c = *state;
	struct bad b = good(c);
	for (size_t i = 0; i < COUNT_OF(allowed); i++) {
		set_reason(&b, allowed[i], 0);
		assert_false(is_broken(&b, "reason"));
	}
	X509_EXTENSION_free(X509_REVOKED_delete_ext(b.revoked, 0));
	assert_false(is_broken(&b, "reason"));
	X509_CRL_free(b.crl);
	X509_REVOKED_free(b.revoked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(each_row_can_fail),
		cmocka_unit_test(no_row_without_a_fault),
		WITH_CTX(entries_of_known_forms),
		WITH_CTX(allowed_reasons_pass),
		WITH_CTX(large_ones_are_made),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
