/* The sealed log as its newest checkpoint has it, and proofs of single rows against it. */
#ifndef CAIRN_SEAL_AUDIT_TREE_H
#define CAIRN_SEAL_AUDIT_TREE_H

#include "lib/seal/audit_seal_rows.h"
#include "lib/seal/proof.h"

struct audit_tree {
	struct bytes note; /* the newest checkpoint; p NULL: there is none yet */
	const char *key;   /* that the log itself names for it */
	struct merkle_head head;
	struct tile_source tiles;
};

/* A log without a checkpoint yet gives a tree of no leaf: note is none, and nothing can be proved. */
int audit_tree_read(struct ctx *c, struct audit_tree *ret) MUST_CHECK;

/* The proof that this leaf is in the tree, with the words of its row, which must be those that were sealed; ret_leaf (may be NULL) is
 * the row. NOT_FOUND: the checkpoint does not cover it, or the row is gone; MALFORMED: the row is not what was sealed. */
int audit_tree_prove(
    struct ctx *c, struct audit_tree *tree, uint64_t index, struct proof *ret, struct audit_leaf *ret_leaf) MUST_CHECK;

/* Where the personal fields of a kind of rows stand: log.request_private; NULL: there are none. */
const char *audit_personal_table(int64_t kind);

/* Whether its row, or the personal fields that belong to it, are not there. */
bool audit_is_missing(const struct audit_leaf *leaf);

/* The first personal field that is not what was committed to; NULL: all are. The leaf has its salt. */
const char *audit_personal_differs(const struct audit_leaf *leaf);

#endif
