/* What witnesses have seen of a log: checkpoints in a file, or from a URL. */
#ifndef CAIRN_CLI_AUDIT_WITNESS_H
#define CAIRN_CLI_AUDIT_WITNESS_H

#include "lib/seal/audit_check.h"
#include "lib/seal/tiles.h"

/* The checkpoints there that the key has signed, each behind the other as a witness of kind `file` has them; those of other logs are
 * passed over. MALFORMED: there is none. */
int audit_read_witness(
    struct ctx *c, const char *where, const struct note_key *key, struct audit_heads *ret) MUST_CHECK;

#endif
