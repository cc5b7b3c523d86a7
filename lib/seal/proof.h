/* Proofs as files that can be checked without the log: that a leaf is in it (C2SP tlog-proof, with the leaf itself as its extra
 * data), and that one checkpoint goes on from another (docs/sealing.md). */
#ifndef CAIRN_SEAL_PROOF_H
#define CAIRN_SEAL_PROOF_H

#include "lib/seal/note.h"

struct proof {
	bool consistency;        /* else: inclusion */
	uint64_t index;          /* of the leaf */
	struct bytes entry;      /* what the leaf says */
	struct bytes older;      /* the checkpoint from which the other one goes on */
	struct bytes checkpoint; /* a signed note */
	struct merkle_proof path;
};

struct bytes proof_encode(struct arena *a, const struct proof *proof);

/* Octets are borrowed from the text or made in the arena. MALFORMED, with a sentence. */
int proof_parse(struct ctx *c, struct bytes text, struct proof *ret) MUST_CHECK;

/* Checks signatures and hashes; ret_head is that of the (newer) checkpoint. MALFORMED: it proves nothing, and why. */
int proof_check(
    struct ctx *c, const struct note_key *key, const struct proof *proof, struct merkle_head *ret_head) MUST_CHECK;

#endif
