/* A real PostgreSQL of its own for a test, with all migrations, and helpers to look into it. Include it behind cmocka.h.
 *
 *     static int group_setup(void **state) { pg_start(); db_configure(pg_conninfo("cairn_ra"), 4, 5000); ... }
 *     static int group_teardown(void **state) { db_thread_end(); pg_stop(); }
 */
#ifndef CAIRN_TESTS_PG_H
#define CAIRN_TESTS_PG_H

/* In SQL: what stands in the record of a validation of any method that passed. */
#define PG_RESOLUTIONS "'{\"resolutions\":[{\"type\":\"A\"},{\"type\":\"TXT\"}]}'"
#define PG_ATTEMPTS "'{\"attempts\":[{\"address_used\":\"127.0.0.1\"}]}'"

#include <dirent.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/db/db.h"
#include "lib/db/value.h"

static struct {
	char dir[64];
	pid_t pid;
} pg_cluster;

/* Roles that may log in; cairn_owner runs the migrations. */
static const char *const pg_roles[] = { "cairn_wfe", "cairn_ra", "cairn_ca", "cairn_subscriber", "cairn_operator",
	"cairn_auditor", "cairn_officer" };

/* Stays valid; a test may ask for at most 128. */
static inline const char *pg_conninfo(const char *role)
{
	static char texts[128][128];
	static size_t n;
	assert_true(n < COUNT_OF(texts));
	snprintf(texts[n], sizeof(texts[n]), "host=%s dbname=cairn user=%s", pg_cluster.dir, role);
	return texts[n++];
}

static inline PGconn *pg_connect(const char *role, const char *database)
{
	char text[256];
	snprintf(text, sizeof(text), "host=%s dbname=%s user=%s", pg_cluster.dir, database, role);
	PGconn *conn = PQconnectdb(text);
	if (PQstatus(conn) != CONNECTION_OK) {
		fail_msg("%s: %s", text, PQerrorMessage(conn));
	}
	return conn;
}

/* SQLSTATE of the text run as the role in a transaction of its own; "" when all went well. ret_value (may be NULL) gets
 * the first column of the first row, which the caller frees. */
static inline const char *pg_try(const char *role, const char *sql, char **ret_value)
{
	static char state[6];
	PGconn *conn = pg_connect(role, "cairn");
	PGresult *result = PQexec(conn, sql);
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	snprintf(state, sizeof(state), "%s", code == NULL ? "" : code);
	if (ret_value != NULL) {
		*ret_value = PQntuples(result) > 0 ? strdup(PQgetvalue(result, 0, 0)) : NULL;
	}
	PQclear(result);
	PQfinish(conn);
	return state;
}

/* Runs the text as the role; a failure fails the test. */
static inline void pg_exec(const char *role, const char *sql)
{
	PGconn *conn = pg_connect(role, "cairn");
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	}
	PQclear(result);
	PQfinish(conn);
}

/* First column of the first row, as the superuser; the caller frees it. NULL for no row. */
static inline char *pg_value(const char *sql)
{
	char *value = NULL;
	const char *state = pg_try("postgres", sql, &value);
	if (state[0] != '\0') {
		fail_msg("SQLSTATE %s: %s", state, sql);
	}
	return value;
}

static inline void pg_assert_value(const char *sql, const char *expected)
{
	char *value = pg_value(sql);
	assert_string_equal(value == NULL ? "(no row)" : value, expected);
	free(value);
}

static inline char *pg_read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *text = calloc(1, 200000);
	assert_true(fread(text, 1, 199999, file) > 0);
	fclose(file);
	return text;
}

static inline int pg_is_migration(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);
	return n > 4 && strcmp(entry->d_name + n - 4, ".sql") == 0;
}

/* All files of a folder, each in one transaction, as `cairn migrate` does. */
static inline void pg_run_folder(const char *folder)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, pg_is_migration, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		char *text = pg_read_file(path);
		print_message("[          ] %s\n", path);
		pg_exec("cairn_owner", text);
		free(text);
		free(list[i]);
	}
	free(list);
}

static inline void pg_migrate(void)
{
	pg_run_folder("db/migrations");
	pg_run_folder("db/functions");
	for (size_t i = 0; i < COUNT_OF(pg_roles); i++) {
		char sql[128];
		snprintf(sql, sizeof(sql), "ALTER ROLE %s LOGIN", pg_roles[i]);
		pg_exec("postgres", sql);
	}
}

static inline void pg_await(void)
{
	char text[128];
	snprintf(text, sizeof(text), "host=%s dbname=postgres user=postgres", pg_cluster.dir);
	for (int i = 0; i < 3000; i++) {
		if (PQping(text) == PQPING_OK) {
			return;
		}
		assert_int_equal(waitpid(pg_cluster.pid, NULL, WNOHANG), 0);
		nanosleep(&(struct timespec) { .tv_nsec = 20000000 }, NULL);
	}
	fail_msg("PostgreSQL did not start: see %s/log", pg_cluster.dir);
}

/* Runs the program and gives its exit status. */
static inline int pg_command(const char *program, const char *first, const char *second)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execlp(program, program, first, second, (char *) NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In memory if there is plenty: ext4 looks at each inode freed within the last minute before it gives one of a cluster's 1,500 away. */
static inline const char *pg_place(void)
{
	struct statvfs memory;
	bool plenty = statvfs("/dev/shm", &memory) == 0 && memory.f_bavail * memory.f_frsize > (UINT64_C(4) << 30);
	return plenty && access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

/* `template` may be NULL. */
static inline void pg_start_server(const char *template)
{
	snprintf(pg_cluster.dir, sizeof(pg_cluster.dir), "%s/cairn-pg-XXXXXX", pg_place());
	assert_non_null(mkdtemp(pg_cluster.dir));
	pg_cluster.pid = fork();
	assert_true(pg_cluster.pid >= 0);
	if (pg_cluster.pid == 0) {
		execl("tests/unit/pg_start.sh", "pg_start.sh", pg_cluster.dir, template, (char *) NULL);
		_exit(127);
	}
	pg_await();
}

static inline void pg_stop(void)
{
	kill(pg_cluster.pid, SIGQUIT);
	waitpid(pg_cluster.pid, NULL, 0);
	assert_int_equal(pg_command("rm", "-rf", pg_cluster.dir), 0);
}

/* A cluster with an empty database `cairn`. */
static inline void pg_start_empty(void)
{
	pg_start_server(NULL);
	PGconn *conn = pg_connect("postgres", "postgres");
	PQclear(PQexec(conn, "CREATE ROLE cairn_owner LOGIN CREATEROLE"));
	PQclear(PQexec(conn, "CREATE DATABASE cairn OWNER cairn_owner"));
	PQfinish(conn);
}

static inline void pg_template_make(const char *folder)
{
	char data[128];
	pg_start_empty();
	pg_migrate();
	kill(pg_cluster.pid, SIGINT); /* all is written before it ends */
	waitpid(pg_cluster.pid, NULL, 0);
	snprintf(data, sizeof(data), "%s/data", pg_cluster.dir);
	assert_int_equal(pg_command("tests/unit/pg_template.sh", folder, data), 0);
	assert_int_equal(pg_command("rm", "-rf", pg_cluster.dir), 0);
}

/* A cluster with all migrations: a copy of one beside the test's program, which the first test of a build folder makes. */
static inline void pg_start(void)
{
	char program[512] = "";
	char folder[sizeof(program) + 16];
	char path[sizeof(folder) + 8];
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	*strrchr(program, '/') = '\0';
	snprintf(folder, sizeof(folder), "%s/pg-template", program);
	snprintf(path, sizeof(path), "%s.lock", folder);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	if (pg_command("tests/unit/pg_template.sh", folder, NULL) != 0) {
		pg_template_make(folder);
	}
	assert_int_equal(flock(lock, LOCK_SH), 0); /* nobody makes it anew while it is copied */
	pg_start_server(folder);
	close(lock);
}

/* A place for ids that a test made up, which are of another time, in the tables that have one for each year. */
static inline void pg_add_partitions(const char *from, const char *to)
{
	char sql[512];
	snprintf(sql, sizeof(sql),
	    "DO $$ DECLARE t text; BEGIN FOR t IN SELECT name FROM cairn.partitioned WHERE months = 12 LOOP EXECUTE format("
	    "'CREATE TABLE %%s_test PARTITION OF %%s FOR VALUES FROM (%%L) TO (%%L)', t, t, '%s', '%s'); END LOOP; END $$",
	    from, to);
	pg_exec("cairn_owner", sql);
}

/* A place for ids of some days ago also in January, in the tables that have one for each year; or of another year, by one of its days. */
static inline void pg_add_year(const char *moment)
{
	char sql[700];
	snprintf(sql, sizeof(sql),
	    "DO $$ DECLARE t text; s timestamptz := cairn.partition_start(%s, 12); BEGIN FOR t IN SELECT name FROM "
	    "cairn.partitioned WHERE "
	    "months = 12 AND to_regclass(cairn.partition_name(name, s)) IS NULL LOOP EXECUTE format('CREATE TABLE %%s "
	    "PARTITION OF %%s FOR VALUES "
	    "FROM (%%L) TO (%%L)', cairn.partition_name(t, s), t, cairn.id_at(s), cairn.id_at(s + interval '1 year')); END "
	    "LOOP; END $$",
	    moment);
	pg_exec("cairn_owner", sql);
}

/* For cmocka_run_group_tests, where a test wants no more than that. */
static inline int pg_group_setup(void **state)
{
	(void) state;
	pg_start();
	return 0;
}

static inline int pg_group_teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	return 0;
}

static inline const struct field *pg_field(const struct fields *f, const char *name)
{
	for (size_t i = 0; f != NULL && i < f->n; i++) {
		if (strcmp(f->v[i].name, name) == 0) {
			return &f->v[i];
		}
	}
	return NULL;
}

static inline void pg_prepare(PGconn *conn, const struct statement *s)
{
	Oid types[32];
	size_t n = s->params == NULL ? 0 : s->params->n;
	assert_true(n <= COUNT_OF(types));
	for (size_t i = 0; i < n; i++) {
		types[i] = value_type(s->params->v[i].kind);
	}
	PGresult *result = PQprepare(conn, s->name, s->sql, (int) n, types);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		fail_msg("%s: %s", s->name, PQerrorMessage(conn));
	}
	PQclear(result);
}

static inline void pg_check_columns(PGconn *conn, const struct statement *s)
{
	PGresult *result = PQdescribePrepared(conn, s->name);
	size_t n_params = s->params == NULL ? 0 : s->params->n;
	assert_int_equal(PQnparams(result), n_params);
	for (int i = 0; s->row != NULL && i < PQnfields(result); i++) {
		const struct field *f = pg_field(s->row, PQfname(result, i));
		if (f == NULL || !value_fits(f->kind, PQftype(result, i))) {
			fail_msg(
			    "%s: column %s of type %u has no field that fits", s->name, PQfname(result, i), PQftype(result, i));
		}
	}
	PQclear(result);
}

/* Rights on tables and functions are looked at when a plan starts, which EXPLAIN does without running it. */
static inline void pg_check_rights(PGconn *conn, const struct statement *s)
{
	char sql[512];
	size_t n_params = s->params == NULL ? 0 : s->params->n;
	size_t n = (size_t) snprintf(sql, sizeof(sql), "EXPLAIN EXECUTE \"%s\"", s->name);
	for (size_t i = 0; i < n_params; i++) {
		n += (size_t) snprintf(sql + n, sizeof(sql) - n, "%sNULL%s", i == 0 ? "(" : ", ", i + 1 == n_params ? ")" : "");
	}
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail_msg("%s: %s", s->name, PQerrorMessage(conn));
	}
	PQclear(result);
}

/* Every statement can be prepared as the role that runs it, its columns fit the fields of its row, and the role has the
 * rights that it needs (style.md 17). */
static inline void pg_check_statements(const char *role, const struct statement *const *list, size_t n)
{
	PGconn *conn = pg_connect(role, "cairn");
	PQclear(PQexec(conn, "SET plan_cache_mode = force_generic_plan"));
	for (size_t i = 0; i < n; i++) {
		pg_prepare(conn, list[i]);
		pg_check_columns(conn, list[i]);
		pg_check_rights(conn, list[i]);
	}
	PQfinish(conn);
}

#endif
