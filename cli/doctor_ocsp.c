#include "cli/doctor_ocsp.h"

#include <libpq-fe.h>
#include <string.h>

#include "lib/base/auto.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

/* E-35: answers that came too late, or that have ended. */
static void look_at(struct arena *a, const struct diagnosing *d, PGconn *conn, const char *issuer)
{
	const char *values[] = { issuer };
	AUTO(PGresult)
	row = PQexecParams(conn, "SELECT answers, late, answers > 0 AND ends_s <= 0 FROM ca.ocsp_state($1)", 1, NULL,
	    values, NULL, NULL, 0);
	if (PQresultStatus(row) != PGRES_TUPLES_OK || PQntuples(row) != 1) {
		return; /* cairn-ca did not start with it yet, or what is wrong with the database has been said */
	}
	if (strcmp(PQgetvalue(row, 0, 1), "0") != 0 || PQgetvalue(row, 0, 2)[0] == 't') {
		diagnose_add(d, "ocsp", FINDING_PROBLEM,
		    arena_printf(a,
		        "OCSP answers of the issuer %s have waited to be signed for 15 minutes, or have ended: the log of "
		        "cairn-ca "
		        "tells why",
		        issuer));
		return;
	}
	diagnose_add(d, "ocsp", FINDING_OK,
	    arena_printf(a, "The %s OCSP answers of the issuer %s are made anew in time", PQgetvalue(row, 0, 0), issuer));
}

void doctor_ocsp(struct arena *a, const struct diagnosing *d, const struct config_ca *config, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	for (size_t i = 0; i < config->issuers.n; i++) {
		if (config->issuers.v[i].ocsp_url != NULL) {
			look_at(a, d, conn, config->issuers.v[i].name);
		}
	}
}
