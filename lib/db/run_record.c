#include "lib/db/run_record.h"

#include <libpq-fe.h>

#include "lib/base/auto.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

int run_record(struct ctx *c, const char *conninfo, const struct run_record *record)
{
	static const char *const keys[] = { "connect_timeout", "client_encoding", "dbname", NULL };
	const char *const values[] = { "3", "UTF8", conninfo, NULL };
	const char *const params[] = { record->instance, record->what, CAIRN_VERSION, record->config_sha256 };
	AUTO(PGconn) conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(conn) != CONNECTION_OK) {
		ctx_cause(c, "%s", PQerrorMessage(conn));
		return FAIL(c, UNAVAILABLE, "The database can't be reached");
	}
	AUTO(PGresult)
	result =
	    PQexecParams(conn, "SELECT cairn.record_run($1, $2, $3, $4)", COUNT_OF(params), NULL, params, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		ctx_cause(c, "%s", PQerrorMessage(conn));
		return FAIL(c, UNAVAILABLE, "The database does not take the record");
	}
	return 0;
}
