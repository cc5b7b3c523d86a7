/* Each row of the lints of OCSP responses with what it refuses. */
#include "tests/unit/crypto_test.h"

#include "policy/lints_rows.h"

#define DAY_US (INT64_C(86400) * 1000000)

static struct hierarchy h;
static struct authority by;
static struct ctx all;
static const uint8_t number[] = { 0x01, 0x82, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09 };

static void make_responder(struct ctx *c, int64_t days, struct authority *ret)
{
	struct authority_request r = {
		.subject = { "XX", "Test Org", "Test OCSP" },
		.key_kind = "p256",
		.not_before = timestamp_add_s(clock_now(), -3600),
		.days = (int) days,
	};
	assert_good(c, authority_make(c, CERT_OCSP, &r, &h.intermediate, ret));
}

static int setup(void **state)
{
	(void) state;
	ctx_init(&all);
	make_hierarchy(&all, "p384", "p256", &h);
	make_responder(&all, 10, &by);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&all);
	return 0;
}

/* A good response as both readers see it, to be spoiled. */
struct bad {
	struct ocsp_answer answer;
	struct lint_options o;
	struct cert_info responder;
	OCSP_BASICRESP *basic;
	X509 *x509;
	struct ocsp_cert_id wanted;
	uint8_t key_hash[OCSP_KEY_HASH_SIZE];
};

static struct ocsp_answer good_answer(struct ctx *c, bool revoked)
{
	uint8_t *hash = arena_alloc(c->arena, OCSP_KEY_HASH_SIZE);
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	assert_good(c, ocsp_key_hash(c, by.info.spki, hash));
	struct ocsp_answer t = {
		.responder_key_hash = { hash, OCSP_KEY_HASH_SIZE },
		.produced_at = now,
		.revoked = revoked,
		.revoked_at = { revoked ? now.us - 5000000 : 0 },
		.reason = revoked ? 4 : 0,
		.this_update = now,
		.next_update = timestamp_add_s(now, 4 * 86400),
	};
	assert_good(
	    c, ocsp_cert_id(c, OCSP_SHA256, &h.intermediate.info, (struct bytes) { number, sizeof(number) }, &t.id));
	return t;
}

static struct lint_options options(void)
{
	return (struct lint_options) { .mode = POLICY_WEBPKI, .now = clock_now(), .issuer = &h.intermediate.info };
}

static void read_basic(struct ctx *c, struct bad *b)
{
	struct bytes tbs;
	struct ocsp_info info;
	struct bytes one = { number, 1 };
	OCSP_BASICRESP_free(b->basic);
	assert_good(c, ocsp_build_tbs(c, &b->answer, &tbs));
	assert_good(c, ocsp_parse(c, ocsp_assemble(c->arena, tbs, SIGALG_ECDSA_SHA256, one, by.der), &info));
	const uint8_t *p = info.basic.p;
	b->basic = d2i_OCSP_BASICRESP(NULL, &p, (long) info.basic.n);
	assert_non_null(b->basic);
}

static void make_good(struct ctx *c, struct bad *b)
{
	*b = (struct bad) { .answer = good_answer(c, true), .responder = by.info, .x509 = to_x509(by.der) };
	b->o = options();
	read_basic(c, b);
	assert_good(c, ocsp_cert_id(c, OCSP_SHA256, b->o.issuer, b->answer.id.serial, &b->wanted));
	assert_good(c, ocsp_key_hash(c, by.info.spki, b->key_hash));
}

static void done(struct bad *b)
{
	OCSP_BASICRESP_free(b->basic);
	X509_free(b->x509);
}

/* ---- whole responses ---- */

/* E-35, E-37, F-33 */
static void good_ones_pass(void **state)
{
	struct ctx *c = *state;
	for (int revoked = 0; revoked < 2; revoked++) {
		struct ocsp_answer t = good_answer(c, revoked == 1);
		const struct lint_options o = options(); /* of a clock that is not behind the answer's */
		struct bytes tbs;
		assert_good(c, ocsp_build_tbs(c, &t, &tbs));
		assert_good(c, lint_ocsp(c, tbs, &by.info, &o));
	}
}

static void others_are_not_read(void **state)
{
	struct ctx *c = *state;
	const struct lint_options o = options();
	const struct lint_options nobody = { .mode = POLICY_WEBPKI, .now = o.now };
	struct ocsp_answer t = good_answer(c, false);
	struct authority brief;
	struct bytes tbs;
	assert_good(c, ocsp_build_tbs(c, &t, &tbs));
	assert_cause(c, "lint issuer_is_known", lint_ocsp(c, tbs, &by.info, &nobody));
	assert_cause(c, "lint response_is_readable", lint_ocsp(c, (struct bytes) { tbs.p, tbs.n - 1 }, &by.info, &o));
	assert_cause(c, "lint responder_is_delegated",
	    lint_ocsp(c, tbs,
	        &(struct cert_info) { .der = h.intermediate.info.der,
	            .spki = by.info.spki,
	            .is_ca = true,
	            .issuer = by.info.issuer,
	            .authority_key_id = by.info.authority_key_id,
	            .not_after = by.info.not_after },
	        &o));
	make_responder(c, 3, &brief);
	uint8_t hash[OCSP_KEY_HASH_SIZE];
	assert_good(c, ocsp_key_hash(c, brief.info.spki, hash));
	t.responder_key_hash = (struct bytes) { hash, sizeof(hash) };
	assert_good(c, ocsp_build_tbs(c, &t, &tbs));
	assert_cause(c, "lint responder_lasts_as_long", lint_ocsp(c, tbs, &brief.info, &o));
	assert_cause(c, "lint responder_is_named_by_its_key", lint_ocsp(c, tbs, &by.info, &o));
}

/* ---- each row ---- */

static void two_answers(struct bad *b)
{
	OCSP_CERTID *id = OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(OCSP_resp_get0(b->basic, 0)));
	ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL));
	assert_non_null(OCSP_basic_add1_status(b->basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, NULL));
	ASN1_TIME_free(now);
	OCSP_CERTID_free(id);
}
static void other_key(struct bad *b)
{
	b->key_hash[0] ^= 1;
}
static void other_name(struct bad *b)
{
	b->responder.issuer = h.root.info.subject;
}
static void other_authority(struct bad *b)
{
	b->responder.authority_key_id.n--;
}
static void of_a_ca(struct bad *b)
{
	b->responder.is_ca = true;
}
static void drop(struct bad *b, int nid)
{
	X509_EXTENSION_free(X509_delete_ext(b->x509, X509_get_ext_by_NID(b->x509, nid, -1)));
}
static void no_purpose(struct bad *b)
{
	drop(b, NID_ext_key_usage);
}
static void to_be_checked(struct bad *b)
{
	drop(b, NID_id_pkix_OCSP_noCheck);
}
static void ends_before(struct bad *b)
{
	b->responder.not_after.us = b->answer.next_update.us - 1000000;
}
static void begins_later(struct bad *b)
{
	b->responder.not_before.us = b->answer.produced_at.us + 1000000;
}
static void other_hash(struct bad *b)
{
	b->answer.id.hash = OCSP_SHA1;
}
static void other_issuer_name(struct bad *b)
{
	b->answer.id.name_hash.n--;
}
static void other_issuer_key(struct bad *b)
{
	b->answer.id.key_hash.n--;
}
static void short_serial(struct bad *b)
{
	b->answer.id.serial.n = 8;
}
static void negative_serial(struct bad *b)
{
	static const uint8_t octets[9] = { 0x80 };
	b->answer.id.serial = (struct bytes) { octets, sizeof(octets) };
}
static void nonce(struct bad *b)
{
	assert_int_equal(OCSP_basic_add1_nonce(b->basic, NULL, 16), 1);
}
static void single_extension(struct bad *b)
{
	AUTO(ASN1_ENUMERATED) code = ASN1_ENUMERATED_new();
	assert_int_equal(ASN1_ENUMERATED_set(code, 1), 1);
	assert_int_equal(
	    OCSP_SINGLERESP_add1_ext_i2d(OCSP_resp_get0(b->basic, 0), NID_crl_reason, code, 0, X509V3_ADD_APPEND), 1);
}
static void seen_as_good(struct bad *b)
{
	b->answer.revoked = false;
}
static void other_reason(struct bad *b)
{
	b->answer.reason = 1;
}
static void lost_reason(struct bad *b)
{
	b->answer.reason = 0;
}
static void revoked_later(struct bad *b)
{
	b->answer.revoked_at.us = b->answer.this_update.us + 1000000;
}
static void from_before(struct bad *b)
{
	b->o.now.us = b->answer.this_update.us + 301 * INT64_C(1000000);
}
static void from_tomorrow(struct bad *b)
{
	b->o.now.us = b->answer.this_update.us - 1;
}
static void made_later(struct bad *b)
{
	b->answer.produced_at.us = b->o.now.us + 1000000;
}
static void too_long(struct bad *b)
{
	b->answer.next_update.us = b->answer.this_update.us + 7 * DAY_US + 1000000;
}
static void too_short(struct bad *b)
{
	b->answer.next_update.us = b->answer.this_update.us + DAY_US / 3 - 1000000;
}

static const struct fault {
	const char *lint;
	void (*spoil)(struct bad *b);
} faults[] = {
	{ "one_answer", two_answers },
	{ "responder_is_named_by_its_key", other_key },
	{ "responder_is_of_the_issuer", other_name },
	{ "responder_is_of_the_issuer", other_authority },
	{ "responder_is_delegated", of_a_ca },
	{ "responder_is_delegated", no_purpose },
	{ "responder_is_delegated", to_be_checked },
	{ "responder_lasts_as_long", ends_before },
	{ "responder_lasts_as_long", begins_later },
	{ "hashes_of_the_issuer", other_hash },
	{ "hashes_of_the_issuer", other_issuer_name },
	{ "hashes_of_the_issuer", other_issuer_key },
	{ "serial_is_one_of_ours", short_serial },
	{ "serial_is_one_of_ours", negative_serial },
	{ "no_extensions", nonce },
	{ "no_extensions", single_extension },
	{ "status_is_good_or_revoked", seen_as_good },
	{ "reason_of_revocation", other_reason },
	{ "reason_of_revocation", lost_reason },
	{ "revoked_before_this_update", revoked_later },
	{ "times_are_now", from_before },
	{ "times_are_now", from_tomorrow },
	{ "times_are_now", made_later },
	{ "life_is_bounded", too_long },
	{ "life_is_bounded", too_short },
};

static bool asks(const struct bad *b, const char *name)
{
	const struct ocsp_input in = {
		.basic = b->basic,
		.single = OCSP_resp_get0(b->basic, 0),
		.answer = &b->answer,
		.responder = &b->responder,
		.responder_x509 = b->x509,
		.wanted = &b->wanted,
		.responder_key_hash = { b->key_hash, sizeof(b->key_hash) },
		.o = &b->o,
	};
	for (size_t i = 0; i < ocsp_lints_n; i++) {
		if (strcmp(ocsp_lints[i].name, name) == 0) {
			return ocsp_lints[i].broken(&in);
		}
	}
	fail_msg("there is no row %s", name);
	return false;
}

/* D-60, E-10, E-35, E-36, E-37: the row sees its fault, and none in the good one. */
static void each_fault_is_seen(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct bad b;
		make_good(c, &b);
		assert_false(asks(&b, faults[i].lint));
		faults[i].spoil(&b);
		if (!asks(&b, faults[i].lint)) {
			fail_msg("row %s does not see fault %zu", faults[i].lint, i);
		}
		done(&b);
	}
}

static void each_row_has_a_fault(void **state)
{
	(void) state;
	for (size_t i = 0; i < ocsp_lints_n; i++) {
		bool found = false;
		for (size_t k = 0; k < COUNT_OF(faults); k++) {
			found = found || strcmp(faults[k].lint, ocsp_lints[i].name) == 0;
		}
		if (!found) {
			fail_msg("no fault for the row %s", ocsp_lints[i].name);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(good_ones_pass),
		WITH_CTX(others_are_not_read),
		WITH_CTX(each_fault_is_seen),
		WITH_CTX(each_row_has_a_fault),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
