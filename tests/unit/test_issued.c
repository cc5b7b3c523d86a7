/* link: cli subscriber */
/* Certificates read back and compared with their records: a good one passes, and each thing that differs is found, recorded and told. */
#include "tests/unit/crypto_test.h"

#include "tests/unit/pg.h"

#include "cli/audit.h"
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

static void add_issuer(const char *name, const struct hierarchy *of)
{
	struct bytes pem = cert_to_pem(all.arena, of->intermediate.der);
	run_sql("INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES ('%s', %s, %s, "
	        "'%.*s', '" CRL_URL "', '" AIA_URL "', true)",
	    name, hex(of->intermediate.der), hex(of->intermediate.info.subject_key_id), (int) pem.n, (const char *) pem.p);
}

/* A certificate for the name with all its records, issued as the CA does. */
static struct id issue(const char *name)
{
	struct ctx *c = &all;
	struct bytes tbs;
	struct bytes der;
	TEXTS(names, name, "*.b.test");
	TEXTS(addresses, "2001:db8::1");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	t.ip_addresses = addresses;
	assert_good(c, cert_build_tbs(c, &t, &tbs));
	assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
	struct id id = id_new();
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
	run_sql("INSERT INTO ca.serial VALUES (%s, '%s'); INSERT INTO ca.certificate (id, order_id, account_id, "
	        "not_before, not_after, "
	        "begun_at, crl_shard, issuer, profile, serial, spki_sha256, names, validations, tbs_sha256, der, "
	        "signed_at) VALUES ('%s', "
	        "'%s', '%s', '%s', '%s', now(), 0, 'e1', 'classic', %s, sha256(%s), '{%s,*.b.test,2001:db8::1}', '{}', "
	        "sha256(%s), %s, "
	        "now())",
	    hex(t.serial), cert, cert, order, account, from, to, hex(t.serial), hex(t.spki), name, hex(tbs), hex(der));
	run_sql("SELECT log.add_event(cairn.new_id(), 'p', 'account', 'certificate.issued', NULL, NULL, NULL, '%s', "
	        "jsonb_build_object('sha256', '%s'))",
	    cert, cert_fingerprint(c->arena, der));
	return id;
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
	make_hierarchy(&all, "p384", "p256", &h);
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
	    "no order of its profile" },
	{ "a.test", "UPDATE acme.orders SET certificate_id = NULL WHERE certificate_id = '%s'", "no order of its profile" },
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
	{ "a.test", "UPDATE ca.certificate SET der = '\\x3000' WHERE id = '%s'", "the certificate has no proper" },
	{ "a.test", "DELETE FROM ca.certificate WHERE id = '%s'", "it was signed, and is not on record" },
	{ "a.test", "UPDATE ca.certificate SET profile = 'shortlived' WHERE id = '%s'", "no order of its profile" },
	{ "a.test", "UPDATE ca.certificate SET serial = sha256('s') WHERE id = '%s'", "its serial is another" },
	{ "A.test", "UPDATE ca.certificate SET request_id = cairn.new_id() WHERE id = '%s'",
	    "lint dns_name_form (D-38, C-14)" },
};

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
		char *what = pg_value(arena_printf(c->arena,
		    "SELECT facts->>'what' FROM log.event WHERE kind = 'certificate.differs' AND certificate_id = '%s'",
		    uuid(id)));
		print_message("%s: %s\n", changes[i].found, what == NULL ? "(nothing)" : what);
		assert_non_null(what);
		assert_non_null(strstr(what, changes[i].found));
		free(what);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_can_be_run),
		cmocka_unit_test(good_ones_pass),
		WITH_CTX(what_differs_is_found),
		WITH_CTX(missing_ones_are_found),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
