/* link: cli */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>

#include "cli/migrate.h"
#include "tests/unit/pg.h"

static char folder[] = "/tmp/cairn-migrate-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void delete_file(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static int run(const char *dir, const char *option)
{
	char *argv[] = { strdup("migrate"), strdup("--database"), strdup(pg_conninfo("cairn_owner")), strdup("--dir"),
		strdup(dir), option == NULL ? NULL : strdup(option), NULL };
	int result = cli_migrate(option == NULL ? 5 : 6, argv);
	for (size_t i = 0; i < COUNT_OF(argv); i++) {
		free(argv[i]);
	}
	return result;
}

static int setup(void **state)
{
	(void) state;
	pg_start_empty();
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void) state;
	pg_stop();
	delete_file("0001_a.sql");
	delete_file("0002_b.sql");
	delete_file("0003_c.sql");
	rmdir(folder);
	return 0;
}

static const char first[] = "CREATE SCHEMA cairn; CREATE TABLE cairn.migration (number int8 PRIMARY KEY, name text, "
                            "sha256 bytea, applied_at timestamptz DEFAULT now())";

static void test_shows_first(void **state)
{
	(void) state;
	write_file("0001_a.sql", first);
	write_file("0002_b.sql", "CREATE TABLE cairn.b ()");
	write_file("notes.txt", "not a migration");
	assert_int_equal(run(folder, NULL), 0);
	assert_int_equal(run(folder, "--dry-run"), 0);
	pg_assert_value("SELECT to_regclass('cairn.migration') IS NULL", "t");
	assert_int_equal(run(folder, "--yes"), 0);
	pg_assert_value("SELECT string_agg(name, ' ' ORDER BY number) FROM cairn.migration", "0001_a.sql 0002_b.sql");
	assert_int_equal(run(folder, "--yes"), 0);
	assert_int_equal(run(folder, "--json"), 0);
	delete_file("notes.txt");
}

static void test_all_or_nothing(void **state)
{
	(void) state;
	write_file("0003_c.sql", "CREATE TABLE cairn.c (); SELECT 1/0");
	assert_int_equal(run(folder, "--yes"), 1);
	pg_assert_value("SELECT to_regclass('cairn.c') IS NULL AND (SELECT count(*) FROM cairn.migration) = 2", "t");
	write_file("0003_c.sql", "CREATE TABLE cairn.c ()");
	assert_int_equal(run(folder, "--yes"), 0);
	pg_assert_value("SELECT to_regclass('cairn.c') IS NOT NULL", "t");
}

static void test_refuses_another_history(void **state)
{
	(void) state;
	write_file("0002_b.sql", "CREATE TABLE cairn.b (i int)");
	assert_int_equal(run(folder, NULL), 1); /* changed */
	delete_file("0002_b.sql");
	assert_int_equal(run(folder, NULL), 1); /* missing in the middle */
	write_file("0002_b.sql", "CREATE TABLE cairn.b ()");
	assert_int_equal(run(folder, NULL), 0);
	delete_file("0003_c.sql");
	assert_int_equal(run(folder, NULL), 1); /* the database is newer */
	write_file("0003_d.sql", "CREATE TABLE cairn.c ()");
	assert_int_equal(run(folder, NULL), 1); /* another name */
	delete_file("0003_d.sql");
	write_file("0003_c.sql", "CREATE TABLE cairn.c ()");
	pg_exec("cairn_owner", "DELETE FROM cairn.migration WHERE number = 2");
	assert_int_equal(run(folder, "--yes"), 1); /* a hole */
	write_file("0003_e.sql", "CREATE TABLE cairn.e ()");
	assert_int_equal(run(folder, NULL), 1); /* one number twice */
	delete_file("0003_e.sql");
}

/* Numbers may be left out, but what comes later comes behind. */
static void test_numbers_left_out(void **state)
{
	(void) state;
	write_file("0006_f.sql", "CREATE TABLE cairn.f ()");
	assert_int_equal(run(folder, "--yes"), 0);
	assert_int_equal(run(folder, "--yes"), 0);
	pg_assert_value("SELECT max(number) FROM cairn.migration", "6");
	write_file("0005_g.sql", "CREATE TABLE cairn.g ()");
	assert_int_equal(run(folder, "--yes"), 1); /* it would have been before */
	delete_file("0005_g.sql");
	delete_file("0006_f.sql");
	assert_int_equal(run(folder, NULL), 1); /* the database is newer */
	pg_exec("cairn_owner", "DELETE FROM cairn.migration WHERE number = 6");
}

/* Functions run whenever their file changed, and again behind each migration, which may have dropped them. */
static void test_functions(void **state)
{
	(void) state;
	char sub[64];
	char functions[64];
	snprintf(sub, sizeof(sub), "%s/m", folder);
	snprintf(functions, sizeof(functions), "%s/functions", folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(mkdir(functions, 0700), 0);
	pg_exec("cairn_owner", "DROP SCHEMA cairn CASCADE");
	write_file("m/0001_a.sql", first);
	write_file("m/0002_b.sql",
	    "CREATE TABLE cairn.function_file (name text PRIMARY KEY, sha256 bytea, applied_at timestamptz)");
	write_file("functions/b.sql", "CREATE OR REPLACE FUNCTION cairn.b() RETURNS int LANGUAGE sql AS 'SELECT 1'");
	assert_int_equal(run(sub, NULL), 0);
	pg_assert_value("SELECT to_regproc('cairn.b') IS NULL", "t");
	assert_int_equal(run(sub, "--yes"), 0);
	pg_assert_value("SELECT cairn.b() FROM cairn.function_file WHERE name = 'b.sql'", "1");
	pg_exec("cairn_owner", "DROP FUNCTION cairn.b");
	assert_int_equal(run(sub, "--yes"), 0); /* the same file does not run again */
	pg_assert_value("SELECT to_regproc('cairn.b') IS NULL", "t");
	write_file("m/0003_c.sql", "CREATE TABLE cairn.c ()");
	assert_int_equal(run(sub, "--yes"), 0); /* but behind a migration it does */
	pg_assert_value("SELECT cairn.b()", "1");
	write_file("functions/b.sql", "CREATE OR REPLACE FUNCTION cairn.b() RETURNS int LANGUAGE sql AS 'SELECT 2'");
	assert_int_equal(run(sub, "--json"), 0);
	assert_int_equal(run(sub, "--yes"), 0);
	pg_assert_value("SELECT cairn.b()", "2");
	write_file(
	    "functions/b.sql", "CREATE OR REPLACE FUNCTION cairn.b() RETURNS int LANGUAGE sql AS 'SELECT 3'; SELECT 1/0");
	assert_int_equal(run(sub, "--yes"), 1); /* all or nothing */
	pg_assert_value("SELECT cairn.b()", "2");
	static const char *const made[] = { "m/0001_a.sql", "m/0002_b.sql", "m/0003_c.sql", "functions/b.sql" };
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		delete_file(made[i]);
	}
	rmdir(sub);
	rmdir(functions);
}

static void test_usage(void **state)
{
	(void) state;
	assert_int_equal(run(folder, "--nonsense"), 2);
	assert_int_equal(run("/nonexistent", NULL), 1);
	char name[] = "migrate";
	assert_int_equal(cli_migrate(1, (char *[]) { name, NULL }), 2);
}

/* With --config the owner's name takes the place of the registration authority's. */
static void test_config(void **state)
{
	(void) state;
	char path[256];
	char option[] = "--config";
	char name[] = "migrate";
	char text[512];
	char dir[] = "--dir";
	snprintf(text, sizeof(text), "ra:\n  database: \"%s\"\n", pg_conninfo("cairn_ra"));
	write_file("cairn.yaml", text);
	snprintf(path, sizeof(path), "%s/cairn.yaml", folder);
	assert_int_equal(cli_migrate(5, (char *[]) { name, option, path, dir, folder, NULL }), 1); /* the hole of before */
	write_file("cairn.yaml", "log:\n  level: info\n");
	assert_int_equal(cli_migrate(5, (char *[]) { name, option, path, dir, folder, NULL }), 1); /* no database */
	pg_exec("cairn_owner", "INSERT INTO cairn.migration SELECT 2, '0002_b.sql', sha256('CREATE TABLE cairn.b ()')");
	write_file("cairn.yaml", text);
	assert_int_equal(cli_migrate(5, (char *[]) { name, option, path, dir, folder, NULL }), 0);
	delete_file("cairn.yaml");
}

static void test_real_ones(void **state)
{
	(void) state;
	pg_exec("cairn_owner", "DROP SCHEMA cairn CASCADE");
	assert_int_equal(run("db/migrations", "--yes"), 0);
	pg_assert_value("SELECT count(*) > 0 FROM cairn.function_file", "t");
	assert_int_equal(run("db/migrations", "--yes"), 0);
	pg_assert_value("SELECT count(*) > 4 AND min(number) = 1 FROM cairn.migration", "t");
	/* partitions stand before anything writes, also after a long rest */
	pg_exec("cairn_owner", "DO $$ BEGIN EXECUTE 'DROP TABLE ' || cairn.partition_name('log.event', "
	                       "cairn.partition_start(now(), 1)); END $$");
	assert_int_equal(run("db/migrations", NULL), 0);
	pg_assert_value("SELECT cairn.partitions_until() > now()", "f");
	assert_int_equal(run("db/migrations", "--yes"), 0);
	pg_assert_value("SELECT cairn.partitions_until() > now()", "t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shows_first),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_refuses_another_history),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_numbers_left_out),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_real_ones),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
