#include "cli/migrate.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/auto.h"
#include "lib/base/base64.h"
#include "lib/base/config.h"
#include "lib/crypto/digest.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

#define INSTALLED_FOLDER "/usr/share/cairn/migrations"

/* Held while the history is read and extended; "cairn" in ASCII. */
static const char lock_sql[] = "SELECT pg_advisory_lock(427020808814)";

/* Before anything writes after a long rest: cairn-subscriber makes partitions only while it runs. */
static const char partitions_sql[] = "DO $$ BEGIN IF to_regproc('cairn.make_partitions') IS NOT NULL THEN PERFORM "
                                     "cairn.make_partitions(7); END IF; END $$";

struct options {
	const char *database;
	const char *config;
	const char *folder;
	bool yes;
	bool json;
	bool help;
};

struct schema_files {
	struct migration_list migrations;
	struct migration_list functions;
};

struct row {
	int64_t number;
	const char *name;
	const char *sha256;
	bool applied;
};

struct row_list {
	struct row *v;
	size_t n;
};

/* What is printed with --json. */
struct report {
	struct row_list migrations;
	struct row_list functions; /* files of functions, number 0 */
	int64_t pending;
	bool done;
};

static const struct field row_field[] = {
	FIELD(struct row, number),
	FIELD(struct row, name),
	FIELD(struct row, sha256),
	FIELD(struct row, applied),
};
static const struct fields row_fields = FIELDS(struct row, row_field);
static const struct field report_field[] = {
	FIELD_STRUCTS(struct report, migrations, &row_fields),
	FIELD_STRUCTS(struct report, functions, &row_fields),
	FIELD(struct report, pending),
	FIELD(struct report, done),
};
static const struct fields report_fields = FIELDS(struct report, report_field);

static const char usage[] =
    "usage: cairn migrate (--database CONNINFO | --config FILE) [--dir FOLDER] [--dry-run | --yes] [--json]\n"
    "Shows which migrations the database lacks, and runs them with --yes, as role cairn_owner.\n";

static int sql_failed(struct ctx *c, PGconn *conn, const char *what)
{
	const char *message = PQerrorMessage(conn);
	return FAIL(c, SERVER_INTERNAL, "%s: %.*s", what, (int) strcspn(message, "\n"), message);
}

static int command(struct ctx *c, PGconn *conn, const char *sql, const char *what)
{
	AUTO(PGresult) result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : sql_failed(c, conn, what);
}

/* The database of a configuration, as its owner: the passfile of the string has a line for cairn_owner too. */
static int database_of_config(struct ctx *c, const char *file, const char **ret)
{
	struct config *config = NULL;
	TRY(config_load(c, (const char *const[]) { file }, 1, &config));
	const char *conninfo = config->ra.process.database;
	*ret = conninfo == NULL ? NULL : arena_printf(c->arena, "%s user=cairn_owner", conninfo);
	config_free(config);
	return *ret == NULL ? FAIL(c, MALFORMED, "%s: ra.database is not set", file) : 0;
}

/* Next to the sources when run from a build folder, else where the package puts it. */
static const char *default_folder(struct arena *a)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	for (int up = 0; n > 0 && up < 2; up++) {
		path[n] = '\0';
		char *slash = strrchr(path, '/');
		n = slash == NULL ? 0 : slash - path;
		const char *folder = arena_printf(a, "%.*s/db/migrations", (int) n, path);
		if (access(folder, R_OK) == 0) {
			return folder;
		}
	}
	return INSTALLED_FOLDER;
}

static int connect_database(struct ctx *c, const char *conninfo, PGconn **ret)
{
	PGconn *conn = PQconnectdb(conninfo);
	arena_on_free(c->arena, (void (*)(void *)) PQfinish, conn);
	if (PQstatus(conn) != CONNECTION_OK) {
		return sql_failed(c, conn, "The database can't be reached");
	}
	*ret = conn;
	return command(c, conn, "SET client_min_messages = warning", "The session can't be set up");
}

/* One row of history against the file at its place: what ran is the beginning of what there is. */
static int compare(struct ctx *c, PGresult *history, int row, struct migration_list *list)
{
	const char *name = PQgetvalue(history, row, 1);
	long long number = strtoll(PQgetvalue(history, row, 0), NULL, 10);
	if ((size_t) row >= list->n || number > list->v[list->n - 1].number) {
		return FAIL(c, MALFORMED, "The database has run %s, which is not here: it is newer than this program", name);
	}
	struct migration *m = &list->v[row];
	if (number > m->number) {
		return FAIL(c, MALFORMED, "The database has run %s without the migrations before it", name);
	}
	const char *sha256 = hex_encode(c->arena, (struct bytes) { m->sha256, sizeof(m->sha256) });
	if (strcmp(name, m->name) != 0) {
		return FAIL(c, MALFORMED, "The database has run %s, but here is %s", name, m->name);
	}
	if (strcmp(PQgetvalue(history, row, 2), sha256) != 0) {
		return FAIL(c, MALFORMED, "%s changed after the database had run it on %s", name, PQgetvalue(history, row, 3));
	}
	m->applied = true;
	return 0;
}

static int read_history(struct ctx *c, PGconn *conn, struct migration_list *list)
{
	AUTO(PGresult) table = PQexec(conn, "SELECT 1 WHERE to_regclass('cairn.migration') IS NOT NULL");
	if (PQresultStatus(table) != PGRES_TUPLES_OK) {
		return sql_failed(c, conn, "The history can't be read");
	}
	if (PQntuples(table) == 0) {
		return 0; /* the first migration makes the table */
	}
	AUTO(PGresult)
	history =
	    PQexec(conn, "SELECT number, name, encode(sha256, 'hex'), applied_at FROM cairn.migration ORDER BY number");
	if (PQresultStatus(history) != PGRES_TUPLES_OK) {
		return sql_failed(c, conn, "The history can't be read");
	}
	for (int i = 0; i < PQntuples(history); i++) {
		TRY(compare(c, history, i, list));
	}
	return 0;
}

/* A file of functions is done when it is the one that ran last; all are run again behind a migration, which may have dropped
 * what they make. */
static int read_function_files(struct ctx *c, PGconn *conn, bool migrated, struct migration_list *list)
{
	AUTO(PGresult) table = PQexec(conn, "SELECT 1 WHERE to_regclass('cairn.function_file') IS NOT NULL");
	if (PQresultStatus(table) != PGRES_TUPLES_OK) {
		return sql_failed(c, conn, "The history can't be read");
	}
	if (migrated || PQntuples(table) == 0) {
		return 0;
	}
	AUTO(PGresult) history = PQexec(conn, "SELECT name, encode(sha256, 'hex') FROM cairn.function_file");
	if (PQresultStatus(history) != PGRES_TUPLES_OK) {
		return sql_failed(c, conn, "The history can't be read");
	}
	for (int row = 0; row < PQntuples(history); row++) {
		for (size_t i = 0; i < list->n; i++) {
			const char *sha256 = hex_encode(c->arena, (struct bytes) { list->v[i].sha256, MIGRATE_SHA256_SIZE });
			list->v[i].applied = list->v[i].applied || (strcmp(PQgetvalue(history, row, 0), list->v[i].name) == 0 &&
			                                               strcmp(PQgetvalue(history, row, 1), sha256) == 0);
		}
	}
	return 0;
}

static int record(struct ctx *c, PGconn *conn, const struct migration *m)
{
	static const char migration_sql[] =
	    "INSERT INTO cairn.migration (name, sha256, number) VALUES ($1, decode($2, 'hex'), $3)";
	static const char function_sql[] = "INSERT INTO cairn.function_file (name, sha256) VALUES ($1, decode($2, 'hex')) "
	                                   "ON CONFLICT (name) DO UPDATE SET sha256 = EXCLUDED.sha256, applied_at = now()";
	const char *values[] = {
		m->name,
		hex_encode(c->arena, (struct bytes) { m->sha256, sizeof(m->sha256) }),
		arena_printf(c->arena, "%lld", (long long) m->number),
	};
	bool is_functions = m->number == 0;
	AUTO(PGresult)
	result = PQexecParams(
	    conn, is_functions ? function_sql : migration_sql, is_functions ? 2 : 3, NULL, values, NULL, NULL, 0);
	return PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : sql_failed(c, conn, "The history can't be written");
}

/* A failure ends the connection, and the transaction with it. */
static int apply(struct ctx *c, PGconn *conn, const struct migration *m)
{
	TRY(command(c, conn, "BEGIN", "A transaction can't be begun"));
	TRY(command(c, conn, (const char *) m->text.p, m->name));
	TRY(record(c, conn, m));
	return command(c, conn, "COMMIT", m->name);
}

static struct row_list rows_of(struct ctx *c, const struct migration_list *list, bool done)
{
	struct row_list rows = { ARENA_ARRAY(c->arena, list->n, struct row), list->n };
	for (size_t i = 0; i < list->n; i++) {
		const struct migration *m = &list->v[i];
		rows.v[i] = (struct row) {
			.number = m->number,
			.name = m->name,
			.sha256 = hex_encode(c->arena, (struct bytes) { m->sha256, sizeof(m->sha256) }),
			.applied = m->applied || done,
		};
	}
	return rows;
}

static void print_json(struct ctx *c, const struct schema_files *files, int64_t pending, bool done)
{
	struct report report = { .pending = done ? 0 : pending, .done = done };
	report.migrations = rows_of(c, &files->migrations, done);
	report.functions = rows_of(c, &files->functions, done);
	struct bytes text = fields_to_json(c->arena, &report_fields, &report);
	printf("%s\n", (const char *) text.p);
}

static int64_t show_pending(const struct options *o, const struct migration_list *list)
{
	int64_t pending = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (!list->v[i].applied) {
			pending++;
			if (!o->json) {
				printf("%s %s\n", o->yes ? "running" : "would run", list->v[i].name);
			}
		}
	}
	return pending;
}

static int apply_pending(struct ctx *c, PGconn *conn, const struct migration_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!list->v[i].applied) {
			TRY(apply(c, conn, &list->v[i]));
		}
	}
	return 0;
}

static int apply_all(struct ctx *c, PGconn *conn, const struct schema_files *files)
{
	TRY(apply_pending(c, conn, &files->migrations));
	TRY(apply_pending(c, conn, &files->functions));
	return command(c, conn, partitions_sql, "The partitions of the log can't be made");
}

static int migrate(struct ctx *c, const struct options *o)
{
	struct schema_files files = { 0 };
	PGconn *conn = NULL;
	const char *database = o->database;
	const char *folder = o->folder == NULL ? default_folder(c->arena) : o->folder;
	if (database == NULL) {
		TRY(database_of_config(c, o->config, &database));
	}
	TRY(migrate_read_folder(c, folder, &files.migrations));
	TRY(migrate_read_functions(c, folder, &files.functions));
	TRY(connect_database(c, database, &conn));
	TRY(command(c, conn, lock_sql, "The lock can't be taken"));
	TRY(read_history(c, conn, &files.migrations));
	int64_t pending = show_pending(o, &files.migrations);
	TRY(read_function_files(c, conn, pending > 0, &files.functions));
	pending += show_pending(o, &files.functions);
	if (o->yes) {
		TRY(apply_all(c, conn, &files));
	}
	if (o->json) {
		print_json(c, &files, pending, o->yes);
	} else if (pending == 0) {
		printf("The database is up to date (%zu migrations).\n", files.migrations.n);
	} else if (!o->yes) {
		printf("Nothing was changed. Run it again with --yes.\n");
	}
	return 0;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "database", required_argument, NULL, 'd' },
		{ "config", required_argument, NULL, 'c' },
		{ "dir", required_argument, NULL, 'm' },
		{ "migrations", required_argument, NULL, 'm' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "yes", no_argument, NULL, 'y' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool dry_run = false;
	int one = 0;
	optind = 0;
	while ((one = getopt_long(argc, argv, "", table, NULL)) != -1) {
		o->database = one == 'd' ? optarg : o->database;
		o->config = one == 'c' ? optarg : o->config;
		o->folder = one == 'm' ? optarg : o->folder;
		o->yes = o->yes || one == 'y';
		o->json = o->json || one == 'j';
		o->help = o->help || one == 'h';
		dry_run = dry_run || one == 'n';
		if (one == '?') {
			return -1;
		}
	}
	if (o->help) {
		return 0;
	}
	bool one_source = (o->database == NULL) != (o->config == NULL);
	return optind == argc && one_source && !(dry_run && o->yes) ? 0 : -1;
}

int cli_migrate(int argc, char **argv)
{
	struct options o = { 0 };
	struct ctx c;
	if (parse_options(argc, argv, &o) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.help) {
		fputs(usage, stdout);
		return 0;
	}
	ctx_init(&c);
	int result = migrate(&c, &o);
	if (result != 0) {
		fprintf(stderr, "cairn migrate: %s\n", c.err.detail);
	}
	ctx_done(&c);
	return result == 0 ? 0 : 1;
}
