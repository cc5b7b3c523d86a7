#include "cli/doctor_logs.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor_roots.h"
#include "lib/base/auto.h"
#include "lib/ct/log_file.h"
#include "policy/ct.h"
#include "policy/policy.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

struct finding doctor_log_list(struct arena *a, const char *path, const struct ct_log_list *list, struct timestamp now)
{
	const char *refusal = ct_list_refusal(list, now);
	long long days = (long long) ((now.us - list->made_at.us) / 1000000 / 86400);
	bool old = timestamp_add_s(list->made_at, CT_LIST_OLD_S).us <= now.us;
	return (struct finding) { "logs",
		refusal != NULL ? FINDING_PROBLEM
		: old           ? FINDING_NOTE
		                : FINDING_OK,
		arena_printf(a, "%s: %zu transparency logs, the list is %lld days old%s%s", path, list->n, days,
		    refusal == NULL ? "" : "; nothing is issued: ", refusal == NULL ? "" : refusal) };
}

struct finding doctor_unlogged(struct arena *a, const char *unlogged, const char *overdue, int64_t oldest_s)
{
	if (strcmp(overdue, "0") != 0) {
		return (struct finding) { "logs", FINDING_PROBLEM,
			arena_printf(a,
			    "%s certificate(s) are in no transparency log a day after they were issued, the first for %lld h: "
			    "events certificate.overdue tell which, certificate.unlogged what logs said",
			    overdue, (long long) (oldest_s / 3600)) };
	}
	if (strcmp(unlogged, "0") != 0) {
		return (struct finding) { "logs", FINDING_OK,
			arena_printf(a, "%s certificate(s) are about to be shown to transparency logs", unlogged) };
	}
	return (struct finding) { "logs", FINDING_OK, "Transparency logs have every certificate" };
}

struct finding doctor_monitored(struct arena *a, const char *faults, const char *missing, const char *strangers)
{
	const char *text = "Transparency logs have what they promised, as far as they are read";
	bool wrong = true;
	if (strcmp(strangers, "0") != 0) {
		text = arena_printf(a,
		    "An incident: transparency logs have %s certificate(s) under keys of this CA that it has not issued; "
		    "events certificate.foreign tell where, ca.foreign_certificate holds them",
		    strangers);
	} else if (strcmp(missing, "0") != 0) {
		text = arena_printf(a,
		    "For %s SCT(s) in certificates a transparency log has not what it promised: events sct.missing tell which",
		    missing);
	} else if (strcmp(faults, "0") != 0) {
		text = arena_printf(a, "%s transparency log(s) are at fault: events log.fault tell what they signed", faults);
	} else {
		wrong = false;
	}
	return (struct finding) { "logs", wrong ? FINDING_PROBLEM : FINDING_OK, text };
}

void doctor_logs(struct ctx *c, const struct diagnosing *d, const struct config *config)
{
	const char *path = config->ct.log_list_file;
	struct ct_log_list list;
	if (path == NULL) {
		if (config_is_webpki(&config->policy)) {
			diagnose_add(d, "logs", FINDING_PROBLEM, "ct.not_logged: browsers refuse certificates without SCTs");
		}
		return;
	}
	if (log_file_read(c, &config->ct, &list) != 0) {
		diagnose_add(d, "logs", FINDING_PROBLEM, arena_printf(c->arena, "%s: %s", path, c->err.detail));
		ctx_forgive(c);
		return;
	}
	struct finding f = doctor_log_list(c->arena, path, &list, clock_now());
	diagnose_add(d, f.about, f.level, f.text);
	doctor_roots(c, d, config, &list);
}

void doctor_logged(struct arena *a, const struct diagnosing *d, const struct config *config, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult) row = PQexec(conn, "SELECT unlogged, overdue, oldest_s FROM ca.logs_state()");
	if (PQresultStatus(row) != PGRES_TUPLES_OK || PQntuples(row) != 1) {
		return; /* what is wrong with the database has been said */
	}
	bool none = strcmp(PQgetvalue(row, 0, 0), "0") == 0;
	if (none && config->ct.log_list_file == NULL) {
		return;
	}
	struct finding f =
	    doctor_unlogged(a, PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1), strtoll(PQgetvalue(row, 0, 2), NULL, 10));
	diagnose_add(d, f.about, f.level, f.text);
	AUTO(PGresult) state = PQexec(conn, "SELECT faults, missing, strangers FROM ca.monitor_state()");
	if (PQresultStatus(state) == PGRES_TUPLES_OK && PQntuples(state) == 1) {
		f = doctor_monitored(a, PQgetvalue(state, 0, 0), PQgetvalue(state, 0, 1), PQgetvalue(state, 0, 2));
		diagnose_add(d, f.about, f.level, f.text);
	}
}
