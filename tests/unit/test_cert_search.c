/* link: cli */
/* Certificates as `cairn cert` finds them: by each condition, page by page, and without reading the whole of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cert_rows.h"
#include "lib/crypto/digest.h"
#include "tests/unit/pg.h"

#define ACCOUNT(n) "'7193f000-0000-7000-8000-000000000" n "00'"
#define MANY 3000

static struct ctx c;

/* Certificate i has the names hI.example.test and *.wI.example.test; each tenth also shop.test; its own key; accounts 1 and 2 take turns. */
static int setup(void **state)
{
	char sql[1500];
	(void) state;
	pg_start();
	pg_check_statements("cairn_operator", cert_statements, cert_statements_n); /* style 17 */
	db_statements(cert_statements, cert_statements_n);
	db_configure(pg_conninfo("cairn_operator"), 2, 30000);
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true), "
	                       "('e2', '\\x03', '\\x04', 'chain', 'crl2', 'aia', true)");
	snprintf(sql, sizeof(sql),
	    "WITH n AS (SELECT cairn.new_id() AS id, cairn.new_id() AS o, decode('0102030405' || lpad(to_hex(i), 8, '0'), "
	    "'hex') AS "
	    "serial, i, CASE i %% 2 WHEN 1 THEN " ACCOUNT("1") " ELSE " ACCOUNT(
	        "2") " END::uuid AS account FROM generate_series(1, %d) AS i), "
	             "s AS (INSERT INTO ca.serial SELECT serial, id FROM n), o AS (INSERT INTO acme.orders (id, "
	             "account_id, "
	             "identifier_types, identifier_values, authorizations, profile, expires_at, certificate_id) SELECT o, "
	             "account, "
	             "'{dns}', '{a.test}', ARRAY[id], 'classic', now(), id FROM n) "
	             "INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, "
	             "issuer, profile, "
	             "serial, spki_sha256, names, validations, der, signed_at) SELECT id, o, account, now() - interval '9 "
	             "d', now() + "
	             "i * interval '1 hour', now(), 0, 'e1', CASE i WHEN 7 THEN 'rare' ELSE 'classic' END, serial, "
	             "sha256(i::text::bytea), "
	             "ARRAY['h' || i || '.example.test', '*.w' || i || '.example.test'] || CASE i %% 10 WHEN 0 THEN "
	             "ARRAY['shop.test'] ELSE '{}' END, "
	             "'{}', serial, now() FROM n",
	    MANY);
	pg_exec("postgres", sql);
	pg_exec("postgres",
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, not_after) SELECT "
	    "id, serial, issuer, 0, 4, 'operator', not_after FROM ca.certificate WHERE profile = 'rare'");
	ctx_init(&c);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&c);
	return pg_group_teardown(state);
}

static struct cert_query query(void)
{
	return (struct cert_query) { .limit = 50, .look = 20000 };
}

static struct cert_page find(const struct cert_query *q)
{
	struct cert_page page;
	if (cert_find(&c, q, &page) != 0) {
		fail_msg("%s: %s", c.err.detail, c.err.cause);
	}
	return page;
}

static struct cert_page find_name(const char *name)
{
	struct cert_query q = query();
	assert_int_equal(cert_query_name(&c, name, &q), 0);
	return find(&q);
}

static void assert_one(const struct cert_page *page, const char *serial)
{
	assert_int_equal(page->certificates.n, 1);
	assert_string_equal(page->certificates.v[0].serial, serial);
	assert_null(page->next);
}

/* By each of the conditions. */
static void test_conditions(void **state)
{
	uint8_t serial[] = { 1, 2, 3, 4, 5, 0, 0, 0, 7 };
	uint8_t digest[SHA256_SIZE];
	(void) state;
	struct cert_page page = find_name("H7.example.test");
	assert_one(&page, "010203040500000007");
	assert_string_equal(page.certificates.v[0].status, "revoked");
	page = find_name("anything.w8.example.test"); /* the wildcard covers it */
	assert_one(&page, "010203040500000008");
	page = find_name("*.w9.example.test");
	assert_one(&page, "010203040500000009");
	page = find_name(".w9.example.test");
	assert_one(&page, "010203040500000009");
	assert_int_equal(find_name("h7.example.tes").certificates.n, 0);
	assert_int_equal(find_name(".xample.test").certificates.n, 0); /* whole labels */
	struct cert_query q = query();
	q.serial = (struct bytes) { serial, sizeof(serial) };
	page = find(&q);
	assert_one(&page, "010203040500000007");
	q.status = "valid";
	assert_int_equal(find(&q).certificates.n, 0);
	q = query();
	sha256_of(bytes_of_text("12"), digest);
	q.spki_sha256 = (struct bytes) { digest, sizeof(digest) };
	page = find(&q);
	assert_one(&page, "01020304050000000c");
	q = query();
	q.expiring = timestamp_add_s(clock_now(), 5 * 3600 + 1800);
	page = find(&q);
	assert_int_equal(page.certificates.n, 5);
	assert_string_equal(page.certificates.v[0].serial, "010203040500000001");
	q = query();
	q.profile = "rare";
	assert_int_equal(find(&q).certificates.n, 1);
	q.issuer = "e2";
	assert_int_equal(find(&q).certificates.n, 0);
	struct cert_page none; /* a slip of the pen is told, and not sought for in all there are */
	q.issuer = "e3";
	assert_int_equal(cert_find(&c, &q, &none), -1);
	assert_int_equal(c.err.type, PROBLEM_NOT_FOUND);
	ctx_forgive(&c);
}

/* All pages together have each certificate once, in an order that stays; a page is bounded by what it looks at, too. */
static void check_pages(struct cert_query q, size_t expected)
{
	size_t n = 0;
	static char seen[MANY + 1];
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 200; i++) {
		struct cert_page page = find(&q);
		assert_true(page.certificates.n <= (size_t) q.limit && page.looked <= q.look);
		for (size_t k = 0; k < page.certificates.n; k++) {
			long number = strtol(page.certificates.v[k].serial + 10, NULL, 16);
			assert_true(number > 0 && number <= MANY && seen[number] == 0);
			seen[number] = 1;
			n++;
		}
		if (page.next == NULL) {
			assert_int_equal(n, expected);
			return;
		}
		assert_int_equal(cert_query_after(c.arena, page.next, &q), 0);
	}
	fail_msg("there is no end");
}

static void test_pages(void **state)
{
	(void) state;
	struct cert_query q = query();
	check_pages(q, MANY);
	q.status = "revoked"; /* one of them: pages that find little */
	q.look = 400;
	check_pages(q, 1);
	q = query();
	q.limit = 333;
	assert_int_equal(cert_query_name(&c, ".example.test", &q), 0); /* each has two names below it, and stands once */
	check_pages(q, MANY);
	assert_int_equal(cert_query_name(&c, ".shop.test", &q), 0);
	check_pages(q, MANY / 10);
	char *account = pg_value("SELECT cairn.id_text(" ACCOUNT("1") ")");
	q = query();
	assert_int_equal(id_parse(bytes_of_text(account), &q.account_id), 0);
	free(account);
	check_pages(q, MANY / 2);
	q = query();
	q.expiring = timestamp_add_s(clock_now(), 1000 * 3600 + 1800);
	check_pages(q, 1000);
	assert_int_equal(cert_query_after(c.arena, "nonsense", &q), -1);
}

/* No table is read as a whole: rows that were fetched for a page, of 3000 that are there. */
static void assert_reads(const char *arguments, long most)
{
	char sql[900];
	snprintf(sql, sizeof(sql),
	    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
	    "BEGIN; "
	    "SELECT looked FROM ca.find_certificates(%s, 10, 20000); "
	    "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) || ' ' || sum(seq_scan) FROM pg_stat_xact_user_tables "
	    "WHERE schemaname IN ('ca', 'acme')",
	    arguments);
	char *value = pg_value(sql);
	long rows = strtol(value, NULL, 10);
	if (rows == 0 || rows > most || strcmp(strchr(value, ' '), " 0") != 0) {
		fail_msg("%s: %s rows and whole tables read", arguments, value);
	}
	free(value);
}

static void test_no_whole_table(void **state)
{
	(void) state;
	pg_exec("postgres", "ANALYZE");
	assert_reads("'\\x010203040500000007', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", 5);
	assert_reads("NULL, NULL, NULL, sha256('7'), NULL, NULL, NULL, NULL, NULL, NULL, NULL", 5);
	assert_reads("NULL, ARRAY[reverse('h7.example.test')], ARRAY[reverse('h7.example.test')], NULL, NULL, NULL, NULL, "
	             "NULL, NULL, NULL, NULL",
	    5);
	assert_reads("NULL, NULL, NULL, NULL, " ACCOUNT("1") ", NULL, NULL, NULL, NULL, NULL, NULL", 200);
	assert_reads("NULL, NULL, NULL, NULL, NULL, now() + interval '999 h', NULL, NULL, NULL, NULL, NULL", 200);
	assert_reads(
	    "NULL, ARRAY[reverse('.test')], ARRAY[reverse('.test') || '~'], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
	    200);
	assert_reads("NULL, NULL, NULL, NULL, NULL, NULL, 'e1', NULL, NULL, NULL, NULL", 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_no_whole_table),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
