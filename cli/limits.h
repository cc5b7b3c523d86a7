/* `cairn limits`: rate limits as they stand, overrides for some, and paused names. */
#ifndef CAIRN_CLI_LIMITS_H
#define CAIRN_CLI_LIMITS_H

#include "cli/limits_rows.h"

/* The key of a limit as its buckets have it, from what a person types: an account's URL, a name in a domain, the names of a set
 * with commas between them. MALFORMED: it is none. */
int limits_key(
    struct ctx *c, const psl_ctx_t *psl, enum limit_kind kind, const char *typed, const char **ret) MUST_CHECK;

/* The subcommand. 0 done or shown, 1 refused or failed, 2 usage. argv[0] is "limits". */
int cli_limits(int argc, char **argv);

#endif
