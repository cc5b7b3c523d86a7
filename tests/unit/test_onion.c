/* link: va */
/* Onion services: their names, the requests and CAA sets that they sign, and the verdicts on those. B-35, B-37, B-38. */
#include "tests/unit/crypto_test.h"

#include "lib/base/buffer.h"
#include "policy/caa.h"
#include "policy/onion_caa.h"
#include "policy/onion_csr.h"
#include "tests/unit/onion_world.h"

#define TOKEN "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* the octets 0 to 31 */
#define PEER "qqqqqqqq"
#define NOW_S 1800000000

static struct bytes nonce_octets(struct ctx *c)
{
	struct bytes nonce;
	assert_int_equal(base64url_decode(c->arena, bytes_of_text(TOKEN), &nonce), 0);
	return nonce;
}

static struct csr_ask good_ask(struct ctx *c)
{
	return (struct csr_ask) { .nonce = nonce_octets(c), .applicant = bytes_of_text(PEER) };
}

/* Those of the Tor project and of a news site, as everybody knows them. */
static void names(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *name;
		const char *wrong;
	} rows[] = {
		{ "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion", NULL },
		{ "www.bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion", NULL },
		{ "a.b.bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion", NULL },
		{ "facebookcorewwwi.onion", "version 2" },
		{ "www.facebookcorewwwi.onion", "version 2" },
		{ "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccraa.onion", "not of version 3" },
		{ "cbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion", "checksum" },
		{ "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccra.onion", "56 characters" },
		{ "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccradd.onion", "56 characters" },
		{ "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccr1d.onion", "56 characters" },
		{ "Bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion", "56 characters" },
		{ ".onion", "no label" },
		{ "onion", "no label" },
		{ "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.example", "no label" },
	};
	(void) c;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct onion onion;
		const char *wrong = onion_parse(rows[i].name, &onion);
		bool as_told =
		    wrong == NULL ? rows[i].wrong == NULL : rows[i].wrong != NULL && strstr(wrong, rows[i].wrong) != NULL;
		if (!as_told) {
			fail_msg("%s: %s", rows[i].name, wrong);
		}
		if (wrong == NULL) {
			assert_int_equal(strlen(onion.service), 62);
			assert_ptr_equal(onion.service, rows[i].name + strlen(rows[i].name) - 62);
		}
	}
	assert_true(onion_is("onion") && onion_is("a.onion"));
	assert_false(onion_is("xonion") || onion_is("onion.example") || onion_is("a.onions"));
	struct service s = service_new(c);
	struct onion onion;
	assert_null(onion_parse(s.name, &onion));
	assert_memory_equal(onion.key, s.raw, ONION_KEY_SIZE);
	assert_string_equal(onion_parse(arena_printf(c->arena, "%s.onion", onion_label(c->arena, s.raw, 4, true)), &onion),
	    "it is not of version 3 of onion services");
}

/* ---- requests ---- */

static struct verdict decide(struct ctx *c, const char *name, struct bytes csr)
{
	const struct validate_request request = {
		.identifier = { "dns", name }, .method = "onion-csr-01", .token = TOKEN, .response = csr
	};
	struct connection_attempt attempt = { .host = name, .body = csr, .body_octets = (int64_t) csr.n };
	const struct validation_result result = { .attempts = { &attempt, 1 } };
	const struct decide_input in = { .request = &request };
	return decide_onion(c->arena, &in, &result);
}

static void assert_verdict(struct verdict verdict, enum problem problem, const char *words)
{
	if (verdict.passed != (words == NULL) ||
	    (words != NULL && (verdict.problem != problem || strstr(verdict.detail, words) == NULL))) {
		fail_msg("expected %s, found %s: %s", words == NULL ? "a pass" : words, problem_info(verdict.problem)->name,
		    verdict.detail == NULL ? "a pass" : verdict.detail);
	}
}

static void a_good_request(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	struct csr_ask ask = good_ask(c);
	assert_verdict(decide(c, s.name, onion_csr(c, &s, &ask)), PROBLEM_NONE, NULL);
	const char *sub = arena_printf(c->arena, "www.%s", s.name); /* all names below have the service's key */
	assert_verdict(decide(c, sub, onion_csr(c, &s, &ask)), PROBLEM_NONE, NULL);
	struct bytes nothing = DER(c->arena, DER_SEQUENCE, WITHOUT);
	ask.more =
	    attribute_of(c->arena, (struct bytes) OID_EXTENSION_REQUEST, nothing); /* what else there is means nothing */
	assert_verdict(decide(c, s.name, onion_csr(c, &s, &ask)), PROBLEM_NONE, NULL);
}

/* B-37: one fault each. */
static void faults(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	struct service other = service_new(c);
	struct bytes nonce = nonce_octets(c);
	struct bytes shorter = { nonce.p, nonce.n - 1 };
	struct bytes text = bytes_of_text(base64_encode(c->arena, nonce));
	struct bytes fine = bytes_of_text(PEER);
	struct bytes again =
	    attribute_of(c->arena, (struct bytes) OID_CA_SIGNING_NONCE, DER(c->arena, DER_OCTET_STRING, nonce));
	struct bytes mine =
	    attribute_of(c->arena, (struct bytes) OID_APPLICANT_SIGNING_NONCE, DER(c->arena, DER_UTF8_STRING, fine));
	const struct {
		struct csr_ask ask;
		enum problem problem;
		const char *words;
	} rows[] = {
		{ { .nonce = nonce, .applicant = fine, .cut = true }, PROBLEM_BAD_CSR, "not one whole PKCS#10" },
		{ { .nonce = nonce, .applicant = fine, .longer = true }, PROBLEM_BAD_CSR, "not one whole PKCS#10" },
		{ { .nonce = nonce, .applicant = fine, .version = 1 }, PROBLEM_BAD_CSR, "not one whole PKCS#10" },
		{ { .nonce = nonce, .applicant = fine, .more = BYTES(0x30, 0x00) }, PROBLEM_BAD_CSR, "not one whole PKCS#10" },
		{ { .nonce = nonce, .applicant = fine, .more = BYTES(0x31, 0x00) }, PROBLEM_BAD_CSR, "not one whole PKCS#10" },
		{ { .nonce = nonce, .applicant = fine, .broken = true }, PROBLEM_BAD_CSR, "signature that does not verify" },
		{ { .nonce = nonce, .applicant = fine, .signer = &other }, PROBLEM_BAD_CSR, "signature that does not verify" },
		{ { .nonce = nonce, .applicant = fine, .no_nonce = true }, PROBLEM_BAD_CSR, "no caSigningNonce" },
		{ { .nonce = WITHOUT, .applicant = fine }, PROBLEM_BAD_CSR, "no caSigningNonce" },
		{ { .nonce = nonce, .applicant = fine, .nonce_twice = true }, PROBLEM_BAD_CSR,
		    "caSigningNonce (2.23.140.41) that is not one" },
		{ { .nonce = nonce, .applicant = fine, .more = again }, PROBLEM_BAD_CSR,
		    "caSigningNonce (2.23.140.41) that is not one" },
		{ { .nonce = shorter, .applicant = fine }, PROBLEM_UNAUTHORIZED, "is not the nonce of this challenge" },
		{ { .nonce = bytes_of_text(TOKEN), .applicant = fine }, PROBLEM_UNAUTHORIZED,
		    "is not the nonce of this challenge" },
		{ { .nonce = text, .applicant = fine }, PROBLEM_UNAUTHORIZED, "the octets are wanted that the base64" },
		{ { .nonce = nonce, .applicant = fine, .no_applicant = true }, PROBLEM_BAD_CSR, "no applicantSigningNonce" },
		{ { .nonce = nonce, .applicant = WITHOUT }, PROBLEM_BAD_CSR, "no applicantSigningNonce" },
		{ { .nonce = nonce, .applicant = { fine.p, 7 } }, PROBLEM_BAD_CSR, "less than 8 octets" },
		{ { .nonce = nonce, .applicant = fine, .no_applicant = true, .more = mine }, PROBLEM_BAD_CSR,
		    "applicantSigningNonce (2.23.140.42) that" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_verdict(decide(c, s.name, onion_csr(c, &s, &rows[i].ask)), rows[i].problem, rows[i].words);
	}
	struct csr_ask ask = good_ask(c);
	assert_verdict(decide(c, other.name, onion_csr(c, &s, &ask)), PROBLEM_UNAUTHORIZED, "is not that of");
	assert_verdict(
	    decide(c, "facebookcorewwwi.onion", onion_csr(c, &s, &ask)), PROBLEM_REJECTED_IDENTIFIER, "version 2");
	struct service p256 = s;
	assert_good(c, key_generate(c, "p256", &p256.key));
	ask.signer = &s;
	assert_verdict(decide(c, s.name, onion_csr(c, &p256, &ask)), PROBLEM_BAD_CSR, "another key than one of Ed25519");
	uint8_t *large = arena_alloc(c->arena, ONION_CSR_MAX);
	ask = good_ask(c);
	ask.more =
	    attribute_of(c->arena, (struct bytes) OID_DATA, DER(c->arena, DER_OCTET_STRING, { large, ONION_CSR_MAX }));
	assert_verdict(decide(c, s.name, onion_csr(c, &s, &ask)), PROBLEM_BAD_CSR, "not one whole PKCS#10");
}

/* Signed by another algorithm than the key has, whatever the octets. */
static void other_algorithm(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	struct csr_ask ask = good_ask(c);
	struct bytes der = onion_csr(c, &s, &ask);
	struct onion_csr parsed;
	assert_null(onion_csr_parse(der, &parsed));
	uint8_t *copy = arena_alloc(c->arena, der.n);
	memcpy(copy, der.p, der.n);
	copy[der.n - 64 - 3 - 1] ^= 1; /* the last octet of the algorithm's name */
	assert_verdict(decide(c, s.name, (struct bytes) { copy, der.n }), PROBLEM_BAD_CSR, "not signed with Ed25519");
	memcpy(copy, der.p, der.n);
	copy[der.n - 64 - 1] = 1; /* unused bits */
	assert_verdict(decide(c, s.name, (struct bytes) { copy, der.n }), PROBLEM_BAD_CSR, "not signed with Ed25519");
}

/* A record that can't be one of this validation is a fault of ours. */
static void contradictions(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	struct csr_ask ask = good_ask(c);
	struct bytes csr = onion_csr(c, &s, &ask);
	struct validate_request request = { .identifier = { "dns", s.name }, .token = TOKEN, .response = csr };
	const struct decide_input in = { .request = &request };
	const struct connection_attempt good = { .host = s.name, .body = csr, .body_octets = (int64_t) csr.n };
	struct connection_attempt two[] = { good, good };
	struct validation_result result = { .attempts = { two, 1 } };
	assert_true(decide_onion(c->arena, &in, &result).passed);
	result.attempts.n = 2;
	assert_true(decide_onion(c->arena, &in, &result).fault);
	result.attempts.n = 0;
	assert_true(decide_onion(c->arena, &in, &result).fault);
	result.attempts.n = 1;
	two[0].body.n--;
	assert_true(decide_onion(c->arena, &in, &result).fault);
	two[0] = good;
	two[0].host = "other.onion";
	assert_true(decide_onion(c->arena, &in, &result).fault);
	two[0].host = NULL;
	assert_true(decide_onion(c->arena, &in, &result).fault);
	two[0] = good;
	request.token = "=";
	assert_true(decide_onion(c->arena, &in, &result).fault);
}

/* ---- CAA ---- */

static void record_lines(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *text;
		const char *records; /* in presentation form, with | behind each; NULL: malformed */
	} rows[] = {
		{ NULL, "" },
		{ "", "" },
		{ "\n\n", "" },
		{ "caa 0 issue \"ca.test\"", "0 issue \"ca.test\"|" },
		{ "caa 128 issue \"ca.test; validationmethods=onion-csr-01\"\ncaa 0 iodef \"mailto:a@b\"\n",
		    "128 issue \"ca.test; validationmethods=onion-csr-01\"|0 iodef \"mailto:a@b\"|" },
		{ "caa  0\tissue \t ca.test  ", "0 issue \"ca.test\"|" },
		{ "caa 255 issue \"a \\\"b\\\" \\\\ \\059\"", "255 issue \"a \\\"b\\\" \\\\ ;\"|" },
		{ "caa 0 issue \"\"", "0 issue \"\"|" },
		{ "caa 0 issue", NULL },
		{ "caa 0 issue ", NULL },
		{ "caa 0", NULL },
		{ "caa", NULL },
		{ "CAA 0 issue x", NULL },
		{ " caa 0 issue x", NULL },
		{ "0 issue x", NULL },
		{ "caa 256 issue x", NULL },
		{ "caa -1 issue x", NULL },
		{ "caa x issue x", NULL },
		{ "caa 0 iss_ue x", NULL },
		{ "caa 0 \"issue\" x", NULL },
		{ "caa 0 issue \"x", NULL },
		{ "caa 0 issue \"x\" y", NULL },
		{ "caa 0 issue x y", NULL },
		{ "caa 0 issue x\"", NULL },
		{ "caa 0 issue \"x\\", NULL },
		{ "caa 0 issue \"\\25\"", NULL },
		{ "caa 0 issue \"\\256\"", NULL },
		{ "caa 0 issue x\ncaa 0 issue", NULL },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes_list rdata = { NULL, 0 };
		const char *wrong = onion_caa_parse(c->arena, rows[i].text, &rdata);
		if ((wrong == NULL) != (rows[i].records != NULL)) {
			fail_msg("%s: %s", rows[i].text, wrong);
		}
		const char *seen = "";
		for (size_t k = 0; wrong == NULL && k < rdata.n; k++) {
			struct caa_record record;
			assert_int_equal(caa_record_parse(rdata.v[k], &record), 0);
			seen = arena_printf(c->arena, "%s%s|", seen, caa_record_encode(c->arena, &record));
		}
		assert_string_equal(seen, wrong == NULL ? rows[i].records : "");
	}
	struct buffer b;
	struct bytes_list rdata;
	buffer_init(&b, c->arena, 2048);
	for (int i = 0; i < ONION_CAA_RECORDS_MAX; i++) {
		buffer_add_text(&b, "caa 0 issue ca.test\n");
	}
	assert_null(onion_caa_parse(c->arena, (const char *) buffer_bytes(&b).p, &rdata));
	buffer_add_text(&b, "caa 0 issue ca.test\n");
	assert_non_null(onion_caa_parse(c->arena, (const char *) buffer_bytes(&b).p, &rdata));
}

static struct verdict judge(struct ctx *c, const char *name, bool wildcard, const struct onion_caa *set)
{
	static const char *identities[] = { "ca.test" };
	const struct validate_request request = { .identifier = { "dns", name },
		.wildcard = wildcard,
		.method = "onion-csr-01",
		.account_url = "https://ca.test/acct/1",
		.caa_identities = { identities, 1 },
		.onion_caa = *set };
	struct caa_decision decision =
	    onion_caa_decide(c->arena, &request, (struct timestamp) { NOW_S * INT64_C(1000000) });
	bool has_records = set->caa != NULL && (decision.verdict.passed || decision.verdict.problem == PROBLEM_CAA);
	assert_int_equal(decision.result.found_at != NULL, has_records);
	assert_int_equal(decision.result.records.n > 0, has_records);
	assert_null(decision.next);
	return decision.verdict;
}

static struct onion_caa signed_set(struct ctx *c, const struct service *s, const char *caa, int64_t expiry)
{
	struct onion_caa set = { .caa = caa, .expiry = expiry };
	set.signature = service_sign(c, s, onion_caa_signed(c->arena, &set));
	return set;
}

/* B-38 */
static void sets(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	const char *sub = arena_printf(c->arena, "www.%s", s.name);
	const int64_t soon = NOW_S + 3600;
	static const struct {
		const char *caa;
		const char *words; /* NULL: it permits */
		bool wildcard;
		const char *wildcard_words;
	} rows[] = {
		{ NULL, NULL, true, NULL },
		{ "caa 0 issue \"ca.test\"", NULL, true, NULL },
		{ "caa 0 iodef \"mailto:a@b\"", NULL, true, NULL },
		{ "caa 0 issue \"other.test\"", "names another CA", true, "names another CA" },
		{ "caa 0 issue \";\"", "authorises nobody", true, "authorises nobody" },
		{ "caa 0 issue \"ca.test; validationmethods=onion-csr-01\"", NULL, true, NULL },
		{ "caa 0 issue \"ca.test; validationmethods=http-01\"", "does not allow the validation method", false, NULL },
		{ "caa 0 issue \"ca.test; accounturi=https://ca.test/acct/1\"", NULL, true, NULL },
		{ "caa 0 issue \"ca.test; accounturi=https://ca.test/acct/2\"", "names another account", false, NULL },
		{ "caa 128 strange x", "critical and its tag is unknown", false, NULL },
		{ "caa 0 issue ca.test\ncaa 0 issuewild \";\"", NULL, true, "authorises nobody" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct onion_caa set = signed_set(c, &s, rows[i].caa, soon);
		assert_verdict(judge(c, s.name, false, &set), PROBLEM_CAA, rows[i].words);
		assert_verdict(judge(c, sub, false, &set), PROBLEM_CAA, rows[i].words); /* all names below share it */
		if (rows[i].wildcard) {
			assert_verdict(judge(c, s.name, true, &set), PROBLEM_CAA, rows[i].wildcard_words);
		}
	}
}

static void sets_that_can_not_be_relied_on(void **state)
{
	struct ctx *c = *state;
	struct service s = service_new(c);
	struct service other = service_new(c);
	static const struct {
		int64_t expiry;
		const char *words;
	} times[] = {
		{ NOW_S + 1, NULL },
		{ NOW_S, "expiry has passed" },
		{ NOW_S - 1, "expiry has passed" },
		{ 0, "expiry has passed" },
		{ -1, "expiry has passed" },
		{ NOW_S + ONION_CAA_LIFE_S, NULL },
		{ NOW_S + ONION_CAA_LIFE_S + ONION_CAA_SKEW_S, NULL },
		{ NOW_S + ONION_CAA_LIFE_S + ONION_CAA_SKEW_S + 1, "more than 8 hours ahead" },
		{ INT64_MAX, "more than 8 hours ahead" },
	};
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct onion_caa set = signed_set(c, &s, NULL, times[i].expiry);
		assert_verdict(judge(c, s.name, false, &set), PROBLEM_MALFORMED, times[i].words);
	}
	const char *caa = "caa 0 issue \"ca.test\"";
	struct onion_caa set = signed_set(c, &s, caa, NOW_S + 60);
	assert_string_equal(
	    (const char *) onion_caa_signed(c->arena, &set).p, "onion-caa|1800000060|caa 0 issue \"ca.test\"");
	assert_verdict(judge(c, other.name, false, &set), PROBLEM_MALFORMED, "signature does not verify");
	struct onion_caa changed = set;
	changed.caa = NULL;
	assert_verdict(judge(c, s.name, false, &changed), PROBLEM_MALFORMED, "signature does not verify");
	changed = set;
	changed.expiry++;
	assert_verdict(judge(c, s.name, false, &changed), PROBLEM_MALFORMED, "signature does not verify");
	changed = set;
	changed.signature.n--;
	assert_verdict(judge(c, s.name, false, &changed), PROBLEM_MALFORMED, "signature does not verify");
	set = signed_set(c, &s, "caa 0 issue", NOW_S + 60);
	assert_verdict(judge(c, s.name, false, &set), PROBLEM_MALFORMED, "is not of the form");
	set = signed_set(c, &s, NULL, NOW_S + 60);
	assert_verdict(judge(c, "facebookcorewwwi.onion", false, &set), PROBLEM_MALFORMED, "version 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(names),
		WITH_CTX(a_good_request),
		WITH_CTX(faults),
		WITH_CTX(other_algorithm),
		WITH_CTX(contradictions),
		WITH_CTX(record_lines),
		WITH_CTX(sets),
		WITH_CTX(sets_that_can_not_be_relied_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
