/* CRLs (E-10, E-11, E-20, E-24): what is written, as OpenSSL reads it, and what is refused. */
#include "tests/unit/crypto_test.h"

#include "lib/crypto/oid.h"

static struct bytes make(struct ctx *c, const struct authority *issuer, const struct crl_template *t)
{
	struct bytes tbs;
	struct bytes der;
	assert_good(c, crl_build_tbs(c, t, &tbs));
	assert_good(c, cert_sign(c, issuer->key, tbs, &der));
	return der;
}

static X509_CRL *to_crl(struct bytes der)
{
	const uint8_t *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long) der.n);
	assert_non_null(crl);
	assert_ptr_equal(p, der.p + der.n);
	return crl;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;
	assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
	return (int64_t) timegm(&tm);
}

/* Serials of one octet and of twenty; each reason that E-10 allows. */
static void make_entries(struct ctx *c, struct timestamp at, struct crl_entries *ret)
{
	static const int64_t reasons[] = { 0, 1, 3, 4, 5, 9 };
	static const size_t sizes[] = { 1, 2, 16, 19, 20, 20 };
	ret->n = COUNT_OF(reasons);
	ret->v = ARENA_ARRAY(c->arena, ret->n, struct crl_entry);
	for (size_t i = 0; i < ret->n; i++) {
		uint8_t *serial = arena_alloc(c->arena, sizes[i]);
		random_bytes(serial, sizes[i]);
		serial[0] = (uint8_t) ((serial[0] & 0x7f) | 1);
		ret->v[i] = (struct crl_entry) { { serial, sizes[i] }, timestamp_add_s(at, -(int64_t) i * 5000), reasons[i] };
	}
}

static void assert_entry(X509_REVOKED *read, const struct crl_entry *expected)
{
	AUTO(BIGNUM) serial = ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(read), NULL);
	uint8_t octets[20];
	assert_int_equal(BN_bn2binpad(serial, octets, (int) expected->serial.n), expected->serial.n);
	assert_memory_equal(octets, expected->serial.p, expected->serial.n);
	assert_int_equal(seconds_of(X509_REVOKED_get0_revocationDate(read)), expected->revoked_at.us / 1000000);
	int critical = 7;
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(read, NID_crl_reason, &critical, NULL);
	if (expected->reason == 0) { /* E-11 */
		assert_null(reason);
		assert_int_equal(X509_REVOKED_get_ext_count(read), 0);
	} else {
		assert_int_equal(ASN1_ENUMERATED_get(reason), expected->reason);
		assert_int_equal(critical, 0);
		assert_int_equal(X509_REVOKED_get_ext_count(read), 1);
		ASN1_ENUMERATED_free(reason);
	}
}

/* E-24: critical, the URL octet for octet, one of the two flags. */
static void assert_distribution_point(X509_CRL *read, const struct crl_template *t)
{
	int critical = 7;
	AUTO(ISSUING_DIST_POINT) idp = X509_CRL_get_ext_d2i(read, NID_issuing_distribution_point, &critical, NULL);
	if (t->url == NULL) {
		assert_null(idp);
		assert_int_equal(X509_CRL_get_ext_count(read), 2);
		return;
	}
	assert_non_null(idp);
	assert_int_equal(critical, 1);
	assert_int_equal(idp->onlyCA > 0, t->only_ca_certs);
	assert_int_equal(idp->onlyuser > 0, !t->only_ca_certs);
	assert_true(idp->onlyattr <= 0 && idp->indirectCRL <= 0 && idp->onlysomereasons == NULL);
	assert_int_equal(sk_GENERAL_NAME_num(idp->distpoint->name.fullname), 1);
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(idp->distpoint->name.fullname, 0);
	assert_int_equal(name->type, GEN_URI);
	assert_int_equal(ASN1_STRING_length(name->d.uniformResourceIdentifier), strlen(t->url));
	assert_memory_equal(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), t->url, strlen(t->url));
	assert_int_equal(X509_CRL_get_ext_count(read), 3);
}

static void assert_numbers(X509_CRL *read, const struct crl_template *t)
{
	int critical = 7;
	AUTO(ASN1_INTEGER) number = X509_CRL_get_ext_d2i(read, NID_crl_number, &critical, NULL);
	uint64_t value = 0;
	assert_int_equal(critical, 0);
	assert_int_equal(ASN1_INTEGER_get_uint64(&value, number), 1);
	assert_true(value == t->number);
	AUTO(AUTHORITY_KEYID) key_id = X509_CRL_get_ext_d2i(read, NID_authority_key_identifier, &critical, NULL);
	assert_int_equal(critical, 0);
	assert_int_equal(ASN1_STRING_length(key_id->keyid), t->issuer_key_id.n);
	assert_memory_equal(ASN1_STRING_get0_data(key_id->keyid), t->issuer_key_id.p, t->issuer_key_id.n);
	assert_true(key_id->issuer == NULL && key_id->serial == NULL);
}

static void assert_read_by_openssl(struct bytes der, const struct authority *issuer, const struct crl_template *t)
{
	AUTO(X509_CRL) read = to_crl(der);
	assert_int_equal(X509_CRL_verify(read, issuer->key), 1);
	assert_int_equal(X509_CRL_get_version(read), 1); /* E-20: v2 */
	assert_int_equal(seconds_of(X509_CRL_get0_lastUpdate(read)), t->this_update.us / 1000000);
	assert_int_equal(seconds_of(X509_CRL_get0_nextUpdate(read)), t->next_update.us / 1000000);
	assert_numbers(read, t);
	assert_distribution_point(read, t);
	STACK_OF(X509_REVOKED) *list = X509_CRL_get_REVOKED(read);
	assert_int_equal(list == NULL ? 0 : sk_X509_REVOKED_num(list), t->entries.n);
	assert_true((list == NULL) == (t->entries.n == 0)); /* RFC 5280 5.1.2.6: absent, not empty */
	for (size_t i = 0; i < t->entries.n; i++) {
		assert_entry(sk_X509_REVOKED_value(list, (int) i), &t->entries.v[i]);
	}
}

static void assert_read_by_us(
    struct ctx *c, struct bytes der, const struct authority *issuer, const struct crl_template *t)
{
	struct crl_info info;
	assert_good(c, crl_parse(c, der, &info));
	assert_good(c, crl_verify_signature(c, &info, issuer->key));
	assert_true(bytes_equal(info.issuer, t->issuer_name));
	assert_true(bytes_equal(info.authority_key_id, t->issuer_key_id));
	assert_true(info.number == t->number);
	assert_int_equal(info.this_update.us, t->this_update.us);
	assert_int_equal(info.next_update.us, t->next_update.us);
	assert_int_equal(info.sigalg, t->sigalg);
	assert_true(t->url == NULL ? info.url == NULL : strcmp(info.url, t->url) == 0);
	assert_int_equal(info.entries.n, t->entries.n);
	for (size_t i = 0; i < info.entries.n; i++) {
		assert_true(bytes_equal(info.entries.v[i].serial, t->entries.v[i].serial));
		assert_int_equal(info.entries.v[i].revoked_at.us, t->entries.v[i].revoked_at.us);
		assert_int_equal(info.entries.v[i].reason, t->entries.v[i].reason);
	}
}

static void read_alike_by_openssl(void **state)
{
	static const char *const kinds[] = { "p256", "p384", "rsa2048" };
	static const uint64_t numbers[] = { 1, 0x7f, 0x80, 0xffff, (uint64_t) 1 << 63, UINT64_MAX };
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct hierarchy h;
		make_hierarchy(c, "p384", kinds[i], &h);
		for (size_t k = 0; k < COUNT_OF(numbers); k++) {
			struct crl_template t = crl_template(&h.intermediate);
			t.number = numbers[k];
			t.only_ca_certs = k % 2 == 1;
			t.url = k == 5 ? NULL : CRL_URL;
			if (k != 2) {
				make_entries(c, t.this_update, &t.entries);
			}
			struct bytes der = make(c, &h.intermediate, &t);
			assert_read_by_openssl(der, &h.intermediate, &t);
			assert_read_by_us(c, der, &h.intermediate, &t);
		}
	}
}

/* A CRL says nothing when any bit of it is not as it was signed. */
static void no_changed_bit_verifies(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p384", "p256", &h);
	struct crl_template t = crl_template(&h.intermediate);
	make_entries(c, t.this_update, &t.entries);
	struct bytes der = make(c, &h.intermediate, &t);
	struct crl_info whole;
	assert_good(c, crl_parse(c, der, &whole));
	assert_good(c, crl_check_signed(c, der, whole.tbs, h.intermediate.key));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, crl_check_signed(c, der, whole.tbs, h.root.key));
	uint8_t *octets = arena_alloc(c->arena, der.n + 1);
	memcpy(octets, der.p, der.n);
	for (size_t i = 0; i < der.n * 8; i++) {
		struct ctx inner;
		struct crl_info info;
		ctx_init(&inner);
		octets[i / 8] ^= (uint8_t) (1 << i % 8);
		if (crl_parse(&inner, (struct bytes) { octets, der.n }, &info) == 0) {
			assert_int_equal(crl_verify_signature(&inner, &info, h.intermediate.key), -1);
		} else {
			assert_int_equal(inner.err.type, PROBLEM_MALFORMED);
		}
		ctx_forgive(&inner);
		struct bytes changed = { octets, der.n };
		assert_int_equal(crl_check_signed(&inner, changed, whole.tbs, h.intermediate.key), -1);
		octets[i / 8] ^= (uint8_t) (1 << i % 8);
		ctx_done(&inner);
	}
	struct crl_info info;
	for (size_t n = 0; n < der.n; n++) {
		assert_problem(c, PROBLEM_MALFORMED, crl_parse(c, (struct bytes) { octets, n }, &info));
	}
	assert_problem(c, PROBLEM_MALFORMED, crl_parse(c, (struct bytes) { octets, der.n + 1 }, &info));
	assert_good(c, crl_parse(c, der, &info));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, crl_verify_signature(c, &info, h.root.key));
}

static void only_the_reasons_of_the_rules(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct bytes tbs;
	make_hierarchy(c, "p384", "p256", &h);
	for (int64_t reason = -1; reason <= 300; reason++) {
		struct crl_template t = crl_template(&h.intermediate);
		struct crl_entry entry = { h.root.info.serial, t.this_update, reason };
		t.entries = (struct crl_entries) { &entry, 1 };
		bool allowed = reason == 0 || reason == 1 || (reason >= 3 && reason <= 5) || reason == 9; /* E-10 */
		assert_int_equal(crl_build_tbs(c, &t, &tbs), allowed ? 0 : -1);
		ctx_forgive(c);
	}
}

static void bad_templates_are_refused(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct bytes tbs;
	static const uint8_t long_serial[21] = { 1 };
	static const uint8_t negative[] = { 0x80 };
	make_hierarchy(c, "p384", "p256", &h);
	const struct crl_template good = crl_template(&h.intermediate);
	struct crl_entry entries[] = {
		{ { NULL, 0 }, good.this_update, 1 },
		{ { long_serial, sizeof(long_serial) }, good.this_update, 1 },
		{ { negative, sizeof(negative) }, good.this_update, 1 },
		{ h.root.info.serial, { 0 }, 1 },
	};
	struct crl_template bad[16];
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		bad[i] = good;
		if (i < COUNT_OF(entries)) {
			bad[i].entries = (struct crl_entries) { &entries[i], 1 };
		}
	}
	bad[4].number = 0;
	bad[5].next_update = good.this_update;
	bad[6].url = "ldap://crl.test/";
	bad[7].url = "https://crl.test/1.crl"; /* D-15 */
	bad[8].url = arena_printf(c->arena, "http://%*d", 512 - 6, 1);
	bad[9].url = "";
	bad[10].issuer_key_id.n = 0;
	bad[11].issuer_name.n = 0;
	bad[12].sigalg = SIGALG_NONE;
	bad[13].this_update.us++;
	bad[14].next_update.us++;
	bad[15].entries = (struct crl_entries) { entries, 400001 }; /* none of them is looked at */
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		print_message("%zu\n", i);
		assert_problem(c, PROBLEM_SERVER_INTERNAL, crl_build_tbs(c, &bad[i], &tbs));
	}
	bad[8].url = arena_printf(c->arena, "http://%*d", 512 - 7, 1);
	assert_good(c, crl_build_tbs(c, &bad[8], &tbs));
}

/* Extensions as octets of our own, in the place of those that the builder writes. */
static struct bytes with_extensions(struct ctx *c, const struct crl_template *t, struct bytes list)
{
	struct arena *a = c->arena;
	struct bytes alg = sigalg_der(t->sigalg);
	struct bytes version = OCTETS(0x02, 0x01, 0x01);
	struct bytes bits = OCTETS(0x00, 0x01);
	struct bytes tbs = DER(a, DER_SEQUENCE, version, alg, t->issuer_name, der_time(a, t->this_update),
	    der_time(a, t->next_update), DER(a, DER_CONTEXT_CONSTRUCTED(0), DER(a, DER_SEQUENCE, list)));
	return DER(a, DER_SEQUENCE, tbs, alg, DER(a, DER_BIT_STRING, bits));
}

static struct bytes extension(struct arena *a, struct bytes oid, struct bytes value)
{
	return DER(a, DER_SEQUENCE, oid, DER(a, DER_OCTET_STRING, value));
}

static struct bytes joined(struct arena *a, struct bytes x, struct bytes y)
{
	uint8_t *p = arena_alloc(a, x.n + y.n);
	memcpy(p, x.p, x.n);
	memcpy(p + x.n, y.p, y.n);
	return (struct bytes) { p, x.n + y.n };
}

static void bad_extensions_are_refused(void **state)
{
	struct ctx *c = *state;
	struct arena *a = c->arena;
	struct hierarchy h;
	struct crl_info info;
	make_hierarchy(c, "p384", "p256", &h);
	const struct crl_template t = crl_template(&h.intermediate);
	struct bytes aki_oid = OID_AUTHORITY_KEY_ID;
	struct bytes number_oid = OID_CRL_NUMBER;
	struct bytes idp_oid = OID_ISSUING_DISTRIBUTION_POINT;
	struct bytes delta_oid = OCTETS(0x06, 0x03, 0x55, 0x1d, 0x1b);
	struct bytes zero = OCTETS(0x02, 0x01, 0x00);
	struct bytes one = OCTETS(0x02, 0x01, 0x01);
	struct bytes minus = OCTETS(0x02, 0x01, 0x80);
	struct bytes nine = OCTETS(0x02, 0x09, 0x01, 0, 0, 0, 0, 0, 0, 0, 1);
	struct bytes ten = OCTETS(0x02, 0x0a, 0x00, 0x80, 0, 0, 0, 0, 0, 0, 0, 1);
	struct bytes aki = extension(a, aki_oid, DER(a, DER_SEQUENCE, DER(a, DER_CONTEXT(0), t.issuer_key_id)));
	struct bytes number = extension(a, number_oid, one);
	struct bytes both = joined(a, aki, number);
	assert_good(c, crl_parse(c, with_extensions(c, &t, both), &info));
	const struct bytes bad[] = {
		aki,                                             /* no number */
		number,                                          /* no key identifier */
		joined(a, aki, extension(a, number_oid, zero)),  /* E-20: rises from 1 */
		joined(a, aki, extension(a, number_oid, minus)), /* negative */
		joined(a, aki, extension(a, number_oid, nine)),  /* over 64 bits */
		joined(a, aki, extension(a, number_oid, ten)),
		joined(a, both, extension(a, delta_oid, one)),     /* a delta CRL's */
		joined(a, both, extension(a, idp_oid, one)),       /* an IDP that is none */
		joined(a, number, extension(a, aki_oid, one)),     /* a key identifier that is none */
		joined(a, both, DER(a, DER_SEQUENCE, number_oid)), /* without a value */
		joined(a, both, one),                              /* not an extension */
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		print_message("%zu\n", i);
		assert_problem(c, PROBLEM_MALFORMED, crl_parse(c, with_extensions(c, &t, bad[i]), &info));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(read_alike_by_openssl),
		WITH_CTX(no_changed_bit_verifies),
		WITH_CTX(only_the_reasons_of_the_rules),
		WITH_CTX(bad_templates_are_refused),
		WITH_CTX(bad_extensions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
