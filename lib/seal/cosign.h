/* Cosignatures of checkpoints by witnesses (C2SP tlog-cosignature, Ed25519) and the question that a log asks a witness (C2SP
 * tlog-witness, add-checkpoint). Pure. */
#ifndef CAIRN_SEAL_COSIGN_H
#define CAIRN_SEAL_COSIGN_H

#include "lib/seal/note.h"

/* Signs the text of a checkpoint as a witness: the key's type must be NOTE_COSIGNATURE. ret_line: "— NAME BASE64" with its newline. */
int cosign_sign(struct ctx *c, const struct note_key *name, EVP_PKEY *key, struct bytes text, int64_t time_s,
    const char **ret_line) MUST_CHECK;

/* The line, with or without its newline, is a good cosignature of the text by this witness. MALFORMED. */
int cosign_check(
    struct ctx *c, const struct note_key *key, struct bytes text, struct bytes line, int64_t *ret_time_s) MUST_CHECK;

/* The body of add-checkpoint: from which size on, the proof of consistency, and the signed checkpoint. */
struct cosign_ask {
	uint64_t old;
	struct merkle_proof proof;
	struct bytes checkpoint;
};
struct bytes cosign_ask_encode(struct arena *a, const struct cosign_ask *ask);
/* The checkpoint is borrowed. MALFORMED. */
int cosign_ask_parse(struct ctx *c, struct bytes body, struct cosign_ask *ret) MUST_CHECK;

#endif
