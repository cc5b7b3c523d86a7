/* `cairn account list|show|revoke`: accounts as they stand, and how the CA shuts one off (RFC 8555 7.1.2, A-62). */
#ifndef CAIRN_CLI_ACCOUNT_H
#define CAIRN_CLI_ACCOUNT_H

#include "lib/db/db.h"

/* The subcommand. */
int cli_account(int argc, char **argv);

/* The closed list of its SQL, which it runs as cairn_operator. */
extern const struct statement *const account_statements[];
extern const size_t account_statements_n;

#endif
