/* What `cairn init` makes for recovery contacts (docs/recovery.md). */
#ifndef CAIRN_CLI_INIT_CUSTODIANS_H
#define CAIRN_CLI_INIT_CUSTODIANS_H

#include "lib/base/ctx.h"

/* A custodian of each group for a test CA, certificates in pki/custodians/a and b and keys in custodian-keys, and the key of the
 * keyed hashes, below the folder `state`. What is there stays. ret_made: it was not there. */
int init_custodians(struct ctx *c, const char *state, bool *ret_made) MUST_CHECK;

#endif
