/* link: ca cli */
/* The signing CA on a real database with a real signer., D-3, D-9, E-13, E-23, F-1, F-2, F-7, F-30, F-35.
 * Once with keys in files, of which one is encrypted, and once with keys in a token. */
#include "tests/unit/ca_world.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "ca/activations.h"
#include "ca/finish.h"
#include "lib/base/folder.h"
#include "lib/base/metrics.h"
#include "lib/crypto/jwk.h"
#include "lib/ct/precert.h"
#include "lib/ct/sct.h"
#include "policy/keys.h"

/* E-23 */
static void test_crl_before_issuing(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_response out;
	struct issue_certificate_request in = one_name(c, "early.test");
	pg_check_statements("cairn_ca", ca_statements, ca_n_statements);
	assert_good(c, ca_register_issuers(c));
	assert_good(c, ca_register_issuers(c));
	expect("2", "SELECT count(*) FROM log.event WHERE kind = 'issuer.registered'");
	expect("0", "SELECT count(*) FROM log.event WHERE kind = 'issuer.changed'");
	ca.issuers.v[0].chain = "another"; /* F-57 */
	run_sql("UPDATE ca.issuer SET active = NOT active WHERE name = 'rsa-1'");
	assert_good(c, ca_register_issuers(c));
	assert_good(c, ca_register_issuers(c));
	expect("ecdsa-1 true, rsa-1 true", "SELECT string_agg(concat_ws(' ', facts->>'issuer', facts->>'active'), ', ' "
	                                   "ORDER BY facts->>'issuer') FROM log.event WHERE kind = 'issuer.changed'");
	static const char *pem[] = { "one", "two" };
	ca.issuers.v[0].alternates = (struct text_list) { pem, 2 }; /* */
	assert_good(c, ca_register_issuers(c));
	expect("one two", "SELECT array_to_string(alternates, ' ') FROM ca.issuer WHERE alternates <> '{}'");
	ca.issuers.v[0].alternates.n = 0;
	assert_good(c, ca_register_issuers(c));
	expect("0", "SELECT count(*) FROM ca.issuer WHERE alternates <> '{}'");
	assert_problem(c, PROBLEM_UNAVAILABLE, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, ca_make_crls(c));
	assert_true(ca_crls_stand());
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, ca_make_crls(c)); /* nothing is due */
	expect("2", "SELECT count(*) FROM ca.crl");
	expect("2", "SELECT count(*) FROM log.event WHERE kind = 'crl.published'"); /* F-40 */
	run_sql("UPDATE ca.issuer SET certificate = 'x' WHERE name = 'rsa-1'");
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_register_issuers(c));
	run_sql("DELETE FROM ca.crl WHERE issuer = 'rsa-1'; DELETE FROM ca.crl_shard WHERE issuer = 'rsa-1'; DELETE FROM "
	        "ca.issuer WHERE name = 'rsa-1'");
	assert_good(c, ca_register_issuers(c));
	assert_good(c, ca_make_crls(c));
}

static void test_issue(void **state)
{
	struct ctx *c = *state;
	static const char *const names[] = { "b.test", "a.test", "*.a.test" };
	static const char *const kinds[][2] = { { "p256", "ecdsa-1" }, { "p384", "ecdsa-1" }, { "rsa2048", "rsa-1" } };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct issue_certificate_request in = make_request(c, kinds[i][0], names, COUNT_OF(names));
		struct issue_certificate_response out;
		struct cert_info info;
		assert_good(c, ca_issue_certificate_serve(c, &in, &out));
		struct bytes der = certificate_of(c, out.certificate_id);
		assert_true(bytes_equal(out.certificate, der));
		assert_int_equal(verify(c, der, kinds[i][1]), X509_V_OK);
		assert_good(c, cert_parse(c, der, &info));
		assert_int_equal(info.dns_names.n, 3);
		assert_string_equal(info.dns_names.v[0], "b.test"); /* in the order of the CSR */
		assert_true(bytes_equal(info.spki, in.public_key));
		assert_true(bytes_equal(info.serial, out.serial));
		assert_int_equal(out.not_after.us - out.not_before.us, (INT64_C(90) * 86400 - 1) * 1000000); /* D-9 */
		expect("valid", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
		expect("{b.test,a.test,*.a.test} t t",
		    "SELECT concat_ws(' ', names, tbs IS NULL AND lease_until IS NULL, sha256('\\x%s') = spki_sha256) "
		    "FROM ca.certificate WHERE id = '%s' AND not_before = to_timestamp(%lld) AND not_after = "
		    "to_timestamp(%lld)",
		    hex_encode(c->arena, in.public_key), uuid(c->arena, out.certificate_id),
		    (long long) (info.not_before.us / 1000000), (long long) (info.not_after.us / 1000000));
		expect(arena_printf(c->arena, "%s %s 3 %s", kinds[i][1], cert_serial_hex(c->arena, out.serial),
		           cert_fingerprint(c->arena, der)),
		    "SELECT concat_ws(' ', facts->>'issuer', facts->>'serial', jsonb_array_length(facts->'validations'), "
		    "facts->>'sha256') FROM log.event WHERE kind = 'certificate.issued' AND order_id = '%s'",
		    uuid(c->arena, in.order_id));
	}
}

/* the dates that were ordered, to the second, and the database knows them too. */
static void test_ordered_dates(void **state)
{
	struct ctx *c = *state;
	int64_t from_s = clock_now().us / 1000000 + 3600;
	struct issue_certificate_request in = one_name(c, "dates.test");
	struct issue_certificate_response out;
	struct cert_info info;
	run_sql("UPDATE acme.orders SET not_before = to_timestamp(%lld), not_after = to_timestamp(%lld) WHERE id = '%s'",
	    (long long) from_s, (long long) from_s + 86399, uuid(c->arena, in.order_id));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	in.not_before = (struct timestamp) { from_s * 1000000 };
	in.not_after = (struct timestamp) { (from_s + 86398) * 1000000 };
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	in.not_after = (struct timestamp) { (from_s + 91 * 86400) * 1000000 };
	assert_problem(c, PROBLEM_MALFORMED, ca_issue_certificate_serve(c, &in, &out));
	expect("0", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
	in.not_after = (struct timestamp) { (from_s + 86399) * 1000000 };
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, cert_parse(c, out.certificate, &info));
	assert_int_equal(info.not_before.us, in.not_before.us);
	assert_int_equal(info.not_after.us, in.not_after.us);
}

/* A-117, D-3: one order, one serial, one certificate. */
static void test_twice(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "twice.test");
	struct issue_certificate_response first;
	struct issue_certificate_response second;
	assert_good(c, ca_issue_certificate_serve(c, &in, &first));
	assert_good(c, ca_issue_certificate_serve(c, &in, &second));
	assert_true(id_equal(first.certificate_id, second.certificate_id));
	assert_true(bytes_equal(first.serial, second.serial));
	expect("1", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'certificate.issued' AND order_id = '%s'",
	    uuid(c->arena, in.order_id));
	EVP_PKEY *other = NULL;
	assert_good(c, key_generate(c, "p256", &other));
	assert_good(c, key_spki(c, other, &in.public_key));
	assert_problem(c, PROBLEM_ORDER_NOT_READY, ca_issue_certificate_serve(c, &in, &second));
}

struct racer {
	struct issue_certificate_request in;
	int result;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct ctx c;
	struct issue_certificate_response out;
	ctx_init(&c);
	ctx_limit_ms(&c, 20000);
	r->result = ca_issue_certificate_serve(&c, &r->in, &out);
	ctx_done(&c);
	db_thread_end();
	return NULL;
}

static void test_race(void **state)
{
	struct ctx *c = *state;
	pthread_t threads[3];
	struct racer racers[3];
	struct issue_certificate_request in = one_name(c, "race.test");
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		racers[i] = (struct racer) { .in = in, .result = -1 };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(racers[i].result, 0);
	}
	expect("1", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
}

/* one that was begun without a look at the order is begun by one request, also when that comes twice. */
static void test_twice_remembered(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "twice-remembered.test");
	struct issue_certificate_response first;
	struct issue_certificate_response second;
	in.remembered = true;
	c->request_id = id_new();
	assert_good(c, ca_issue_certificate_serve(c, &in, &first));
	assert_good(c, ca_issue_certificate_serve(c, &in, &second));
	assert_true(bytes_equal(first.certificate, second.certificate));
	c->request_id = id_new();
	assert_problem(c, PROBLEM_CONFLICT, ca_issue_certificate_serve(c, &in, &second));
	expect("1", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
}

struct refusal {
	const char *sql; /* what is done to the order before; %s is its id */
	enum problem problem;
	const char *undo;
};
#define AUTHZ_OF "(SELECT authorizations[1] FROM acme.orders WHERE id = '%s')"

static void test_refusals(void **state)
{
	struct ctx *c = *state;
	static const struct refusal refusals[] = {
		{ "UPDATE acme.authz SET validation_id = NULL WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.orders SET error = '{}' WHERE id = '%s'", PROBLEM_ORDER_NOT_READY, NULL },
		{ "UPDATE acme.orders SET expires_at = now() WHERE id = '%s'", PROBLEM_ORDER_NOT_READY, NULL },
		{ "UPDATE acme.orders SET profile = 'tlsserver' WHERE id = '%s'", PROBLEM_INVALID_PROFILE, NULL },
		{ "UPDATE acme.orders SET identifier_values = '{other.test}' WHERE id = '%s'", PROBLEM_BAD_CSR, NULL },
		{ "UPDATE acme.authz SET expires_at = now() WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.authz SET ended = 'deactivated' WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.authz SET identifier_value = 'other.test' WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.authz SET account_id = id WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.authz SET challenge_types = '{x}' WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL }, /* C-2 */
		{ "UPDATE acme.authz SET wildcard = true WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.orders SET authorizations = '{}' WHERE id = '%s'", PROBLEM_UNAUTHORIZED, NULL },
		{ "DELETE FROM acme.authz WHERE id = " AUTHZ_OF, PROBLEM_UNAUTHORIZED, NULL },
		{ "UPDATE acme.account SET status = 'deactivated' WHERE id = (SELECT account_id FROM acme.orders WHERE id = "
		  "'%s')",
		    PROBLEM_ACCOUNT_NOT_VALID, "UPDATE acme.account SET status = 'valid'" },
		{ "UPDATE acme.account SET thumbprint = sha256('new') WHERE id = (SELECT account_id FROM acme.orders WHERE id "
		  "= "
		  "'%s')",
		    PROBLEM_ACCOUNT_NOT_VALID, "UPDATE acme.account SET thumbprint = sha256('k')" },
	};
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct issue_certificate_request in = one_name(c, "refused.test");
		struct issue_certificate_response out;
		char sql[512];
		const char *mark = strstr(refusals[i].sql, "%s");
		snprintf(sql, sizeof(sql), "%.*s%s%s", (int) (mark - refusals[i].sql), refusals[i].sql,
		    uuid(c->arena, in.order_id), mark + 2);
		run_sql("%s", sql);
		assert_problem(c, refusals[i].problem, ca_issue_certificate_serve(c, &in, &out));
		in.remembered = true; /* who has not read the order is sent to read it */
		assert_problem(c, PROBLEM_CONFLICT, ca_issue_certificate_serve(c, &in, &out));
		expect("0", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
		if (refusals[i].undo != NULL) {
			run_sql("%s", refusals[i].undo);
		}
	}
}

/* F-8: a key of an issuer's or of the root's is nobody's to have a certificate for, whatever the registration authority found. */
static void test_own_keys(void **state)
{
	struct ctx *c = *state;
	struct bytes_list root;
	struct cert_info info;
	struct issue_certificate_response out;
	assert_good(c, cert_read_file(c, config->wfe.root_file, &root));
	assert_good(c, cert_parse(c, root.v[0], &info));
	for (size_t i = 0; i <= ca.issuers.n; i++) {
		struct issue_certificate_request in = one_name(c, "own-key.test");
		in.public_key = i == ca.issuers.n ? info.spki : ca.issuers.v[i].info.spki;
		assert_int_equal(ca_issue_certificate_serve(c, &in, &out), -1);
		assert_non_null(strstr(c->err.detail, "it is a key of this CA itself"));
		ctx_forgive(c);
	}
}

/* F-25: also when the account was made after the registration authority looked. */
static void test_key_of_account(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "account-key.test");
	struct issue_certificate_response out;
	struct keys_read key;
	struct jwk jwk;
	assert_good(c, keys_read_spki(c, in.public_key, PROBLEM_BAD_CSR, &key));
	assert_good(c, jwk_of_key(c, key.key, &jwk));
	run_sql(
	    "INSERT INTO acme.account (id, status, key, thumbprint) VALUES (cairn.new_id(), 'deactivated', '{}', '\\x%s')",
	    hex_encode(c->arena, (struct bytes) { jwk.thumbprint, sizeof(jwk.thumbprint) }));
	assert_problem(c, PROBLEM_BAD_CSR, ca_issue_certificate_serve(c, &in, &out));
	in.remembered = true;
	assert_problem(c, PROBLEM_CONFLICT, ca_issue_certificate_serve(c, &in, &out));
	run_sql("DELETE FROM acme.account WHERE status = 'deactivated'");
	/* rules of a policy are not judged here, so somebody has to who knows them. */
	run_sql("INSERT INTO acme.judging DEFAULT VALUES");
	assert_problem(c, PROBLEM_CONFLICT, ca_issue_certificate_serve(c, &in, &out));
	in.remembered = false;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	run_sql("TRUNCATE acme.judging");
}

/* F-30, F-70: nothing is fixed for the order, which ends; what was found is on record with the octets, and an alarm. */
static void test_linted(void **state)
{
	struct ctx *c = *state;
	static const char why[] = "lint dns_name_form (D-38, C-14)";
	struct issue_certificate_response out;
	struct issue_certificate_request in = one_name(c, "Bad_Name.test");
	const char *order = uuid(c->arena, in.order_id);
	for (int again = 0; again < 2; again++) { /* what comes again finds the order ended, and is no event */
		assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	}
	expect("invalid SERVER_INTERNAL",
	    "SELECT o.status || ' ' || (o.error->>'type') FROM acme.order_now o WHERE o.id = '%s' AND o.certificate_id IS "
	    "NULL",
	    order);
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'certificate.refused' AND order_id = '%s'", order);
	expect(arena_printf(c->arena, "%s classic t t", why),
	    "SELECT concat_ws(' ', facts->>'why', facts->>'profile', position(decode(facts->>'serial', 'hex') IN "
	    "decode(facts->>'tbs', 'base64')) > 0, position('Bad_Name.test' IN decode(facts->>'tbs', 'base64')) > 0) FROM "
	    "log.event WHERE kind = 'certificate.refused' AND order_id = '%s'",
	    order);
	expect("classic t t",
	    "SELECT concat_ws(' ', a.subject, position(e.facts->>'serial' IN a.detail) > 0, right(a.detail, length('%s')) "
	    "= "
	    "'%s') FROM cairn.alarm a, log.event e WHERE a.kind = 'certificate-refused' AND e.kind = 'certificate.refused' "
	    "AND "
	    "e.order_id = '%s'",
	    why, why, order);
	expect("0", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", order);
	in = one_name(c, "Bad_Name.test"); /* somebody else's order does not end by it */
	order = uuid(c->arena, in.order_id);
	in.account_id = id_new();
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	expect("ready", "SELECT status FROM acme.order_now WHERE id = '%s'", order);
	expect("0", "SELECT count(*) FROM log.event WHERE kind = 'certificate.refused' AND order_id = '%s'", order);
}

static void test_bad_requests(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_response out;
	struct issue_certificate_request in = one_name(c, "bad.test");
	in.account_id = id_new();
	assert_problem(c, PROBLEM_NOT_FOUND, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test");
	in.order_id = id_new();
	assert_problem(c, PROBLEM_NOT_FOUND, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test");
	in.profile = "nonsense";
	assert_problem(c, PROBLEM_INVALID_PROFILE, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test");
	in.names.v[0].type = "email";
	assert_problem(c, PROBLEM_UNSUPPORTED_IDENTIFIER, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test");
	in.public_key.n--;
	assert_problem(c, PROBLEM_BAD_CSR, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test");
	in.not_after = timestamp_add_s(clock_now(), INT64_C(91) * 86400);
	assert_problem(c, PROBLEM_MALFORMED, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test"); /* E-13 */
	run_sql("INSERT INTO acme.blocked_key (spki_sha256, reason) VALUES (sha256('\\x%s'), 'keyCompromise')",
	    hex_encode(c->arena, in.public_key));
	assert_problem(c, PROBLEM_BAD_CSR, ca_issue_certificate_serve(c, &in, &out));
	in = one_name(c, "bad.test"); /* a shorter life is fine */
	in.not_after.us = (clock_now().us / 1000000 + 86400) * 1000000;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_true(out.not_after.us == in.not_after.us);
}

/* D-11, D-38, D-39: whatever the registration authority asks for beside what was ordered, nothing is fixed for it. */
static void test_other_than_ordered(void **state)
{
	struct ctx *c = *state;
	struct identifier one = { "dns", "odd.test" };
	struct identifier others[][2] = { { one, { "dns", "evil.test" } }, { one, one }, { { "dns", "evil.test" }, one },
		{ { "dns", "ODD.test" }, one }, { { "ip", "192.0.2.1" }, one }, { { "ip", "odd.test" }, one },
		{ one, { "dns", "" } }, { one, { "dns", "*.odd.test" } } };
	static const size_t counts[] = { 2, 2, 1, 1, 1, 1, 2, 2 };
	static const char *const common_names[] = { "evil.test", "ODD.test", "192.0.2.1", "", "odd.test\n", "\xc3\xb6" };
	for (size_t i = 0; i <= COUNT_OF(counts) + COUNT_OF(common_names); i++) {
		struct issue_certificate_request in = one_name(c, "odd.test");
		struct issue_certificate_response out;
		if (i < COUNT_OF(counts)) {
			in.names = (struct identifier_list) { others[i], counts[i] };
		} else if (i == COUNT_OF(counts)) {
			in.names.n = 0;
		} else {
			in.common_name = common_names[i - COUNT_OF(counts) - 1];
		}
		assert_int_equal(ca_issue_certificate_serve(c, &in, &out), -1);
		ctx_forgive(c);
		expect("0", "SELECT count(*) FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id));
	}
}

/* An issuance that stops between its two transactions, as by kill -9. */
static struct issue_certificate_request crash(struct ctx *c, const char *name)
{
	struct issue_certificate_request in = one_name(c, name);
	struct issue_certificate_response out;
	run_sql("CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$; "
	        "CREATE TRIGGER crash BEFORE UPDATE OF der ON ca.certificate FOR EACH ROW EXECUTE FUNCTION public.crash()");
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	run_sql("DROP TRIGGER crash ON ca.certificate; DROP FUNCTION public.crash()");
	expect("processing", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
	return in;
}

static void lapse(struct id order)
{
	run_sql(
	    "UPDATE ca.certificate SET lease_until = now() - interval '1 s' WHERE order_id = '%s'", uuid(all.arena, order));
}

static void hold(struct id order, const char *holder)
{
	run_sql("UPDATE ca.certificate SET lease_holder = '%s' WHERE order_id = '%s'", holder, uuid(all.arena, order));
}

/* What an earlier run of this instance held is taken at once, what another instance holds is not. */
static void test_own_leases(void **state)
{
	struct ctx *c = *state;
	size_t completed = 1;
	struct issue_certificate_request in = crash(c, "own.test");
	struct issue_certificate_response out;
	hold(in.order_id, arena_printf(c->arena, "%s0/00", ca.place));
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 0);
	hold(in.order_id, arena_printf(c->arena, "%s/00", ca.place));
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 1);
	in = crash(c, "own.test"); /* also by who asks again */
	hold(in.order_id, arena_printf(c->arena, "%s/00", ca.place));
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	expect("valid", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
}

static void test_crash_is_completed(void **state)
{
	struct ctx *c = *state;
	size_t completed = 1;
	struct issue_certificate_request in = crash(c, "crash.test");
	struct issue_certificate_response out;
	char *serial = pg_value(arena_printf(c->arena,
	    "SELECT encode(serial, 'hex') FROM ca.certificate WHERE order_id = '%s'", uuid(c->arena, in.order_id)));
	assert_good(c, ca_complete_lapsed(c, &completed)); /* whoever began it may still be at it */
	assert_int_equal(completed, 0);
	ctx_limit_ms(c, 1500);
	assert_problem(c, PROBLEM_UNAVAILABLE, ca_issue_certificate_serve(c, &in, &out));
	c->deadline_us = INT64_MAX;
	lapse(in.order_id);
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 1);
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_string_equal(cert_serial_hex(c->arena, out.serial), serial);
	free(serial);
	assert_int_equal(verify(c, certificate_of(c, out.certificate_id), "ecdsa-1"), X509_V_OK);
	/* The caller who comes back after the lease completes it himself. */
	in = crash(c, "crash.test");
	lapse(in.order_id);
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	expect("valid", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
}

/* Many that are to be given up, as after a day without logs: none waits for another round, and the process may end between. */
static void test_many_lapsed(void **state)
{
	struct ctx *c = *state;
	size_t completed = 0;
	const char *left =
	    "SELECT count(*) FROM ca.certificate WHERE names = '{many-lapsed.test}' AND lease_until IS NOT NULL";
	run_sql(
	    "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	    "profile, serial, spki_sha256, names, validations, tbs, tbs_sha256, lease_holder, lease_until) SELECT "
	    "cairn.id_at(now() - interval '2 h 1 s' * i), cairn.new_id(), cairn.new_id(), now(), now() + interval '9 d', "
	    "now() - interval '2 h', 0, 'ecdsa-1', 'classic', '\\x01' || substr(sha256(i::text::bytea), 1, 17), "
	    "sha256('k'), '{many-lapsed.test}', '{}', 'tbs', sha256('tbs'), 'another', now() - interval '1 s' "
	    "FROM generate_series(1, 45) i");
	atomic_store(&ca.stopping, true);
	assert_good(c, ca_complete_lapsed(c, &completed));
	expect("45", "%s", left);
	atomic_store(&ca.stopping, false);
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 0);
	expect("0", "%s", left);
}

/* F-7, F-30, F-70: the signer looks at what it signs; the order shows that it ended, and somebody is told. */
static void test_refused_bytes(void **state)
{
	struct ctx *c = *state;
	size_t completed = 0;
	struct issue_certificate_request in = crash(c, "refused-bytes.test");
	const char *order = uuid(c->arena, in.order_id);
	run_sql("UPDATE ca.certificate SET tbs = set_byte(tbs, 40, 255 - get_byte(tbs, 40)) WHERE order_id = '%s'", order);
	lapse(in.order_id);
	run_sql("DELETE FROM cairn.alarm");
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 0);
	expect("certificate-refused classic t",
	    "SELECT concat_ws(' ', a.kind, a.subject, a.detail ~ format('serial %%s .*: the signer refuses: lint ', "
	    "encode(c.serial, 'hex'))) FROM cairn.alarm a, ca.certificate c WHERE c.order_id = '%s'",
	    order);
	expect("invalid SERVER_INTERNAL", "SELECT status || ' ' || (error->>'type') FROM acme.order_now WHERE id = '%s'",
	    order);
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'certificate.refused' AND order_id = '%s'", order);
	expect("t", "SELECT der IS NULL AND lease_until IS NULL FROM ca.certificate WHERE order_id = '%s'", order);
	struct issue_certificate_response out; /* it stays refused */
	assert_problem(c, PROBLEM_ORDER_NOT_READY, ca_issue_certificate_serve(c, &in, &out));
	run_sql("UPDATE acme.orders SET error = NULL WHERE id = '%s'", order);
	assert_problem(c, PROBLEM_ORDER_NOT_READY, ca_issue_certificate_serve(c, &in, &out));
	char *id = pg_value(arena_printf(c->arena, "SELECT id FROM ca.certificate WHERE order_id = '%s'", order));
	assert_string_equal(
	    pg_try("cairn_ca",
	        arena_printf(c->arena, "SELECT ca.complete_issuance('%s', 'x', '{}', 'test', cairn.new_id())", id), NULL),
	    "CA001");
	free(id);
}

/* An issuer that was taken out of the configuration: another instance may have it, but no order hangs for ever. */
static void test_issuer_is_gone(void **state)
{
	struct ctx *c = *state;
	size_t completed = 0;
	struct issue_certificate_request in = crash(c, "issuer-gone.test");
	const char *order = uuid(c->arena, in.order_id);
	run_sql("INSERT INTO ca.issuer VALUES ('gone', '\\x00', '\\x00', '', 'u', 'a', false); "
	        "UPDATE ca.certificate SET issuer = 'gone' WHERE order_id = '%s'",
	    order);
	lapse(in.order_id);
	assert_good(c, ca_complete_lapsed(c, &completed));
	expect("processing", "SELECT status FROM acme.order_now WHERE id = '%s'", order);
	run_sql("UPDATE ca.certificate SET begun_at = begun_at - interval '61 min' WHERE order_id = '%s'", order);
	lapse(in.order_id);
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 0);
	expect("invalid", "SELECT status FROM acme.order_now WHERE id = '%s'", order);
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'certificate.refused' AND order_id = '%s'", order);
}

static void test_signer_refuses(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "signer.test");
	struct issue_certificate_response out;
	struct cert_info info;
	struct bytes der;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, cert_parse(c, certificate_of(c, out.certificate_id), &info));
	const struct issuer *ecdsa = issuer_find(&ca.issuers, "ecdsa-1");
	const struct issuer *rsa = issuer_find(&ca.issuers, "rsa-1");
	assert_good(c, signer_sign_certificate(c, ecdsa, "classic", info.tbs, &der));
	assert_cause(c, "the signer refuses", signer_sign_certificate(c, rsa, "classic", info.tbs, &der));
	assert_cause(c, "the signer refuses", signer_sign_certificate(c, ecdsa, "shortlived", info.tbs, &der));
	assert_cause(c, "not in the configuration", signer_sign_certificate(c, ecdsa, "nonsense", info.tbs, &der));
	assert_cause(c, "the signer refuses", signer_sign_crl(c, ecdsa, info.tbs, &der));
	struct bytes cut = { info.tbs.p, info.tbs.n - 1 };
	assert_cause(c, "the signer refuses", signer_sign_certificate(c, ecdsa, "classic", cut, &der));
	assert_cause(
	    c, "the signer refuses", signer_sign_certificate(c, ecdsa, "classic", (struct bytes) { NULL, 0 }, &der));
	/* An intermediate's own certificate is nothing that it signs. */
	assert_cause(c, "the signer refuses", signer_sign_certificate(c, ecdsa, "classic", ecdsa->info.tbs, &der));
	assert_good(c, signer_sign_certificate(c, ecdsa, "classic", info.tbs, &der)); /* and it goes on */
}

/* D-52, D-53, D-56: only the certificate that its own precertificate promised. */
static void test_signer_keeps_promises(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "promised.test");
	struct issue_certificate_response out;
	struct cert_info info;
	struct bytes poisoned;
	struct bytes tbs;
	struct bytes promise;
	struct bytes der;
	const struct issuer *ecdsa = issuer_find(&ca.issuers, "ecdsa-1");
	static uint8_t id[32];
	struct sct sct = {
		.log_id = { id, sizeof(id) }, .time_ms = 1, .hash = 4, .algorithm = 3, .signature = bytes_of_text("s")
	};
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, cert_parse(c, certificate_of(c, out.certificate_id), &info));
	assert_good(c, precert_poison(c, info.tbs, &poisoned));
	assert_good(c, precert_embed(c, info.tbs, sct_list_encode(c->arena, &(struct sct_list) { &sct, 1 }), &tbs));
	assert_cause(c, "the signer refuses", signer_sign_certificate(c, ecdsa, "classic", poisoned, &der));
	assert_cause(c, "the signer refuses", signer_sign_precertificate(c, ecdsa, "classic", info.tbs, &der));
	assert_good(c, signer_sign_precertificate(c, ecdsa, "classic", poisoned, &promise));
	assert_good(c, signer_sign_promised(c, ecdsa, "classic", (struct bytes[]) { promise, tbs }, &der));
	/* another serial by one bit */
	struct bytes other = arena_bytes(c->arena, tbs.p, tbs.n);
	uint8_t *serial = (uint8_t *) (uintptr_t) other.p + (info.serial.p - info.tbs.p) + info.serial.n - 1;
	*serial ^= 1;
	assert_cause(
	    c, "the signer refuses", signer_sign_promised(c, ecdsa, "classic", (struct bytes[]) { promise, other }, &der));
	/* a promise that the issuer did not sign, and none */
	struct bytes forged = arena_bytes(c->arena, promise.p, promise.n);
	((uint8_t *) (uintptr_t) forged.p)[forged.n - 1] ^= 1;
	assert_cause(
	    c, "the signer refuses", signer_sign_promised(c, ecdsa, "classic", (struct bytes[]) { forged, tbs }, &der));
	assert_cause(
	    c, "the signer refuses", signer_sign_promised(c, ecdsa, "classic", (struct bytes[]) { tbs, tbs }, &der));
	/* D-57: while there are logs, no certificate without one */
	assert_good(c, signer_sign_certificate(c, ecdsa, "classic", info.tbs, &der));
}

/* F-57: what became of the keys. */
#define ACTIVATIONS \
	"SELECT string_agg(concat_ws(' ', kind, facts->>'issuer', facts->>'kept_in'), ', ' ORDER BY " \
	"date_trunc('milliseconds', happened_at), " \
	"facts->>'issuer') FROM log.event WHERE kind ~ '^key.(opened|closed)'"
#define KEYS_OPENED "key.opened ecdsa-1 token cairn, key.opened rsa-1 token cairn"

/* A token that is taken away and brought back: nothing is lost, no order fails, and nobody has to do anything. */
static void test_token_comes_back(void **state)
{
	struct ctx *c = *state;
	size_t completed = 0;
	struct issue_certificate_request in = one_name(c, "away.test");
	struct issue_certificate_response out;
	if (!in_token) {
		return;
	}
	assert_null(signer_keys_fault());
	assert_good(c, activations_record(c));
	assert_good(c, activations_record(c));
	expect(KEYS_OPENED, ACTIVATIONS);
	soft_move(c, "tokens", "away");
	signer_look(c); /* nobody has to ask for a signature for that */
	assert_good(c, activations_record(c));
	expect(KEYS_OPENED ", key.closed ecdsa-1 token cairn, key.closed rsa-1 token cairn", ACTIVATIONS);
	assert_non_null(strstr(signer_keys_fault(), "softhsm"));
	assert_problem(c, PROBLEM_UNAVAILABLE, ca_issue_certificate_serve(c, &in, &out));
	expect("processing", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
	lapse(in.order_id);
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 0);
	soft_move(c, "away", "tokens");
	for (int tries = 0; signer_keys_fault() != NULL && tries < 100; tries++) {
		nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL);
		signer_look(c);
	}
	assert_null(signer_keys_fault());
	assert_good(c, activations_record(c));
	expect(KEYS_OPENED ", key.closed ecdsa-1 token cairn, key.closed rsa-1 token cairn, " KEYS_OPENED, ACTIVATIONS);
	lapse(in.order_id);
	assert_good(c, ca_complete_lapsed(c, &completed));
	assert_int_equal(completed, 1);
	expect("valid", "SELECT status FROM acme.order_now WHERE id = '%s'", uuid(c->arena, in.order_id));
	assert_non_null(strstr((const char *) metrics_render(c->arena).p, "\ncairn_token_returns_total 1\n"));
}

/* The signer anew, with what it says in a file. */
static void start_signer_into(struct ctx *c, const char *path)
{
	int before = dup(STDERR_FILENO);
	int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(before >= 0 && log >= 0);
	signer_stop();
	assert_true(dup2(log, STDERR_FILENO) >= 0);
	assert_good(c, signer_start(&all, config, &ca.issuers));
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	assert_true(close(before) == 0 && close(log) == 0);
}

/* What the token answered to a signature is told, not only that it is away. */
static void test_cause_is_told(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "cause.test");
	struct issue_certificate_response out;
	const char *path = arena_printf(c->arena, "%s/signer.log", state_dir);
	struct bytes log;
	if (!in_token) {
		return;
	}
	start_signer_into(c, path);
	soft_move(c, "tokens", "away");
	assert_problem(c, PROBLEM_UNAVAILABLE, ca_issue_certificate_serve(c, &in, &out));
	soft_move(c, "away", "tokens");
	assert_good(c, file_read(c, path, &log));
	const char *text = arena_text_n(c->arena, log.p, log.n);
	assert_non_null(strstr(text, "does not sign (EVP_DigestSign: error:"));
	assert_non_null(strstr(text, "PKCS#11 module::Object handle invalid"));
	for (int tries = 0; signer_keys_fault() != NULL && tries < 100; tries++) {
		nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL);
		signer_look(c);
	}
	assert_null(signer_keys_fault());
}

static pid_t the_signer(void)
{
	int pid = 0;
	char path[64];
	(void) snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fscanf(f, "%d", &pid) == 1) {
		char name[32] = "";
		(void) snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		FILE *comm = fopen(path, "r");
		bool found = comm != NULL && fgets(name, sizeof(name), comm) != NULL && strcmp(name, "cairn-ca-signer\n") == 0;
		assert_true(comm == NULL || fclose(comm) == 0);
		if (found) {
			break;
		}
	}
	assert_int_equal(fclose(f), 0);
	assert_true(pid > 0);
	return pid;
}

static void *go_on(void *arg)
{
	nanosleep(&(struct timespec) { .tv_sec = 2 }, NULL);
	assert_int_equal(kill(*(const pid_t *) arg, SIGCONT), 0);
	return arg;
}

/* A signer that hangs ends the process, after as long as what was asked for may take: a CRL longer than a certificate. */
static void test_patience(void **state)
{
	struct ctx *c = *state;
	const struct signer_patience usual = signer_patience;
	const struct issuer *issuer = &ca.issuers.v[0];
	struct bytes der;
	pid_t signer = the_signer();
	pthread_t thread;
	int status = 0;
	signer_patience = (struct signer_patience) { .certificate_s = 1, .crl_s = 60 };
	assert_int_equal(kill(signer, SIGSTOP), 0);
	assert_int_equal(pthread_create(&thread, NULL, go_on, &signer), 0);
	/* it refuses these octets, but it takes them in its own time */
	assert_cause(c, "the signer refuses", signer_sign_crl(c, issuer, bytes_of_text("no CRL"), &der));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(kill(signer, SIGSTOP), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int result = signer_sign_certificate(c, issuer, "classic", bytes_of_text("no certificate"), &der);
		_exit(result == 0 ? 0 : 77); /* not reached: it dies */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(status != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 77));
	signer_patience = usual;
	signer_stop(); /* it does not wait for one that does not look at its channel */
	assert_int_equal(kill(signer, SIGKILL), 0);
	assert_int_equal(waitpid(signer, NULL, 0), signer);
	assert_good(c, signer_start(&all, config, &ca.issuers));
}

/* A module that never comes back does not keep the process from saying so. */
static void test_start_is_limited(void **state)
{
	struct ctx *c = *state;
	const struct signer_patience usual = signer_patience;
	const struct config_token token = config->ca.token;
	if (!in_token) {
		return;
	}
	signer_stop();
	signer_patience.start_s = 1;
	config->ca.token.module = getenv("CAIRN_SLOW_MODULE");
	assert_non_null(config->ca.token.module);
	assert_cause(c, "the signer did not start within 1 s", signer_start(c, config, &ca.issuers));
	config->ca.token = token;
	signer_patience = usual;
	assert_good(c, signer_start(&all, config, &ca.issuers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(test_crl_before_issuing),
		WITH_CTX(test_issue),
		WITH_CTX(test_ordered_dates),
		WITH_CTX(test_twice),
		WITH_CTX(test_twice_remembered),
		WITH_CTX(test_race),
		WITH_CTX(test_refusals),
		WITH_CTX(test_own_keys),
		WITH_CTX(test_key_of_account),
		WITH_CTX(test_linted),
		WITH_CTX(test_bad_requests),
		WITH_CTX(test_other_than_ordered),
		WITH_CTX(test_crash_is_completed),
		WITH_CTX(test_own_leases),
		WITH_CTX(test_many_lapsed),
		WITH_CTX(test_refused_bytes),
		WITH_CTX(test_issuer_is_gone),
		WITH_CTX(test_signer_refuses),
		WITH_CTX(test_signer_keeps_promises),
		WITH_CTX(test_token_comes_back),
		WITH_CTX(test_cause_is_told),
		WITH_CTX(test_patience),
		WITH_CTX(test_start_is_limited),
	};
	return run_in_files_and_token(tests, setup);
}
