/* link: cli */
/* The public export: no person in it, the same when it is made again, whole or not there (G-33, G-40 to G-44). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/export_public.h"
#include "lib/base/folder.h"
#include "tests/unit/pg.h"

#define DAY "2026-01-05"

static struct {
	struct ctx c;
	char folder[64];
	int64_t day;
} t;

/* n requests of each of so many accounts (or addresses) to a route, on the day. */
static void add_requests(const char *day, const char *route, const char *agent, int who, int each, bool accounts)
{
	struct ctx c;
	ctx_init(&c);
	pg_exec("postgres", arena_printf(c.arena,
	                        "WITH r AS (INSERT INTO log.request (id, received_at, frontend, method, route, url, "
	                        "account_id, status, body_sha256, body_octets, commitments)"
	                        " SELECT (left(cairn.id_at('%s'::timestamptz + interval '1 hour')::text, 14) || '7' || "
	                        "substr(gen_random_uuid()::text, 16))::uuid, now(), 'f', 'POST', '%s',"
	                        " '/' || w, CASE WHEN %s THEN md5('%s' || w)::uuid END, 201, sha256('x'), 1, sha256('x') "
	                        "FROM generate_series(1, %d) w, generate_series(1, %d) n"
	                        " RETURNING id, url)"
	                        " INSERT INTO log.request_private (id, salt, remote_address, remote_port, user_agent)"
	                        " SELECT id, sha256('s'), ('198.18.' || substr(url, 2) || '.9')::inet, 1, '%s' FROM r",
	                        day, route, accounts ? "true" : "false", route, who, each, agent));
	ctx_done(&c);
}

static int setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_year("'" DAY "'::timestamptz");
	ctx_init(&t.c);
	snprintf(t.folder, sizeof(t.folder), "/tmp/export-XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	assert_true(export_day_read(DAY, &t.day));
	db_statements(export_statements, export_statements_n);
	db_configure(pg_conninfo("cairn_operator"), 1, 60000);
	return 0;
}

static int teardown(void **state)
{
	struct file_list files;
	(void) state;
	db_thread_end();
	pg_stop();
	int result = folder_read(&t.c, t.folder, &files);
	for (size_t i = 0; result == 0 && i < files.n; i++) {
		result = remove(files.v[i].path);
	}
	ctx_done(&t.c);
	return result == 0 ? remove(t.folder) : result;
}

static void statements_run(void **state)
{
	(void) state;
	pg_check_statements("cairn_operator", export_statements, export_statements_n);
	pg_check_statements("cairn_officer", export_statements, export_statements_n);
}

/* G-33, G-44: twenty, and nobody among them who is most of it; numbers are rounded, so that what differs by one is the same. */
static void small_counts_are_left_out(void **state)
{
	(void) state;
	add_requests(DAY, "new-order", "certbot/2.1.0 (for ana@example.com)", 20, 2, true);
	add_requests(DAY, "new-authz", "lego-cli/4.9", 19, 5, true);
	add_requests(DAY, "key-change", "lego-cli/4.9", 25, 1, true);
	add_requests(DAY, "terms", "Mozilla/5.0", 21, 1, false);
	add_requests(DAY, "doctor", "only-one.example", 1, 500, false);
	pg_assert_value("SELECT string_agg(one || ' ' || other || ' ' || n || ' ' || requesters, ',' ORDER BY one) FROM "
	                "export.numbers('requests', '" DAY "')",
	    "key-change answered 20 20,new-order answered 40 20,terms answered 20 20");
	pg_assert_value(
	    "SELECT string_agg(one || ' ' || n || ' ' || requesters, ',' ORDER BY one) FROM export.numbers('clients', '" DAY
	    "')",
	    "certbot 40 20,lego-cli 120 40,mozilla 20 20");
	/* one more requester, and one more request: differencing tells nothing */
	add_requests(DAY, "finalize", "certbot/2.1.0", 1, 1, true);
	pg_assert_value(
	    "SELECT string_agg(one || ' ' || n || ' ' || requesters, ',' ORDER BY one) FROM export.numbers('clients', '" DAY
	    "')",
	    "certbot 40 20,lego-cli 120 40,mozilla 20 20");
	/* one who makes more than half of it */
	add_requests("2026-01-06", "new-order", "x/1", 30, 1, true);
	add_requests("2026-01-06", "new-order", "x/1", 1, 40, false);
	pg_assert_value("SELECT count(*) FROM export.numbers('requests', '2026-01-06')", "0");
	/* down, not to the nearest: what is told is never more than there was */
	add_requests("2026-01-09", "new-order", "x/1", 30, 1, true);
	pg_assert_value("SELECT n || ' ' || requesters FROM export.numbers('requests', '2026-01-09')", "20 20");
	/* one person with many accounts, and one network that makes more than half of it */
	add_requests("2026-01-07", "new-order", "jane-bot/1", 30, 2, true);
	pg_assert_value("SELECT count(*) FROM export.numbers('clients', '2026-01-07')", "1");
	pg_exec("postgres",
	    "UPDATE log.request_private p SET remote_address = '198.18.0.1' FROM log.request r WHERE r.id = p.id AND "
	    "r.id > cairn.id_at('2026-01-07') AND substr(r.url, 2)::int <= 15");
	pg_assert_value("SELECT count(*) FROM export.numbers('clients', '2026-01-07')", "0"); /* 16 networks */
	pg_exec("postgres",
	    "UPDATE log.request_private p SET remote_address = '192.0.2.7' FROM log.request r WHERE r.id = p.id AND "
	    "r.id > cairn.id_at('2026-01-07')");
	pg_assert_value("SELECT count(*) FROM export.numbers('clients', '2026-01-07')", "0");
	pg_exec("postgres",
	    "DELETE FROM log.request_private p USING log.request r WHERE r.id = p.id AND r.id > cairn.id_at('2026-01-07')");
	pg_assert_value(
	    "SELECT count(*) FROM export.numbers('requests', '2026-01-07')", "0"); /* whose addresses are erased */
	add_requests("2026-01-08", "new-order", "x/1", 40, 1, true);
	pg_exec("postgres",
	    "UPDATE log.request_private p SET remote_address = '198.18.0.1' FROM log.request r WHERE r.id = p.id AND "
	    "r.id > cairn.id_at('2026-01-08') AND substr(r.url, 2)::int <= 21");
	pg_assert_value(
	    "SELECT count(*) FROM export.numbers('requests', '2026-01-08')", "0"); /* 20 networks, and one makes 21 of 40 */
	pg_assert_value("SELECT string_agg(export.client(a), ',') FROM unnest(ARRAY['ana@example.com', 'a.b/1', 'Caddy', "
	                "'Go-http-client/1.1', '', NULL, '192.0.2.1']) a",
	    "other,other,caddy,go-http-client,other,other,other");
}

static const char *content(const char *name)
{
	struct bytes text;
	assert_int_equal(file_read(&t.c, arena_printf(t.c.arena, "%s/%s", t.folder, name), &text), 0);
	return arena_text_n(t.c.arena, text.p, text.n);
}

static int make(int64_t *ret_rows, bool *ret_made)
{
	ctx_forgive(&t.c);
	const struct export_run run = { t.folder, "operator eve", "test" };
	return export_day(&t.c, &run, t.day, ret_rows, ret_made);
}

/* G-40, G-42: once, with a record; the second time nothing is written; a changed file is told; a broken run goes on. */
static void a_day_is_written_once(void **state)
{
	int64_t rows = 0;
	bool made = false;
	(void) state;
	FILE *ruin = fopen(arena_printf(t.c.arena, "%s/requests-" DAY ".csv.new", t.folder), "w");
	fputs("half", ruin);
	fclose(ruin);
	assert_int_equal(make(&rows, &made), 0);
	assert_true(made);
	assert_int_equal(rows, 6);
	const char *manifest = content("manifest-" DAY ".json");
	assert_string_equal(content("requests-" DAY ".jsonl"),
	    "{\"resource\":\"key-change\",\"outcome\":\"answered\",\"requests\":20,\"requesters\":20}\n"
	    "{\"resource\":\"new-order\",\"outcome\":\"answered\",\"requests\":40,\"requesters\":20}\n"
	    "{\"resource\":\"terms\",\"outcome\":\"answered\",\"requests\":20,\"requesters\":20}\n");
	assert_string_equal(content("clients-" DAY ".csv"),
	    "client,requests,requesters\r\ncertbot,40,20\r\nlego-cli,120,40\r\nmozilla,20,20\r\n");
	assert_string_equal(content("certificates-" DAY ".csv"),
	    "serial,issuer,profile,names,not_before,not_after,issued_at,sha256,der\r\n");
	assert_null(strstr(manifest, "example"));
	pg_assert_value("SELECT actor || '|' || (facts->>'day') || '|' || (facts->>'rows') || '|' || (facts->>'reason') "
	                "FROM log.event WHERE kind = 'export.written'",
	    "operator eve|" DAY "|6|test");
	assert_int_equal(make(&rows, &made), 0);
	assert_false(made);
	assert_int_equal(rows, 6);
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'export.written'", "1");
	/* by which queries: another definition is another digest */
	pg_assert_value("SELECT (facts->>'query_sha256' = export.query_sha256())::text || length(facts->>'query_sha256') "
	                "FROM log.event WHERE kind = 'export.written'",
	    "true64");
	pg_exec("postgres", "CREATE FUNCTION export.other() RETURNS int LANGUAGE sql AS 'SELECT 1'");
	pg_assert_value(
	    "SELECT facts->>'query_sha256' = export.query_sha256() FROM log.event WHERE kind = 'export.written'", "f");
	pg_exec("postgres", "CREATE OR REPLACE FUNCTION export.other() RETURNS int LANGUAGE sql AS 'SELECT 2'");
	pg_assert_value(
	    "SELECT facts->>'query_sha256' = export.query_sha256() FROM log.event WHERE kind = 'export.written'", "f");
	pg_exec("postgres", "DROP FUNCTION export.other()");
	pg_assert_value(
	    "SELECT facts->>'query_sha256' = export.query_sha256() FROM log.event WHERE kind = 'export.written'", "t");
	/* the same again from nothing */
	assert_int_equal(remove(arena_printf(t.c.arena, "%s/manifest-" DAY ".json", t.folder)), 0);
	assert_int_equal(make(&rows, &made), 0);
	assert_true(made);
	assert_string_equal(content("manifest-" DAY ".json"), manifest);
	ruin = fopen(arena_printf(t.c.arena, "%s/clients-" DAY ".csv", t.folder), "a");
	fputs("more\r\n", ruin);
	fclose(ruin);
	assert_int_equal(make(&rows, &made), -1);
	assert_int_equal(t.c.err.type, PROBLEM_CONFLICT);
}

static void make_another(int64_t day, int result, enum problem type)
{
	int64_t rows = 0;
	bool made = false;
	const struct export_run run = { t.folder, "operator eve", "test" };
	ctx_forgive(&t.c);
	assert_int_equal(export_day(&t.c, &run, day, &rows, &made), result);
	assert_true(result == 0 || t.c.err.type == type);
}

/* A full disk leaves no file that looks whole and no record; with room for it the day is written (G-42). */
static void a_full_disk_is_told(void **state)
{
	(void) state;
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct rlimit full = { 20, RLIM_INFINITY };
	struct file_list files;
	int64_t day = t.day + 20;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	make_another(day, -1, PROBLEM_SERVER_INTERNAL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
	signal(SIGXFSZ, before);
	assert_non_null(strstr(t.c.err.detail, strerror(EFBIG)));
	assert_int_equal(folder_read(&t.c, t.folder, &files), 0);
	for (size_t i = 0; i < files.n; i++) {
		assert_true(
		    strstr(files.v[i].path, "certificates") == NULL || strstr(files.v[i].path, "2026-01-25.csv") == NULL);
		assert_null(strstr(files.v[i].path, ".new"));
	}
	pg_assert_value("SELECT count(*) FROM log.event WHERE facts->>'day' = '2026-01-25'", "0");
	make_another(day, 0, PROBLEM_CONFLICT);
}

/* One at a time writes into a folder (G-42). */
static void nobody_writes_beside_it(void **state)
{
	(void) state;
	int other = open(t.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX), 0);
	make_another(t.day + 21, -1, PROBLEM_CONFLICT);
	close(other);
	make_another(t.day + 21, 0, PROBLEM_CONFLICT);
}

/* What is public can be read by everybody and changed by nobody else, whatever the umask (G-42). */
static void anybody_may_read_it(void **state)
{
	(void) state;
	static const mode_t masks[] = { 0077, 0 };
	int64_t rows = 0;
	bool made = false;
	for (int64_t i = 0; i < (int64_t) COUNT_OF(masks); i++) {
		struct stat s;
		const struct export_run run = { t.folder, "operator eve", "test" };
		const char *day = export_day_text(t.c.arena, t.day + 10 + i);
		mode_t before = umask(masks[i]);
		ctx_forgive(&t.c);
		int result = export_day(&t.c, &run, t.day + 10 + i, &rows, &made);
		umask(before);
		assert_int_equal(result, 0);
		assert_int_equal(stat(arena_printf(t.c.arena, "%s/crls-%s.csv", t.folder, day), &s), 0);
		assert_int_equal(s.st_mode & 07777, 0644);
		assert_int_equal(stat(arena_printf(t.c.arena, "%s/manifest-%s.json", t.folder, day), &s), 0);
		assert_int_equal(s.st_mode & 07777, 0644);
	}
}

#define ONE_FILE(name) \
	("{\"day\":\"2026-02-05\",\"files\":[{\"name\":\"" name "\",\"part\":\"crls\"," \
	 "\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"rows\":0,\"withheld\":0," \
	 "\"octets\":0}]}")

/* A manifest that is none, or of another day, is told: its day is neither written again nor taken for whole (G-42). */
static void a_manifest_is_of_its_day(void **state)
{
	(void) state;
	static const char *const texts[] = { "", "[]", "{\"day\":\"2026-02-05\"}",
		"{\"day\":\"2026-02-05\",\"files\":[{}]}",
		"{\"day\":\"2026-02-05\",\"files\":[{\"name\":\"a\",\"part\":\"crls\"}]}",
		"{\"day\":\"2026-02-04\",\"files\":[]}", "{\"day\":\"2026-02-05\",\"files\":[]}",
		ONE_FILE("crls-2026-02-05.jsonl"), ONE_FILE("crls-2026-02-04.jsonl") };
	int64_t rows = 0;
	bool made = false;
	int64_t day = 0;
	assert_true(export_day_read("2026-02-05", &day));
	const struct export_run run = { t.folder, "operator eve", "test" };
	const char *path = arena_printf(t.c.arena, "%s/manifest-2026-02-05.json", t.folder);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		FILE *file = fopen(path, "w");
		fputs(texts[i], file);
		fclose(file);
		ctx_forgive(&t.c);
		assert_int_equal(export_day(&t.c, &run, day, &rows, &made), -1);
		assert_int_equal(t.c.err.type, PROBLEM_CONFLICT);
	}
	assert_int_equal(remove(path), 0);
}

/* G-42: a revocation is told on the day that it was recorded, however far its date was set back (E-12), and again when it is changed. */
static void revocations_are_told_when_recorded(void **state)
{
	(void) state;
	pg_exec("postgres", "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES "
	                    "('r', 'c', 'k', 'c', 'u', 'u', true)");
	pg_exec("postgres", "ALTER TABLE ca.revocation DISABLE TRIGGER touch");
	pg_exec("postgres",
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, "
	    "not_after, "
	    "changed_at) SELECT gen_random_uuid(), decode(s, 'hex'), 'r', 0, 1, r::timestamptz, 'operator', "
	    "'2027-01-01', c::timestamptz FROM (VALUES ('01', '2025-11-01', '2026-01-20 00:00Z'), "
	    "('02', '2026-01-20 23:59:59Z', '2026-01-20 23:59:59Z'), ('03', '2026-01-20', '2026-01-21 00:00Z')) v (s, r, "
	    "c)");
	pg_exec("postgres", "ALTER TABLE ca.revocation ENABLE TRIGGER touch");
	pg_assert_value("SELECT string_agg(key, ',') FROM export.rows('revocations', '2026-01-20', '', 9)", "01,02");
	pg_assert_value("SELECT string_agg(key, ',') FROM export.rows('revocations', '2026-01-20', '01', 9)", "02");
	pg_assert_value("SELECT string_agg(key, ',') FROM export.rows('revocations', '2026-01-21', '', 9)", "03");
	pg_assert_value("SELECT count(*) FROM export.rows('revocations', '2025-11-01', '', 9)", "0");
	pg_exec("postgres", "DELETE FROM ca.revocation");
}

/* G-40: a table gains a column and the export stays; a view gains one of another class and it stops. G-41: so does what may be a contact. */
static void nothing_else_gets_out(void **state)
{
	(void) state;
	pg_exec("postgres", "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES "
	                    "('i', 'c', 'k', 'c', 'u', 'u', true)");
	pg_exec("postgres", "INSERT INTO ca.crl VALUES ('i', 0, 7, '" DAY " 01:00Z', '" DAY " 03:00Z', 0, now(), 'd')");
	pg_exec("postgres",
	    "ALTER TABLE ca.crl ADD COLUMN contact text DEFAULT 'ana'; COMMENT ON COLUMN ca.crl.contact IS 'RECOVERY: x'");
	pg_assert_value("SELECT string_agg(k, ',' ORDER BY k) FROM export.rows('crls', '" DAY
	                "', '', 9), jsonb_object_keys(item) k",
	    "entries,issuer,next_update,number,sha256,shard,this_update");
	pg_exec("postgres", "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES "
	                    "('ana@example.com', 'c', 'k', 'c', 'u', 'u', true)");
	pg_exec("postgres",
	    "INSERT INTO ca.crl VALUES ('ana@example.com', 0, 7, '2026-01-07 01:00Z', '2026-01-07 03:00Z', 0, now(), 'd')");
	assert_string_equal(
	    pg_try("cairn_operator", "SELECT * FROM export.rows('crls', '2026-01-07', '', 9)", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_operator", "SELECT * FROM export.rows('requests', now()::date, '', 9)", NULL), "CA001");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM export.certificate", NULL), "42501");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM export.numbers('requests', '" DAY "')", NULL), "42501");
	pg_exec("postgres", "CREATE OR REPLACE VIEW export.crl AS SELECT c.issuer, c.shard, c.number, c.this_update, "
	                    "c.next_update, c.entries,"
	                    " encode(sha256(c.der), 'hex') AS sha256, c.contact FROM ca.crl c; COMMENT ON COLUMN "
	                    "export.crl.contact IS 'RECOVERY: x'");
	assert_string_equal(pg_try("cairn_operator", "SELECT * FROM export.rows('crls', '" DAY "', '', 9)", NULL), "CA001");
}

/* G-41: what subscribers may write as they like is searched for contacts, known or not; a name that looks like one holds up its own row and no
 * other. */
static void free_text_is_searched(void **state)
{
	(void) state;
	static const struct {
		const char *text;
		const char *hit;
	} texts[] = { { "ana@example.com", "t" }, { "ana%40example.com", "t" }, { "49301234567.example.com", "t" },
		{ "tel-4930-1234.example", "t" }, { "mailto.example", "t" }, { "www.example.com", "f" }, { "192.0.2.15", "f" },
		{ "2001:db8::1234:5678", "f" }, { "build-2026-11.example", "f" }, { "hotel-12.example", "f" },
		{ "203.0.113.254", "f" }, { "35412345.example.com", "t" }, { "49-30-123-456.example.com", "t" },
		{ "1234567.example", "t" }, { "123456.example", "f" }, { "build-2026-11-22.example", "t" } };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		pg_assert_value(arena_printf(t.c.arena, "SELECT export.contact_like('%s')", texts[i].text), texts[i].hit);
	}
	pg_assert_value("SELECT export.contact_like(NULL)", "f");
	pg_assert_value("SELECT string_agg(export.client(a), ',') FROM unnest(ARRAY['c4930123456789/1', 'tel-493012345/2', "
	                "'certbot/2', 'acme-123456', 'acme-12345678']) a",
	    "other,other,certbot,acme-123456,other");
	pg_exec("postgres", "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, "
	                    "crl_shard, issuer, profile, serial, "
	                    "spki_sha256, names, validations, signed_at, der) SELECT cairn.id_at('2026-01-08 "
	                    "01:00Z'::timestamptz + n * interval '1 s'), "
	                    "cairn.new_id(), cairn.new_id(), now(), now(), now(), 0, 'i', 'p', sha256(n::text::bytea), "
	                    "sha256('k'), ARRAY['www.example.com', "
	                    "CASE n WHEN 2 THEN '+'|| '49301234567' ELSE 'x' || n END], '{}', '2026-01-08 01:00Z', "
	                    "'d' FROM generate_series(1, 3) n");
	int64_t rows = 0;
	bool made = false;
	int64_t day = 0;
	assert_true(export_day_read("2026-01-08", &day));
	const struct export_run run = { t.folder, "operator eve", "test" };
	ctx_forgive(&t.c);
	assert_int_equal(export_day(&t.c, &run, day, &rows, &made), 0);
	assert_int_equal(rows, 2);
	assert_non_null(strstr(content("manifest-2026-01-08.json"), "\"rows\":2,\"withheld\":1"));
	assert_null(strstr(content("certificates-2026-01-08.csv"), "4930123"));
	assert_non_null(strstr(content("certificates-2026-01-08.csv"), "x3"));
}

static void fields_of_csv(void **state)
{
	static const struct {
		const char *json;
		const char *csv;
	} cases[] = { { "\"a\"", "a" }, { "null", "" }, { "7", "7" }, { "\"a,b\"", "\"a,b\"" },
		{ "\"a\\\"b\"", "\"a\"\"b\"" }, { "\"=1+1\"", "\"'=1+1\"" },
		{ "[\"a.test\",\"b.test\"]", "\"[\"\"a.test\"\",\"\"b.test\"\"]\"" }, { "true", "true" },
		{ "\"a\\r\\nb\"", "\"a\r\nb\"" } };
	int64_t day = 0;
	(void) state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *json = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		assert_string_equal(export_csv_field(t.c.arena, json), cases[i].csv);
		json_decref(json);
	}
	assert_true(export_day_read("1970-01-02", &day));
	assert_int_equal(day, 1);
	assert_false(export_day_read("2026-02-30", &day));
	assert_false(export_day_read("2026-1-5", &day));
	assert_false(export_day_read("x", &day));
	assert_string_equal(export_day_text(t.c.arena, 20458), "2026-01-05");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_run),
		cmocka_unit_test(small_counts_are_left_out),
		cmocka_unit_test(a_day_is_written_once),
		cmocka_unit_test(free_text_is_searched),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(nobody_writes_beside_it),
		cmocka_unit_test(anybody_may_read_it),
		cmocka_unit_test(a_manifest_is_of_its_day),
		cmocka_unit_test(revocations_are_told_when_recorded),
		cmocka_unit_test(nothing_else_gets_out),
		cmocka_unit_test(fields_of_csv),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
