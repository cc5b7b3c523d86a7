#include "lib/db/schema.h"

#include <libpq-fe.h>
#include <string.h>

#include "lib/base/auto.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

const char schema_migrations[] = CAIRN_MIGRATIONS; /* CMakeLists.txt reads the folder */

static bool is_among(const char *name, size_t length, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
			return true;
		}
	}
	return false;
}

const char *schema_lacking(struct arena *a, const char *wanted, const char *const *names, size_t n)
{
	for (const char *at = wanted; *at != '\0'; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		if (!is_among(at, length, names, n)) {
			return arena_text_n(a, at, length);
		}
		at += length;
	}
	return NULL;
}

int schema_find(struct ctx *c, const char *conninfo, const char **ret_lacking)
{
	static const char *const keys[] = { "connect_timeout", "client_encoding", "dbname", NULL };
	const char *const values[] = { "3", "UTF8", conninfo, NULL };
	AUTO(PGconn) conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(conn) != CONNECTION_OK) {
		ctx_cause(c, "%s", PQerrorMessage(conn));
		return FAIL(c, UNAVAILABLE, "The database can't be reached");
	}
	AUTO(PGresult) rows = PQexec(conn, "SELECT name FROM cairn.migration ORDER BY number");
	const char *state = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
	size_t n = PQresultStatus(rows) == PGRES_TUPLES_OK ? (size_t) PQntuples(rows) : 0;
	/* no such table, or no right to read it: that came with a migration too */
	bool old = state != NULL && (strncmp(state, "42", 2) == 0 || strncmp(state, "3F", 2) == 0);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK && !old) {
		ctx_cause(c, "%s", PQerrorMessage(conn));
		return FAIL(c, UNAVAILABLE, "The database can't be read");
	}
	const char **names = ARENA_ARRAY(c->arena, n, const char *);
	for (size_t i = 0; i < n; i++) {
		names[i] = PQgetvalue(rows, (int) i, 0);
	}
	const char *newest = strrchr(schema_migrations, ' ');
	*ret_lacking =
	    old ? newest == NULL ? schema_migrations : newest + 1 : schema_lacking(c->arena, schema_migrations, names, n);
	return 0;
}
