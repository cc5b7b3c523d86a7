/* `cairn eab create|list|disable|rotate`: external account keys (RFC 8555 7.3.4). */
#ifndef CAIRN_CLI_EAB_H
#define CAIRN_CLI_EAB_H

#include "lib/db/db.h"

/* The subcommand. */
int cli_eab(int argc, char **argv);

/* The closed list of its SQL, which it runs as cairn_operator. */
extern const struct statement *const eab_statements[];
extern const size_t eab_statements_n;

#endif
