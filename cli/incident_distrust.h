/* `cairn incident distrust`: validations that can't be relied on any more (C-75). */
#ifndef CAIRN_CLI_INCIDENT_DISTRUST_H
#define CAIRN_CLI_INCIDENT_DISTRUST_H

#include "lib/db/db.h"

/* The action, with its own options; argv[0] is its name. */
int cli_incident_distrust(int argc, char **argv);

/* The closed list of its SQL, which it runs as cairn_operator. */
extern const struct statement *const distrust_statements[];
extern const size_t distrust_statements_n;

#endif
