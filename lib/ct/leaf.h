/* Entries of transparency logs, as they are under the hashes of the tree (RFC 6962 3.4) and in tiles of static-ct-api. Pure. */
#ifndef CAIRN_CT_LEAF_H
#define CAIRN_CT_LEAF_H

#include "lib/ct/sct.h"

struct ct_leaf {
	struct bytes octets; /* the MerkleTreeLeaf: what is hashed. The same octets as sct_signed of its SCT */
	uint64_t time_ms;
	struct ct_entry entry; /* body: a plain TBSCertificate or a certificate, which nobody has looked at yet */
	struct bytes extensions;
	struct bytes
	    precertificate; /* as it was signed by its issuer; nothing says so, it is not under the hash. Or empty */
};

struct ct_leaf_list {
	struct ct_leaf *v;
	size_t n;
};

/* Slices of `in`. MALFORMED. */
int ct_leaf_parse(struct ctx *c, struct bytes in, struct ct_leaf *ret) MUST_CHECK;

/* The answer to get-entries, at most `most` of what is in it. MALFORMED. */
int ct_leaves_of_answer(struct ctx *c, struct bytes json, size_t most, struct ct_leaf_list *ret) MUST_CHECK;

/* All of a data tile (static-ct-api). MALFORMED unless it has so many. */
int ct_leaves_of_tile(struct ctx *c, struct bytes tile, size_t width, struct ct_leaf_list *ret) MUST_CHECK;

/* The place in the tree that a static log says beforehand in the extensions of its SCT (leaf_index); -1: it says none. */
int ct_leaf_index(struct bytes extensions, uint64_t *ret) MUST_CHECK;

#endif
