/* That a process started, stopped or read its files again, as an event of the sealed log (F-44). */
#ifndef CAIRN_DB_RUN_RECORD_H
#define CAIRN_DB_RUN_RECORD_H

#include "lib/base/ctx.h"

struct run_record {
	const char *instance; /* of config_instance */
	const char *what;     /* started, stopped, reloaded */
	const char *config_sha256;
};

/* With a connection of its own. UNAVAILABLE: the database does not take it. */
int run_record(struct ctx *c, const char *conninfo, const struct run_record *record) MUST_CHECK;

#endif
