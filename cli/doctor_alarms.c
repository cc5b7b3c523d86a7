#include "cli/doctor_alarms.h"

#include <libpq-fe.h>
#include <string.h>

#include "lib/base/auto.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)

struct finding doctor_channels(struct arena *a, const struct config *config)
{
	size_t n = config->alarm.channels.n;
	const char *few = config_is_webpki(&config->policy) ? FINDING_PROBLEM : FINDING_NOTE;
	if (n == 0) {
		return (struct finding) { "alarms", few, "Alarms go nowhere: alarm.channels is empty" };
	}
	if (n == 1) {
		return (struct finding) { "alarms", few,
			"Alarms go over one channel of alarm.channels: when it fails, nobody is told" };
	}
	return (struct finding) { "alarms", FINDING_OK, arena_printf(a, "Alarms go over %zu channels", n) };
}

static void look_at_alarms(struct arena *a, const struct diagnosing *d, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult) row = PQexec(conn, "SELECT unanswered, late, failing FROM log.alarms_state()");
	if (PQresultStatus(row) != PGRES_TUPLES_OK) {
		return; /* what is wrong with the database has been said */
	}
	const char *open = PQgetvalue(row, 0, 0);
	const char *late = PQgetvalue(row, 0, 1);
	const char *failing = PQgetvalue(row, 0, 2);
	if (strcmp(open, "0") != 0) {
		bool is_late = strcmp(late, "0") != 0;
		diagnose_add(d, "alarms", is_late ? FINDING_PROBLEM : FINDING_NOTE,
		    arena_printf(a, "%s alarms wait for somebody's answer, %s of them for more than a day: cairn alarm list",
		        open, late));
	}
	if (strcmp(failing, "0") != 0) {
		diagnose_add(d, "alarms", FINDING_PROBLEM,
		    arena_printf(a, "%s channels do not take alarms: cairn alarm list tells why", failing));
	}
}

void doctor_alarms(struct arena *a, const struct diagnosing *d, const struct config *config, const char *database)
{
	const struct finding f = doctor_channels(a, config);
	diagnose_add(d, f.about, f.level, f.text);
	if (database != NULL) {
		look_at_alarms(a, d, database);
	}
}
