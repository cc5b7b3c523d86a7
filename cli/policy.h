/* `cairn policy test|diff|apply|show`: who may have which names. */
#ifndef CAIRN_CLI_POLICY_H
#define CAIRN_CLI_POLICY_H

#include "lib/db/db.h"

/* The subcommand. */
int cli_policy(int argc, char **argv);

/* The closed list of its SQL, which it runs as cairn_operator. */
extern const struct statement *const policy_statements[];
extern const size_t policy_statements_n;

#endif
