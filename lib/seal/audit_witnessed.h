/* Checkpoints that others have seen, against the tree as it stands. */
#ifndef CAIRN_SEAL_AUDIT_WITNESSED_H
#define CAIRN_SEAL_AUDIT_WITNESSED_H

#include "lib/seal/audit_findings.h"
#include "lib/seal/tiles.h"

struct audit_heads {
	struct merkle_head *v;
	size_t n;
};

/* Compares each with the tree of that size: a log that shows others another tree is found (a split view). */
int audit_check_witnessed(
    struct ctx *c, const struct audit_heads *heads, struct tile_source *tiles, struct audit_report *report) MUST_CHECK;

#endif
