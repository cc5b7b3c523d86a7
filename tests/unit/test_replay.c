/* link: cli */
/* A kept record decided again: the same says nothing, and each change of it is told. F-43, G-3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/audit_rows.h"
#include "lib/base/buffer.h"
#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "policy/kept.h"
#include "tests/unit/pg.h"

#define TOKEN "tokentokentokentokentoken"
#define KEY_AUTHORIZATION TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define DIGEST "8XZSzLEN08nZN8cQUg5o7V6wu9GM9sg_pwEoEjqEW6U"
#define ACCOUNT "AAAAAAAAAAAAAAAAAAAAAQ"

/* A record, and what its private half is made from. */
struct made {
	struct ctx c;
	const char *identity;
	struct resolution lookups[3]; /* TXT, CAA of a.test, CAA of test */
	struct kept_resolutions resolutions;
	struct kept_attempts attempts;
	struct replay_record record;
};

static struct bytes packet_of(struct arena *a, const char *name, uint16_t type, struct bytes rdata)
{
	struct buffer b;
	buffer_init(&b, a, 256);
	const uint8_t head[] = { 0, 0, 0x81, 0x80, 0, 1, 0, rdata.n > 0, 0, 0, 0, 0 };
	buffer_add(&b, head, sizeof(head));
	for (const char *at = name; *at != '\0';) {
		size_t n = strcspn(at, ".");
		buffer_add_char(&b, (char) n);
		buffer_add(&b, at, n);
		at += n + (at[n] == '.');
	}
	const uint8_t question[] = { 0, (uint8_t) (type >> 8), (uint8_t) type, 0, 1 };
	buffer_add(&b, question, sizeof(question));
	if (rdata.n > 0) {
		const uint8_t record[] = { 0xc0, 12, (uint8_t) (type >> 8), (uint8_t) type, 0, 1, 0, 0, 0, 60, 0,
			(uint8_t) rdata.n };
		buffer_add(&b, record, sizeof(record));
		buffer_add(&b, rdata.p, rdata.n);
	}
	return buffer_bytes(&b);
}

static struct bytes sha256_in(struct arena *a, struct bytes of)
{
	uint8_t *digest = arena_alloc(a, SHA256_SIZE);
	sha256_of(of, digest);
	return (struct bytes) { digest, SHA256_SIZE };
}

/* Writes the private half anew, and what the public one is committed to. */
static void seal(struct made *m)
{
	struct arena *a = m->c.arena;
	uint8_t *salt = arena_alloc(a, COMMITMENT_SALT_SIZE);
	uint8_t *both = arena_alloc(a, (size_t) 2 * COMMITMENT_SIZE);
	m->record.resolutions = (const char *) fields_to_json(a, &kept_resolutions_fields, &m->resolutions).p;
	m->record.attempts = (const char *) fields_to_json(a, &kept_attempts_fields, &m->attempts).p;
	commitment_salt(salt);
	commitment_make(salt, "resolutions", bytes_of_text(m->record.resolutions), both);
	commitment_make(salt, "attempts", bytes_of_text(m->record.attempts), both + COMMITMENT_SIZE);
	m->record.salt = (struct bytes) { salt, COMMITMENT_SALT_SIZE };
	m->record.commitments = (struct bytes) { both, (size_t) 2 * COMMITMENT_SIZE };
}

static struct resolution lookup_of(const char *name, const char *type, struct bytes raw)
{
	return (struct resolution) { .name = name, .type = type, .resolver = "local", .dnssec = "secure", .raw = raw };
}

/* A validation of a.test by dns-01 that passed. */
static void make(struct made *m)
{
	*m = (struct made) { .identity = "ca.test" };
	ctx_init(&m->c);
	struct arena *a = m->c.arena;
	struct bytes txt = bytes_of_text("\x2b" DIGEST);
	struct bytes caa = { (const uint8_t *) "\0\5issueca.test", 14 };
	m->lookups[0] = lookup_of("_acme-challenge.a.test", "TXT", packet_of(a, "_acme-challenge.a.test", 16, txt));
	m->lookups[1] = lookup_of("a.test", "CAA", packet_of(a, "a.test", 257, (struct bytes) { NULL, 0 }));
	m->lookups[2] = lookup_of("test", "CAA", packet_of(a, "test", 257, caa));
	static const char *set[] = { "0 issue \"ca.test\"" };
	m->lookups[2].answers = (struct text_list) { set, 1 };
	m->resolutions.resolutions = (struct resolution_list) { m->lookups, 3 };
	m->attempts.asked = (struct validate_request) {
		.validation_id = id_new(),
		.identifier = { "dns", "a.test" },
		.method = "dns-01",
		.token = TOKEN,
		.key_authorization = KEY_AUTHORIZATION,
		.account_url = "https://ca.test/acme/account/" ACCOUNT,
		.caa_identities = { &m->identity, 1 },
		.check_caa = true,
	};
	m->attempts.basis = (struct validation_basis) { .http01_port = 80, .tlsalpn01_port = 443 };
	m->record = (struct replay_record) {
		.id = m->attempts.asked.validation_id,
		.identifier_type = "dns",
		.identifier_value = "a.test",
		.method = "dns-01",
		.perspective = "primary",
		.passed = true,
		.caa = { .checked = true, .permitted = true, .found_at = "test", .records = { set, 1 } },
		.token_sha256 = sha256_in(a, bytes_of_text(TOKEN)),
		.answer_sha256 = sha256_in(a, m->lookups[0].raw),
		.proof = "control",
	};
	assert_int_equal(id_parse(bytes_of_text(ACCOUNT), &m->record.account_id), 0);
	seal(m);
}

static void expect_same(struct made *m)
{
	struct replay_difference_list list;
	enum replay_outcome outcome = replay_record(&m->c, &m->record, &list);
	if (outcome != REPLAY_SAME) {
		fail_msg("%s: %s, now %s", list.v[0].what, list.v[0].recorded, list.v[0].now);
	}
	assert_int_equal(list.n, 0);
}

/* Among the differences is one of that kind. */
static void expect_different(struct made *m, const char *what)
{
	struct replay_difference_list list;
	assert_int_equal(replay_record(&m->c, &m->record, &list), REPLAY_DIFFERENT);
	for (size_t i = 0; i < list.n; i++) {
		if (strcmp(list.v[i].what, what) == 0) {
			ctx_done(&m->c);
			return;
		}
	}
	fail_msg(
	    "no %s among the differences; first: %s: %s, now %s", what, list.v[0].what, list.v[0].recorded, list.v[0].now);
}

static void test_same(void **state)
{
	struct made m;
	(void) state;
	make(&m);
	expect_same(&m);
	/* CAA alone, by the method relied on before */
	m.attempts.asked.key_authorization = m.attempts.asked.token = NULL;
	m.record.method = "caa";
	m.record.proof = NULL;
	m.record.token_sha256 = sha256_in(m.c.arena, (struct bytes) { (const uint8_t *) "", 0 });
	seal(&m);
	expect_same(&m);
	/* one that failed, with the sentence that the subscriber was shown */
	m.identity = "other.test";
	m.record.passed = false;
	m.record.caa.permitted = false;
	m.record.problem = "CAA";
	m.record.detail = "CAA for a.test forbids it: The CAA record 0 issue \"ca.test\" names another CA (found at test)";
	seal(&m);
	expect_same(&m);
	/* a fault of ours: nothing was concluded, and nothing is */
	m.attempts.basis.caa_fault = true;
	m.record.caa = (struct caa_result) { .checked = false };
	m.record.problem = "SERVER_INTERNAL";
	m.record.detail = "The resolver failed while CAA was looked up";
	seal(&m);
	expect_same(&m);
	ctx_done(&m.c);
}

static void test_granted(void **state)
{
	struct made m;
	struct replay_difference_list list;
	(void) state;
	make(&m);
	m.record.proof = "grant";
	m.record.salt.n = 0;
	assert_int_equal(replay_record(&m.c, &m.record, &list), REPLAY_GRANTED);
	ctx_done(&m.c);
}

/* The public half was changed, or the private one. */
static void test_changed(void **state)
{
	struct made m;
	(void) state;
	make(&m);
	m.record.passed = false;
	expect_different(&m, "verdict");
	make(&m);
	m.record.problem = "DNS";
	expect_different(&m, "problem");
	make(&m);
	m.record.detail = "x";
	expect_different(&m, "detail");
	make(&m);
	m.record.identifier_value = "b.test";
	expect_different(&m, "asked");
	make(&m);
	m.record.wildcard = true;
	expect_different(&m, "asked");
	make(&m);
	m.record.method = "dns-account-01";
	expect_different(&m, "asked");
	make(&m);
	m.record.account_id = id_new();
	expect_different(&m, "asked");
	make(&m);
	m.record.id = id_new();
	expect_different(&m, "asked");
	make(&m);
	m.record.token_sha256 = sha256_in(m.c.arena, bytes_of_text("x"));
	expect_different(&m, "token");
	make(&m);
	m.record.answer_sha256 = sha256_in(m.c.arena, bytes_of_text("x"));
	expect_different(&m, "answer");
	make(&m);
	m.record.caa.permitted = false;
	expect_different(&m, "caa");
	make(&m);
	m.record.caa.found_at = "a.test";
	expect_different(&m, "caa");
	make(&m);
	m.record.caa.records.n = 0;
	expect_different(&m, "caa");
	make(&m);
	m.record.salt.n = 0;
	expect_different(&m, "evidence");
	make(&m);
	m.lookups[0].rcode = 1;
	m.record.resolutions = (const char *) fields_to_json(m.c.arena, &kept_resolutions_fields, &m.resolutions).p;
	expect_different(&m, "evidence");
}

/* Changed with its commitments, as a superuser can: the evidence does not bear what was decided. */
static void test_evidence_changed(void **state)
{
	struct made m;
	(void) state;
	make(&m);
	m.attempts.asked.key_authorization = TOKEN ".x";
	seal(&m);
	expect_different(&m, "verdict");
	make(&m);
	m.lookups[2].error = "SERVFAIL";
	seal(&m);
	expect_different(&m, "verdict");
	make(&m);
	m.resolutions.resolutions.n = 2;
	seal(&m);
	expect_different(&m, "verdict");
	make(&m);
	m.attempts.asked = (struct validate_request) { .validation_id = m.record.id };
	seal(&m);
	expect_different(&m, "asked");
	make(&m);
	static const char *broken[] = { "x" };
	m.attempts.basis.allow_networks = (struct text_list) { broken, 1 };
	seal(&m);
	expect_different(&m, "evidence");
	make(&m);
	m.record.attempts = "{";
	commitment_make(m.record.salt.p, "attempts", bytes_of_text("{"),
	    (uint8_t *) (uintptr_t) m.record.commitments.p + COMMITMENT_SIZE);
	expect_different(&m, "evidence");
}

static void make_asked(struct made *m, const char *quorum, int64_t agree)
{
	make(m);
	m->record.quorum = quorum;
	m->record.asked = 4;
	m->record.agree = agree;
}

static struct timestamp date(const char *text)
{
	struct timestamp t;
	assert_int_equal(timestamp_parse(bytes_of_text(text), &t), 0);
	return t;
}

/* C-50..C-52, C-59: the record of the first perspective stands by those of the others. */
static void test_quorum(void **state)
{
	struct made m;
	(void) state;
	make_asked(&m, "3/4", 3);
	expect_same(&m);
	ctx_done(&m.c);
	make_asked(&m, "4/4", 3);
	expect_different(&m, "quorum");
	make_asked(&m, "2/4", 2);
	expect_different(&m, "verdict"); /* it passed all the same */
	make_asked(&m, "2/4", 2);
	m.record.passed = false;
	m.record.problem = "UNAUTHORIZED";
	m.record.detail = "During secondary validation: ...";
	expect_same(&m);
	ctx_done(&m.c);
	make_asked(&m, "3/4", 3); /* C-52: all in one region, by the rules of mode webpki */
	m.record.regions = 1;
	m.record.ended_at = date("2026-07-01T00:00:00Z");
	m.attempts.basis.webpki = true;
	seal(&m);
	expect_different(&m, "verdict");
	make_asked(&m, "3/4", 3);
	m.record.regions = 2;
	m.record.ended_at = date("2026-07-01T00:00:00Z");
	m.attempts.basis.webpki = true;
	seal(&m);
	expect_same(&m);
	m.record.ended_at = date("2026-12-15T00:00:00Z"); /* C-50: four are too few by then */
	expect_different(&m, "verdict");
	make(&m);
	m.attempts.basis.webpki = true; /* C-50: nobody else was asked */
	seal(&m);
	expect_different(&m, "verdict");
	make(&m);
	m.record.passed = false; /* a remote one that did not answer */
	m.record.problem = "SERVER_INTERNAL";
	m.record.detail = "No answer: nobody";
	m.record.caa = (struct caa_result) { 0 };
	m.attempts.basis.control_fault = true;
	m.attempts.basis.caa_fault = true;
	seal(&m);
	expect_same(&m);
	m.record.passed = true;
	expect_different(&m, "verdict");
}

static void test_statements(void **state)
{
	(void) state;
	pg_start();
	pg_check_statements("cairn_auditor", audit_statements, audit_statements_n);
	pg_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_granted),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_evidence_changed),
		cmocka_unit_test(test_quorum),
		cmocka_unit_test(test_statements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
