/* What witnesses have seen of a log: checkpoints in a file, or from a URL. */
#ifndef CAIRN_CLI_AUDIT_WITNESS_H
#define CAIRN_CLI_AUDIT_WITNESS_H

#include "cli/audit_check.h"
#include "lib/seal/tiles.h"

/* The checkpoints there that the key has signed, each behind the other as a witness of kind `file` has them; those of other logs are
 * passed over. MALFORMED: there is none. */
int audit_read_witness(
    struct ctx *c, const char *where, const struct note_key *key, struct audit_heads *ret) MUST_CHECK;

/* Compares each with the tree of that size: a log that shows others another tree is found (a split view). */
int audit_check_witnessed(
    struct ctx *c, const struct audit_heads *heads, struct tile_source *tiles, struct audit_report *report) MUST_CHECK;

#endif
