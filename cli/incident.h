/* `cairn incident create|list|show|close`: certificates are to be renewed before their time (RFC 9773, B-16); `distrust`: incident_distrust.h. */
#ifndef CAIRN_CLI_INCIDENT_H
#define CAIRN_CLI_INCIDENT_H

#include "lib/db/db.h"

/* The subcommand. */
int cli_incident(int argc, char **argv);

/* The closed list of its SQL, which it runs as cairn_operator. */
extern const struct statement *const incident_statements[];
extern const size_t incident_statements_n;

#endif
