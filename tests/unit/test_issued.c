/* link: cli subscriber */
/* Certificates read back and compared with their records: a good one passes, and each thing that differs is found, recorded and told. */
#include "tests/unit/crypto_test.h"

#include "tests/unit/pg.h"

#include "cli/audit.h"
#include "lib/ct/precert.h"
#include "lib/ct/sct.h"
#include "policy/issued.h"
#include "subscriber/issued.h"
#include "subscriber/keeper.h"

static struct ctx all; /* what lives as long as the group */
static struct hierarchy h;
static struct hierarchy other;

static const char *hex(struct bytes octets)
{
	return arena_printf(all.arena, "'\\x%s'", hex_encode(all.arena, octets));
}

static const char *uuid(struct id id)
{
	return hex_encode(all.arena, (struct bytes) { id.b, sizeof(id.b) }); /* PostgreSQL takes 32 digits */
}

static void run_sql(const char *format, ...) PRINTF_LIKE(1, 2);
static void run_sql(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	pg_exec("postgres", arena_vprintf(all.arena, format, ap));
	va_end(ap);
}

/* Its CRL is shard 0; that of the first issuer is the one that certificates name. */
static void add_issuer(const char *name, const struct hierarchy *of)
{
	struct bytes pem = cert_to_pem(all.arena, of->intermediate.der);
	run_sql("INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES ('%s', %s, %s, "
	        "'%.*s', '" CRL_URL "', '" AIA_URL "', true)",
	    name, hex(of->intermediate.der), hex(of->intermediate.info.subject_key_id), (int) pem.n, (const char *) pem.p);
	run_sql("INSERT INTO ca.crl_shard (issuer, shard, url, open) VALUES ('%s', 0, '%s', true)", name,
	    strcmp(name, "e1") == 0 ? CRL_URL : arena_printf(all.arena, "http://ca.test/%s.crl", name));
}

/* How a certificate came about. */
struct way {
	const struct hierarchy *signer; /* whose key signs; NULL: the issuer's */
	bool promised;
	bool given_up; /* no certificate came of the promise */
	int64_t days_ago;
};

static struct bytes sign(const struct way *way, struct bytes tbs)
{
	struct bytes der;
	assert_good(
	    &all, cert_sign(&all, way->signer == NULL ? h.intermediate.key : way->signer->intermediate.key, tbs, &der));
	return der;
}

/* Its TBSCertificate, of the precertificate if there is no other. */
static struct bytes add_promise(const struct way *way, const char *cert, struct bytes plain)
{
	static uint8_t log_id[32];
	const struct sct sct = {
		.log_id = { log_id, sizeof(log_id) }, .time_ms = 1, .hash = 4, .algorithm = 3, .signature = bytes_of_text("s")
	};
	struct bytes poisoned;
	struct bytes tbs;
	assert_good(&all, precert_poison(&all, plain, &poisoned));
	assert_good(&all, precert_embed(&all, plain,
	                      sct_list_encode(all.arena, &(struct sct_list) { (struct sct *) (uintptr_t) &sct, 1 }), &tbs));
	struct bytes der = sign(way, poisoned);
	run_sql("INSERT INTO ca.precertificate (certificate_id, der, signed_at) VALUES ('%s', %s, now()); "
	        "SELECT log.add_event(cairn.new_id(), 'p', 'account', 'precertificate.signed', NULL, NULL, NULL, '%s', "
	        "jsonb_build_object('sha256', '%s'))",
	    cert, hex(der), cert, cert_fingerprint(all.arena, der));
	return way->given_up ? poisoned : tbs;
}

static struct id id_of_day(int64_t days_ago)
{
	struct id id = id_new();
	uint64_t ms = (uint64_t) (clock_now().us / 1000 - days_ago * 86400000);
	for (int i = 5; i >= 0; i--) {
		id.b[i] = (uint8_t) ms;
		ms >>= 8;
	}
	return id;
}

/* A certificate for the name with all its records, issued as the CA does. */
static struct id issue_by(const char *name, const struct way *way)
{
	struct ctx *c = &all;
	struct bytes tbs;
	TEXTS(names, name, "*.b.test");
	TEXTS(addresses, "2001:db8::1");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	t.ip_addresses = addresses;
	t.not_before = timestamp_add_s(t.not_before, -way->days_ago * 86400);
	t.not_after = timestamp_add_s(t.not_after, -way->days_ago * 86400);
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	struct id id = id_of_day(way->days_ago);
	const char *cert = uuid(id);
	const char *order = uuid(id_new());
	const char *account = uuid(id_new());
	char from[RFC3339_SIZE];
	char to[RFC3339_SIZE];
	timestamp_encode(t.not_before, false, from);
	timestamp_encode(t.not_after, false, to);
	run_sql("INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('%s', 'valid', '{}', sha256('%s')); "
	        "INSERT INTO acme.orders (id, account_id, identifier_types, identifier_values, authorizations, profile, "
	        "expires_at, "
	        "certificate_id) VALUES ('%s', '%s', '{ip,dns,dns}', '{2001:db8::1,%s,*.b.test}', "
	        "ARRAY['%s','%s','%s']::uuid[], "
	        "'classic', now() + interval '1 d', '%s')",
	    account, account, order, account, name, cert, cert, cert, cert);
	if (way->promised) {
		tbs = add_promise(way, cert, tbs);
	}
	struct bytes der = sign(way, tbs);
	run_sql("INSERT INTO ca.serial VALUES (%s, '%s'); INSERT INTO ca.certificate (id, order_id, account_id, "
	        "not_before, not_after, "
	        "begun_at, crl_shard, issuer, profile, serial, spki_sha256, names, validations, tbs_sha256, tbs, der, "
	        "signed_at) VALUES ('%s', "
	        "'%s', '%s', '%s', '%s', cairn.time_of('%s'), 0, 'e1', 'classic', %s, sha256(%s), "
	        "'{%s,*.b.test,2001:db8::1}', '{}', sha256(%s), %s, %s, cairn.time_of('%s'))",
	    hex(t.serial), cert, cert, order, account, from, to, cert, hex(t.serial), hex(t.spki), name, hex(tbs),
	    way->given_up ? hex(tbs) : "NULL", way->given_up ? "NULL" : hex(der), cert);
	if (!way->given_up) {
		run_sql("SELECT log.add_event('%s', 'p', 'account', 'certificate.issued', NULL, NULL, NULL, '%s', "
		        "jsonb_build_object('sha256', '%s'))",
		    cert, cert, cert_fingerprint(c->arena, der));
	}
	return id;
}

static struct id issue(const char *name)
{
	return issue_by(name, &(struct way) { 0 });
}

static void assert_round(const char *instance)
{
	struct ctx c;
	const struct issued_checker k = { .instance = instance, .mode = POLICY_PRIVATE };
	ctx_init(&c);
	assert_good(&c, issued_round(&c, &k));
	ctx_done(&c);
}

static void configure(void)
{
	static const struct statement *statements[8] = { &subscriber_take_lease_statement };
	for (size_t i = 0; i < issued_n_statements; i++) {
		statements[1 + i] = issued_statements[i];
	}
	db_statements(statements, 1 + issued_n_statements);
	db_configure(pg_conninfo("cairn_subscriber"), 2, 5000);
}

static int audit(const char *since)
{
	char database[160];
	snprintf(database, sizeof(database), "--database=%s", pg_conninfo("cairn_auditor"));
	char *argv[] = { (char[]) { "issued" }, database, (char[]) { "--json" }, (char[]) { "--since" }, (char[64]) { 0 },
		NULL };
	snprintf(argv[4], 64, "%s", since);
	db_thread_end(); /* of another role */
	int code = audit_issued_command(5, argv);
	db_thread_end();
	configure();
	return code;
}

static int setup(void **state)
{
	(void) state;
	ctx_init(&all);
	pg_start();
	pg_add_year("now() - interval '30 days'");
	make_hierarchy_since(&all, "p384", "p256", 10 * 86400, &h);
	make_hierarchy(&all, "p384", "p256", &other);
	add_issuer("e1", &h);
	add_issuer("e2", &other);
	configure();
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	db_thread_end();
	ctx_done(&all);
	pg_stop();
	return 0;
}

static void statements_can_be_run(void **state)
{
	static const struct statement *const auditor[] = { &audit_issued_statement };
	(void) state;
	pg_check_statements("cairn_subscriber", issued_statements, issued_n_statements);
	pg_check_statements("cairn_auditor", auditor, 1);
}

/* F-34: all that was issued is compared once, by whoever has the lease, and that it was is on record. */
static void good_ones_pass(void **state)
{
	(void) state;
	issue("a.test");
	issue("b.test");
	assert_round("one");
	assert_round("another"); /* has not the lease */
	assert_round("one");
	pg_assert_value("SELECT certificates || ' ' || differences FROM cairn.issued_check", "2 0");
	pg_assert_value(
	    "SELECT string_agg(facts->>'certificates' || ' ' || (facts->>'differences'), ',') FROM log.event WHERE kind = "
	    "'certificates.compared'",
	    "2 0");
	issue("c.test");
	assert_round("one");
	pg_assert_value("SELECT certificates || ' ' || differences FROM cairn.issued_check", "3 0");
	assert_int_equal(audit("1h"), 0);
}

static const struct {
	const char *name;
	const char *change; /* of the certificate $1, by the superuser: what no process may do */
	const char *found;
} changes[] = {
	{ "a.test", "UPDATE ca.certificate SET tbs_sha256 = sha256('x') WHERE id = '%s'", "its octets are not those" },
	{ "a.test", "UPDATE ca.certificate SET names = '{a.test,*.b.test}' WHERE id = '%s'", "its names are others" },
	{ "a.test",
	    "UPDATE acme.orders SET identifier_values = '{2001:db8::1,z.test,*.b.test}' WHERE certificate_id = '%s'",
	    "its names are not those of the order" },
	{ "a.test", "UPDATE acme.orders SET profile = 'shortlived' WHERE certificate_id = '%s'",
	    "no order of its account and profile" },
	{ "a.test", "UPDATE acme.orders SET certificate_id = NULL WHERE certificate_id = '%s'",
	    "no order of its account and profile" },
	{ "a.test", "UPDATE acme.orders SET not_after = now() WHERE certificate_id = '%s'", "not the one ordered" },
	{ "a.test", "UPDATE acme.orders SET not_before = now() WHERE certificate_id = '%s'", "not the one ordered" },
	{ "a.test", "UPDATE ca.certificate SET not_after = not_after + interval '1 s' WHERE id = '%s'",
	    "its validity is another" },
	{ "a.test", "UPDATE ca.certificate SET not_before = not_before - interval '1 s' WHERE id = '%s'",
	    "its validity is another" },
	{ "a.test", "UPDATE ca.certificate SET spki_sha256 = sha256('x') WHERE id = '%s'", "its key is another" },
	{ "a.test", "UPDATE ca.serial SET certificate_id = cairn.new_id() WHERE certificate_id = '%s'",
	    "its serial is another" },
	{ "a.test", "DELETE FROM ca.serial WHERE certificate_id = '%s'", "its serial is another" },
	{ "a.test", "UPDATE log.event SET facts = '{\"sha256\": \"00\"}' WHERE certificate_id = '%s'",
	    "the record of its signature" },
	{ "a.test", "DELETE FROM log.event WHERE certificate_id = '%s'", "the record of its signature" },
	{ "a.test", "UPDATE ca.certificate SET issuer = 'e2' WHERE id = '%s'", "it names another issuer" },
	{ "a.test", "UPDATE ca.certificate SET issuer = 'e2' WHERE id = '%s'", "does not verify with its issuer" },
	{ "a.test", "UPDATE ca.certificate SET issuer = 'e9' WHERE id = '%s'", "its issuer is not on record" },
	{ "a.test",
	    "UPDATE ca.certificate SET der = set_byte(der, length(der) - 1, 1 + get_byte(der, length(der) - 1) %% 255) "
	    "WHERE id = "
	    "'%s'",
	    "does not verify with its issuer" },
	{ "a.test", "UPDATE ca.certificate SET der = set_byte(der, 20, 255 - get_byte(der, 20)) WHERE id = '%s'",
	    "its octets are not those that were fixed" },
	{ "a.test", "UPDATE ca.certificate SET der = '\\x3000' WHERE id = '%s'", "the certificate has no proper" },
	{ "a.test", "DELETE FROM ca.certificate WHERE id = '%s'", "it was signed, and is not on record" },
	{ "a.test", "UPDATE ca.certificate SET profile = 'shortlived' WHERE id = '%s'",
	    "no order of its account and profile" },
	{ "a.test", "UPDATE ca.certificate SET crl_shard = 5 WHERE id = '%s'",
	    "it names another CRL than the one on record" },
	{ "a.test", "UPDATE ca.certificate SET account_id = cairn.new_id() WHERE id = '%s'", "no order of its account" },
	{ "a.test", "UPDATE ca.certificate SET serial = sha256('s') WHERE id = '%s'", "its serial is another" },
	{ "A.test", "UPDATE ca.certificate SET request_id = cairn.new_id() WHERE id = '%s'",
	    "lint dns_name_form (D-38, C-14)" },
};

/* What the last round told of it; NULL: nothing. */
static const char *told_of(struct id id)
{
	char *what = pg_value(arena_printf(all.arena,
	    "SELECT facts->>'what' FROM log.event WHERE kind = 'certificate.differs' AND certificate_id = '%s'", uuid(id)));
	const char *kept = what == NULL ? NULL : arena_text(all.arena, what);
	free(what);
	return kept;
}

static void assert_told(struct id id, const char *sentence)
{
	const char *what = told_of(id);
	print_message("%s: %s\n", sentence, what == NULL ? "(nothing)" : what);
	assert_true(what != NULL && strstr(what, sentence) != NULL);
}

/* F-34: the job begins where it ended, however long ago that was. */
static void days_that_were_missed(void **state)
{
	(void) state;
	run_sql("UPDATE cairn.issued_check SET upto = cairn.id_at(now() - interval '4 d')");
	struct id good = issue_by("three.test", &(struct way) { .days_ago = 3 });
	struct id changed = issue_by("two.test", &(struct way) { .days_ago = 2 });
	struct id gone = issue_by("two.test", &(struct way) { .days_ago = 2 });
	run_sql("UPDATE ca.certificate SET names = '{x.test}' WHERE id = '%s'; DELETE FROM ca.certificate WHERE id = '%s'",
	    uuid(changed), uuid(gone));
	assert_round("one");
	assert_string_equal(told_of(good) == NULL ? "nothing" : told_of(good), "nothing");
	assert_told(changed, "its names are others");
	assert_told(gone, "it was signed, and is not on record");
}

/* F-34: all records agree with each other, and the issuer did not sign it. */
static void signed_by_another_key(void **state)
{
	(void) state;
	struct id id = issue_by("forged.test", &(struct way) { .signer = &other });
	struct id promise = issue_by("forged.test", &(struct way) { .signer = &other, .promised = true, .given_up = true });
	assert_round("one");
	assert_told(id, "the signature of a certificate does not verify with its issuer's key");
	assert_told(promise, "its precertificate: the signature of a certificate does not verify with its issuer's key");
}

static const struct {
	bool given_up;
	const char *change;
	const char *found; /* NULL: nothing */
} promises[] = {
	{ false, "SELECT 1", NULL },
	{ true, "SELECT 1", NULL },
	{ true, "UPDATE ca.precertificate SET der = set_byte(der, 20, 255 - get_byte(der, 20)) WHERE certificate_id = '%s'",
	    "its precertificate: its serial is another one" },
	{ false,
	    "UPDATE ca.precertificate SET der = set_byte(der, 20, 255 - get_byte(der, 20)) WHERE certificate_id = '%s'",
	    "lint corresponds_to_precertificate" },
	{ true, "UPDATE ca.certificate SET names = '{a.test,*.b.test}' WHERE id = '%s'",
	    "its precertificate: its names are" },
	{ true, "UPDATE ca.certificate SET spki_sha256 = sha256('x') WHERE id = '%s'", "its precertificate: its key is" },
	{ true, "UPDATE ca.certificate SET not_after = not_after + interval '1 s' WHERE id = '%s'",
	    "its precertificate: its validity" },
	{ true, "UPDATE acme.orders SET certificate_id = NULL WHERE certificate_id = '%s'",
	    "its precertificate: its names are not those of the order; no order of its account and profile" },
	{ true, "DELETE FROM log.event WHERE certificate_id = '%s'", "its precertificate: the record of its signature" },
	{ false, "DELETE FROM log.event WHERE certificate_id = '%s' AND kind = 'precertificate.signed'",
	    "its precertificate: the record of its signature" },
	{ true, "DELETE FROM ca.precertificate WHERE certificate_id = '%s'", "its precertificate was signed, and is not" },
	{ false, "DELETE FROM ca.precertificate WHERE certificate_id = '%s'", "its precertificate was signed, and is not" },
	{ false, "UPDATE ca.certificate SET der = NULL, tbs = 'x' WHERE id = '%s'",
	    "it was signed, and is not on record itself" },
	{ true, "UPDATE ca.precertificate SET der = '\\x3000' WHERE certificate_id = '%s'",
	    "its precertificate: the certificate has no proper" },
};

/* F-34, D-55: a precertificate counts as a certificate, with or without one. */
static void promises_are_compared(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(promises); i++) {
		const struct way way = { .promised = true, .given_up = promises[i].given_up };
		struct id id = issue_by("a.test", &way);
		char sql[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(sql, sizeof(sql), promises[i].change, uuid(id));
#pragma GCC diagnostic pop
		run_sql("%s", sql);
		assert_round("one");
		if (promises[i].found == NULL) {
			assert_string_equal(told_of(id) == NULL ? "nothing" : told_of(id), "nothing");
		} else {
			assert_told(id, promises[i].found);
		}
	}
	struct id bare = issue_by("a.test", &(struct way) { .promised = true });
	run_sql("%s", arena_printf(c->arena,
	                  "DELETE FROM ca.precertificate WHERE certificate_id = '%s'; DELETE FROM log.event "
	                  "WHERE kind = 'precertificate.signed' AND certificate_id = '%s'",
	                  uuid(bare), uuid(bare)));
	assert_round("one");
	assert_told(bare, "its precertificate is not on record");
}

/* F-34: one that is gone is found wherever it stood: before, between and behind those that are there, and told once */
static void missing_ones_are_found(void **state)
{
	struct ctx *c = *state;
	const char *first = uuid(issue("one.test"));
	issue("two.test");
	const char *between = uuid(issue("three.test"));
	issue("four.test");
	const char *last = uuid(issue("five.test"));
	const char *gone = arena_printf(c->arena, "'%s', '%s', '%s'", first, between, last);
	run_sql("DELETE FROM ca.certificate WHERE id IN (%s)", gone);
	assert_int_equal(audit("1h"), 1);
	for (int i = 0; i < 2; i++) {
		assert_round("one");
		pg_assert_value(
		    arena_printf(c->arena,
		        "SELECT count(*)::text FROM log.event WHERE kind = 'certificate.differs' AND certificate_id IN (%s)",
		        gone),
		    "3");
	}
	pg_assert_value("SELECT (last_difference_at IS NOT NULL)::text FROM cairn.issued_check", "true");
}

/* F-34: each difference is an alarm: an event with the certificate, a metric that stays, and the exit code of the command. */
static void what_differs_is_found(void **state)
{
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		struct id id = issue(changes[i].name);
		char sql[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(sql, sizeof(sql), changes[i].change, uuid(id));
#pragma GCC diagnostic pop
		run_sql("%s", sql);
		assert_round("one");
		assert_told(id, changes[i].found);
	}
	pg_assert_value(arena_printf(c->arena,
	                    "SELECT (differences = %zu AND last_difference_at > now() - interval '1 h')::text FROM "
	                    "cairn.issued_check",
	                    COUNT_OF(changes)),
	    "true");
	assert_int_equal(audit("1h"), 1);
	issue("good.test"); /* what was found before is told no second time */
	assert_round("one");
	pg_assert_value(
	    arena_printf(c->arena, "SELECT (count(*) = %zu)::text FROM log.event WHERE kind = 'certificate.differs'",
	        COUNT_OF(changes)),
	    "true");
}

/* F-34, F-46: what the log says is revoked and has no row any more would be good in the next CRL; a row that no event tells of is no better. */
static void revocations_that_differ(void **state)
{
	(void) state;
	const char *cert = uuid(issue("revoked.test"));
	run_sql(
	    "DELETE FROM cairn.alarm WHERE kind = 'revocation-differs'; INSERT INTO log.event (id, process, actor, kind, "
	    "certificate_id, facts) VALUES (cairn.id_at(now() - interval '5 min'), 'p', 'account', 'certificate.revoked', "
	    "'%s', '{\"serial\": \"0a0b\"}')",
	    cert);
	assert_round("one");
	pg_assert_value("SELECT detail FROM cairn.alarm WHERE kind = 'revocation-differs'",
	    "1 revocations are not what the log says, such as of serial 0a0b: an event tells of it, but it is not revoked; "
	    "cairn audit gaps tells all");
	run_sql(
	    "DELETE FROM cairn.alarm WHERE kind = 'revocation-differs'; INSERT INTO ca.revocation (certificate_id, serial, "
	    "issuer, crl_shard, reason, revoked_at, revoked_by, not_after, changed_at) SELECT id, serial, issuer, 0, 1, "
	    "now() - interval "
	    "'5 min', 'account', not_after, now() - interval '5 min' FROM ca.certificate WHERE id = '%s'",
	    cert);
	assert_round("another"); /* who has not the lease */
	assert_round("one");
	pg_assert_value("SELECT count(*) FROM cairn.alarm WHERE kind = 'revocation-differs'", "0");
	run_sql("DELETE FROM log.event WHERE kind = 'certificate.revoked'");
	assert_round("another");
	pg_assert_value("SELECT count(*) FROM cairn.alarm WHERE kind = 'revocation-differs'", "0");
	assert_round("one");
	pg_assert_value(
	    "SELECT detail LIKE '%no event tells of it%' FROM cairn.alarm WHERE kind = 'revocation-differs'", "t");
	run_sql("DELETE FROM ca.revocation WHERE certificate_id = '%s'", cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_can_be_run),
		cmocka_unit_test(good_ones_pass),
		WITH_CTX(what_differs_is_found),
		WITH_CTX(missing_ones_are_found),
		WITH_CTX(promises_are_compared),
		cmocka_unit_test(signed_by_another_key),
		cmocka_unit_test(days_that_were_missed),
		cmocka_unit_test(revocations_that_differ),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
