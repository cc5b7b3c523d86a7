/* link: cli subscriber */
/* Retention: what is asked of the database, the floor of the Baseline Requirements, and what a record of an erasure covers. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/seal/audit_erased.h"
#include "cli/retention_rows.h"
#include "lib/base/floor.h"
#include "subscriber/keeper.h"
#include "subscriber/purger.h"
#include "tests/unit/pg.h"

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_operator", retention_statements, retention_statements_n);
	pg_check_statements("cairn_officer", retention_statements, retention_statements_n);
	pg_check_statements("cairn_subscriber", purger_statements, purger_n_statements);
}

/* F-50: a record of a certificate of 47 days is kept for two years and 47 days at least. */
static void test_floor(void **state)
{
	(void) state;
	struct config_profile profiles[] = {
		{ .life_s = INT64_C(47) * 86400, .authorization_life_s = 86400, .order_life_s = 86400 },
		{ .life_s = INT64_C(6) * 86400, .authorization_life_s = 86400, .order_life_s = 86400 },
	};
	struct config config = { .policy = { .mode = "webpki", .profiles = { profiles, 2 } } };
	assert_int_equal(retention_floor_s(&config), INT64_C(86400) * (731 + 47 + 2));
	config.policy.mode = "private";
	assert_int_equal(retention_floor_s(&config), 0);
}

static struct id id_of(uint8_t second)
{
	struct id id = { { 0, second } }; /* of the 20th century */
	return id;
}

#define ADD_EVENT(kind, facts) \
	pg_exec("cairn_ra", \
	    "SELECT log.add_event(cairn.new_id(), 'p', 'retention', '" kind "', NULL, NULL, NULL, NULL, '" facts "')")
#define ADD_ERASED(facts) ADD_EVENT("log.erased", facts)
#define UUID(second) "00" second "0000-0000-0000-0000-000000000000"
#define SEAL \
	pg_exec("postgres", \
	    "INSERT INTO log.leaf (row_id, kind, leaf) SELECT id, 3, row_number() OVER () + (SELECT count(*) FROM " \
	    "log.leaf) FROM log.event WHERE id NOT IN (SELECT row_id FROM log.leaf)")

static void read_erasures(struct ctx *c, struct audit_erasure_list *ret)
{
	static const struct statement *const statements[] = { &audit_erasures_statement };
	db_statements(statements, 1);
	db_configure(pg_conninfo("cairn_auditor"), 1, 5000);
	ctx_init(c);
	assert_int_equal(audit_read_erasures(c, false, ret), 0);
}

/* What waits for its seal counts if it is asked for; and the database judges the same for who asks it by SQL. */
static void assert_waiting(struct ctx *c, const struct audit_erasure_list *list)
{
	static const char *const tables[] = { "log.request_private", "log.validation_private", "log.request" };
	struct audit_erasure_list waiting;
	assert_int_equal(audit_read_erasures(c, true, &waiting), 0);
	assert_true(audit_is_erased(&waiting, "log.request_private", id_of(0x60)));
	assert_true(audit_is_erased(&waiting, "log.validation_private", id_of(0x20)));
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		char sql[2000];
		snprintf(sql, sizeof(sql),
		    "SELECT audit.erased_ids('%s', false) = '%s'::cairn.id_ranges AND audit.erased_ids('%s', true) = '%s'",
		    tables[i], audit_erased_ranges(c->arena, list, tables[i]), tables[i],
		    audit_erased_ranges(c->arena, &waiting, tables[i]));
		pg_assert_value(sql, "t");
	}
}

/* What is sealed counts, and nothing beside it. */
static void test_erasures(void **state)
{
	(void) state;
	struct ctx c;
	struct audit_erasure_list list;
	ADD_EVENT("retention.changed", "{\"class\": \"SUB-VAL\", \"clear_s\": 86400, \"keep_s\": null}");
	ADD_EVENT("retention.changed", "{\"class\": \"SUB-REQ\", \"clear_s\": 86400, \"keep_s\": null}");
	ADD_ERASED("{\"table\": \"log.validation_private\", \"from\": \"" UUID("20") "\", \"until\": \"" UUID("30") "\"}");
	ADD_ERASED("{\"table\": \"log.validation_private\", \"from\": \"" UUID("28") "\", \"until\": \"" UUID("2a") "\"}");
	ADD_ERASED("{\"table\": \"log.validation_private\", \"ids\": [\"" UUID("40") "\", \"" UUID("22") "\", \"" UUID(
	    "30") "\"]}");
	ADD_ERASED("{\"table\": \"log.request_private\", \"ids\": [\"" UUID("50") "\"]}");
	ADD_ERASED("{\"nothing\": true}");
	SEAL;
	ADD_ERASED("{\"table\": \"log.request_private\", \"ids\": [\"" UUID("60") "\"]}"); /* has no seal yet */
	read_erasures(&c, &list);
	static const struct {
		const char *table;
		uint8_t id;
		bool erased;
	} rows[] = {
		{ "log.validation_private", 0x1f, false },
		{ "log.validation_private", 0x20, true },
		{ "log.validation_private", 0x22, true },
		{ "log.validation_private", 0x2f, true },
		{ "log.validation_private", 0x30, true },
		{ "log.validation_private", 0x31, false },
		{ "log.validation_private", 0x40, true },
		{ "log.validation_private", 0x41, false },
		{ "log.request_private", 0x50, true },
		{ "log.request_private", 0x22, false },
		{ "log.request_private", 0x51, false },
		{ "log.request_private", 0x60, false },
		{ "log.request", 0x50, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(audit_is_erased(&list, rows[i].table, id_of(rows[i].id)), rows[i].erased);
	}
	assert_waiting(&c, &list);
	/* what waits for its seal is told apart, and what does not even wait is none */
	pg_assert_value(
	    "SELECT concat(s @> '" UUID("60") "'::uuid, w @> '" UUID("60") "'::uuid, s @> '" UUID(
	        "50") "'::uuid, audit.erased_state(s, w, '" UUID("60") "'), audit.erased_state(s, w, '" UUID("50") "'), "
	                                                                                                           "audit."
	                                                                                                           "erased_"
	                                                                                                           "state("
	                                                                                                           "s, w, "
	                                                                                                           "'" UUID(
	                                                                                                               "51") "')) FROM audit.erased_ids('log.request_private', false) s, "
	                                                                                                                     "audit.erased_ids('log.request_private', true) w",
	    "fttwaitingerasedmissing");
	pg_exec("postgres", "DELETE FROM log.unsealed");
	pg_assert_value("SELECT audit.erased_ids('log.request_private', true) @> '" UUID("60") "'::uuid", "f");
	ctx_done(&c);
	db_thread_end();
	pg_exec("postgres", "DELETE FROM log.leaf; DELETE FROM log.event");
}

/* What a superuser may write there, and a term from before the first id. */
static void add_nonsense(void)
{
	ADD_EVENT("retention.changed", "{\"class\": \"SUB-CERT\", \"clear_s\": 2150000000, \"keep_s\": 2150000000}");
	ADD_EVENT("retention.changed", "{\"class\": \"SUB-SW\", \"clear_s\": \"a\", \"keep_s\": 99999999999999999999}");
	ADD_ERASED("{\"table\": \"log.validation\", \"ids\": [\"x\", null, 5]}");
	ADD_ERASED("{\"table\": \"log.validation\", \"ids\": \"x\"}");
	ADD_ERASED("{\"table\": \"log.validation\", \"from\": \"x\", \"until\": \"" UUID("30") "\"}");
	ADD_ERASED("{\"table\": \"log.validation\", \"from\": \"" UUID("20") "\", \"until\": 7}");
	ADD_ERASED("[1]");
	pg_exec("postgres", "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) VALUES (cairn.new_id(), "
	                    "'-infinity', 'p', 'x', 'log.erased', '{\"table\": \"log.validation\", \"ids\": []}')");
}

/* F-46: an erasure that no rule of its time allowed is none, whoever wrote it: before the term is over, of what has no term, of requests of the API
 * as if they were visits of pages, in the future, or by a rule that came later. */
static void test_erasures_against_the_rules(void **state)
{
	(void) state;
	struct ctx c;
	struct audit_erasure_list list;
	add_nonsense();
	pg_exec("postgres",
	    "INSERT INTO log.request (id, received_at, frontend, method, route, url, status, body_sha256, body_octets, "
	    "commitments) "
	    "SELECT x.id, now(), 'f', 'GET', x.route, '/', 200, sha256('x'), 1, sha256('x') FROM (VALUES ('" UUID(
	        "10") "'::uuid, 'new-order'), ('" UUID("11") "'::uuid, 'doctor')) x (id, route)");
	ADD_ERASED("{\"table\": \"log.request_private\", \"classes\": [\"WEB\"], \"ids\": [\"" UUID("10") "\", \"" UUID(
	    "11") "\"]}");
	ADD_ERASED("{\"table\": \"log.request\", \"classes\": [\"WEB\"], \"from\": \"" UUID("00") "\", \"until\": \"" UUID(
	    "60") "\"}");
	ADD_ERASED("{\"table\": \"log.request_private\", \"from\": \"" UUID("00") "\", \"until\": \"" UUID("60") "\"}");
	ADD_EVENT("retention.changed", "{\"class\": \"SUB-VAL\", \"clear_s\": 1, \"keep_s\": 86400000}");
	pg_exec("postgres",
	    "INSERT INTO log.event (id, happened_at, process, actor, kind, facts) SELECT cairn.new_id(), x.at, 'p', 'x', "
	    "'log.erased', "
	    "jsonb_build_object('table', x.name, 'ids', jsonb_build_array(x.id)) FROM (VALUES (now() - interval '1 day', "
	    "'log.validation_private', '" UUID("20") "'::uuid), (now() + interval '1 day', 'log.validation_private', "
	                                             "'" UUID(
	                                                 "21") "'), (now(), 'log.validation_private', cairn.id_at(now() - "
	                                                       "interval '23 hours')), (now(), 'log.validation', "
	                                                       "cairn.id_at(now() - interval '999 days')), (now(), "
	                                                       "'log.validation', cairn.id_at(now() - interval '1001 "
	                                                       "days')), (now(), "
	                                                       "'log.event', '" UUID("22") "')) x (at, name, id)");
	SEAL;
	read_erasures(&c, &list);
	assert_int_equal(list.n, 2);
	assert_true(audit_is_erased(&list, "log.request_private", id_of(0x11)));
	assert_string_equal(list.v[1].name, "log.validation");
	pg_assert_value("SELECT count(*) FROM audit.lawful_erasures() WHERE name = 'log.validation' AND from_id < "
	                "cairn.id_at(now() - interval '1000 days')",
	    "1");
	/* why and gaps judge as verify does */
	pg_assert_value(
	    "SELECT concat(a @> cairn.id_at(now() - interval '999 days'), a = (SELECT "
	    "range_agg(cairn.id_range(e.from_id, e.until_id, '[]')) FROM audit.lawful_erasures() e WHERE "
	    "e.name = 'log.validation'), p @> '" UUID("11") "'::uuid, p @> '" UUID(
	        "10") "'::uuid) FROM "
	              "audit.erased_ids('log.validation', false) a, audit.erased_ids('log.request_private', false) p",
	    "fttf");
	assert_true(id_time(list.v[1].from).us < clock_now().us - 1000 * INT64_C(86400000000));
	/* what the command says of tables and their classes is what they are */
	pg_assert_value(
	    "SELECT string_agg(concat_ws(' ', r.name, r.part, r.term, k.class), ', ' ORDER BY r.name, r.part, k.class) "
	    "FROM "
	    "cairn.retained r, unnest(cairn.classes_of(r.name, r.part)) k (class) WHERE starts_with(r.name, 'log.')",
	    "log.event all keep SUB-CERT, log.request all keep SUB-REQ, log.request_private all clear SUB-REQ, "
	    "log.request_private all clear SUB-SW, log.request_private web clear WEB, log.validation all keep SUB-VAL, "
	    "log.validation_private all clear SUB-VAL");
	ctx_done(&c);
	db_thread_end();
	pg_exec(
	    "postgres", "DELETE FROM log.leaf; DELETE FROM log.event; DELETE FROM log.request; DELETE FROM log.unsealed");
}

/* Without the lease nothing is purged; a hold that is made while a batch runs waits for it, and counts for the next one. */
static void test_lease(void **state)
{
	(void) state;
	static const char purge[] = "SELECT cairn.purge('me', 'log.request_private', 'all', NULL, 10, 0)";
	assert_string_equal(pg_try("cairn_subscriber", purge, NULL), "CA001");
	pg_exec("cairn_subscriber", "SELECT cairn.take_lease('retention', 'me', 60)");
	assert_string_equal(pg_try("cairn_subscriber", purge, NULL), "");
	assert_string_equal(pg_try("cairn_ra", purge, NULL), "42501");
	/* a term from before the first id takes nothing away */
	pg_exec("postgres", "INSERT INTO log.request_private (id, salt, remote_address, remote_port) VALUES "
	                    "(cairn.id_at(now() - interval '2 d'), sha256(''), '192.0.2.1', 1)");
	pg_exec(
	    "cairn_operator", "SELECT cairn.set_retention('SUB-REQ', 2150000000, NULL, 0, 'operator t', 'a test', false)");
	pg_assert_value("SELECT gone FROM cairn.purge('me', 'log.request_private', 'all', NULL, 10, 0)", "0");
	pg_exec("postgres", "DELETE FROM log.request_private");
	assert_string_equal(pg_try("cairn_subscriber", "DELETE FROM log.request_private", NULL), "42501");
	assert_string_equal(
	    pg_try("cairn_subscriber", "INSERT INTO cairn.retention SELECT * FROM cairn.retention", NULL), "42501");
	/* whoever owns the tables can't have less than G-30 either */
	assert_string_equal(
	    pg_try("cairn_owner", "UPDATE cairn.retention SET keep_s = 604800 WHERE class = 'WEB'", NULL), "23514");
}

/* A purge gives way to who uses the table: no drop of a partition waits for longer than a moment. */
static void test_partition_gives_way(void **state)
{
	(void) state;
	pg_exec("cairn_owner",
	    "CREATE TABLE log.request_private_200001 PARTITION OF log.request_private FOR VALUES FROM "
	    "(cairn.id_at('2000-01-01')) TO (cairn.id_at('2000-02-01')); INSERT INTO log.request_private (id, salt, "
	    "remote_address, remote_port) VALUES (cairn.id_at('2000-01-10'), sha256(''), '192.0.2.1', 1)");
	pg_exec("cairn_operator", "SELECT cairn.set_retention('SUB-REQ', 86400, NULL, 0, 'operator t', 'a test', false)");
	/* F-50: a rule that was lawful in private mode erases nothing before the floor of mode webpki. */
	pg_assert_value(
	    "SELECT string_agg(cairn.term_of(r.name, r.part, r.term, f, NULL, NULL, NULL)::text, ' ' ORDER BY f) FROM "
	    "cairn.retained r, (VALUES (0), (67392000)) x (f) WHERE r.name = 'log.request_private' AND r.part = 'all'",
	    "86400 67392000");
	static const char drop[] = "SELECT cairn.purge_partition('me', 'log.request_private', 0)";
	PGconn *other = pg_connect("cairn_owner", "cairn");
	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, "LOCK TABLE log.request_private IN ROW EXCLUSIVE MODE"));
	char *rows = NULL;
	assert_string_equal(pg_try("cairn_subscriber", drop, &rows), "");
	assert_string_equal(rows, "-1");
	free(rows);
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	assert_string_equal(pg_try("cairn_subscriber", drop, &rows), "");
	assert_string_equal(rows, "1");
	free(rows);
	pg_assert_value("SELECT to_regclass('log.request_private_200001') IS NULL", "t");
	pg_assert_value("SELECT facts->>'rows' || ' ' || (facts->>'partition') FROM log.event WHERE facts ? 'partition'",
	    "1 log.request_private_200001");
}

/* Rows of 2001, of which nothing else is: a validation that an authorization stands on, and later ones of which none does. */
static void add_validations(void)
{
	pg_exec("cairn_owner", "DO $$ DECLARE p cairn.partitioned; s timestamptz; BEGIN FOR p IN SELECT * FROM "
	                       "cairn.partitioned WHERE name IN "
	                       "('log.validation', 'log.validation_private', 'acme.authz') LOOP FOR s IN SELECT "
	                       "generate_series('2001-01-01'::timestamptz, '2001-12-01', "
	                       "make_interval(months => p.months)) LOOP EXECUTE format('CREATE TABLE %s PARTITION OF %s "
	                       "FOR VALUES FROM (%L) TO (%L)', "
	                       "cairn.partition_name(p.name, s), p.name, cairn.id_at(s), cairn.id_at(s + "
	                       "make_interval(months => p.months))); END LOOP; END LOOP; END $$");
	pg_exec("postgres", "WITH d AS (SELECT '2001-01-05'::timestamptz AS at, true AS passed UNION ALL SELECT "
	                    "'2001-06-05', false), v AS (INSERT INTO log.validation "
	                    "(id, authorization_id, challenge_id, account_id, request_id, identifier_type, "
	                    "identifier_value, wildcard, method, rule, perspective, attempt, "
	                    "passed, dnssec, token_sha256, answer_sha256, started_at, ended_at, commitments, proof) SELECT "
	                    "cairn.id_at(at), cairn.id_at(at - interval '1 h'), "
	                    "cairn.new_id(), cairn.new_id(), cairn.new_id(), 'dns', 'a.test', false, 'http-01', "
	                    "'3.2.2.4.19', 'p', 1, passed, 'off', '', '', at, at, '', "
	                    "CASE WHEN passed THEN 'control'::log.proof END FROM d RETURNING id, passed, "
	                    "authorization_id), p AS (INSERT INTO log.validation_private (id, salt, resolutions, attempts) "
	                    "SELECT id, sha256(''), '[]', '[]' FROM v) INSERT INTO acme.authz (id, account_id, "
	                    "identifier_type, identifier_value, wildcard, challenge_types, tokens, "
	                    "expires_at, validation_id) SELECT authorization_id, cairn.new_id(), 'dns', 'a.test', false, "
	                    "'{http-01}', '{t}', CASE WHEN passed THEN now() + "
	                    "interval '1 day' ELSE now() - interval '1 day' END, CASE WHEN passed THEN id END FROM v");
}

/* What an authorization stands on stays, with how it was found, as long as it can be used, whatever the term; then it goes, however far
 * behind others that went before (F-52). */
static void test_what_is_stood_on(void **state)
{
	(void) state;
	add_validations();
	pg_exec("postgres", "DELETE FROM log.unsealed");
	pg_exec("cairn_subscriber", "SELECT cairn.take_lease('retention', 'me', 60)");
	pg_exec("cairn_operator", "SELECT cairn.set_retention(c, 86400, 86400, 0, 'operator t', 'a test', false) FROM "
	                          "unnest(ARRAY['SUB-VAL', 'SUB-CERT']) c");
	static const char drop[] = "SELECT cairn.purge_partition('me', 'log.validation_private', 0)";
	static const char round[] =
	    "SELECT string_agg(p.gone::text, ' ' ORDER BY o) FROM unnest(ARRAY['log.validation_private', 'acme.authz', "
	    "'log.validation']) WITH ORDINALITY t (n, o), LATERAL cairn.purge('me', n, 'all', NULL, 10, 0) p";
	pg_assert_value(drop, "-1");
	/* a range says that everything in it is gone; among others that stays, ids are named */
	pg_exec("postgres", "INSERT INTO log.validation_private (id, salt, resolutions, attempts) SELECT cairn.id_at(t), "
	                    "sha256(''), '[]', '[]' FROM unnest('{2001-01-03,2001-02-01,2001-03-01}'::timestamptz[]) t");
	static const char last[] = "SELECT concat(facts ? 'ids', facts->>'from' = cairn.id_at('2001-03-01')::text) FROM "
	                           "log.event WHERE kind = 'log.erased' ORDER BY id DESC LIMIT 1";
	pg_assert_value("SELECT gone FROM cairn.purge('me', 'log.validation_private', 'all', NULL, 2, 0)", "2");
	pg_assert_value(last, "t");
	pg_assert_value("SELECT gone FROM cairn.purge('me', 'log.validation_private', 'all', NULL, 1, 0)", "1");
	pg_assert_value(last, "ft");
	pg_assert_value(round, "1 1 1");
	pg_assert_value(round, "0 0 0");
	pg_exec("postgres", "UPDATE acme.authz SET expires_at = now() - interval '1 min' WHERE validation_id IS NOT NULL");
	pg_assert_value(round, "1 1 1");
	pg_assert_value("SELECT count(*) FROM log.validation", "0");
	pg_assert_value(drop, "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_erasures),
		cmocka_unit_test(test_erasures_against_the_rules),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_partition_gives_way),
		cmocka_unit_test(test_what_is_stood_on),
	};
	return cmocka_run_group_tests(tests, pg_group_setup, pg_group_teardown);
}
