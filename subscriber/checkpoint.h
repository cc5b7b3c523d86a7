/* The key that signs checkpoints of the sealed log, and what this machine remembers of the last one: a file beside the
 * database, so that a database that was set back can't make it sign another past (C2SP tlog-checkpoint: never inconsistent). */
#ifndef CAIRN_SUBSCRIBER_CHECKPOINT_H
#define CAIRN_SUBSCRIBER_CHECKPOINT_H

#include "lib/base/config.h"
#include "lib/seal/note.h"
#include "lib/seal/tiles.h"

struct checkpoint_signer {
	struct note_key name;
	EVP_PKEY *key;      /* of the arena it was read into */
	const char *folder; /* NULL: nothing is remembered beside the database */
};

/* Before the sandbox: reads the key, which must be there; what it holds lives as long as the arena of c. */
int checkpoint_signer_open(struct ctx *c, const struct config *config, struct checkpoint_signer *ret) MUST_CHECK;

/* The tree, whose tiles the source has, goes on from the checkpoint that this machine signed last. FAIL: CONFLICT with a
 * sentence when it does not. */
int checkpoint_check_memory(struct ctx *c, const struct checkpoint_signer *s, struct tile_source *tiles) MUST_CHECK;

/* Signs the head, and remembers it on disk before it returns. */
int checkpoint_sign(struct ctx *c, const struct checkpoint_signer *s, const struct merkle_head *head,
    struct bytes *ret_note) MUST_CHECK;

#endif
