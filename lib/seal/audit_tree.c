#include "lib/seal/audit_tree.h"

#include <string.h>

#include "lib/crypto/commitment.h"
#include "lib/seal/leaf.h"

int audit_tree_read(struct ctx *c, struct audit_tree *ret)
{
	struct audit_state state;
	TRY(audit_read_state(c, &state));
	*ret = (struct audit_tree) { .key = state.key, .tiles = audit_tiles() };
	if (state.note == NULL) {
		return 0;
	}
	ret->note = bytes_of_text(state.note);
	TRY(checkpoint_parse(c, ret->note, NULL, &ret->head));
	ret->tiles.size = ret->head.size;
	return 0;
}

/* The words of the leaf, which must be those that were sealed. */
static int read_entry(
    struct ctx *c, struct audit_tree *tree, uint64_t index, struct bytes *ret, struct audit_leaf *ret_leaf)
{
	struct audit_leaf_list rows;
	struct merkle_hash sealed;
	struct merkle_hash hash;
	const struct audit_numbers range = { (int64_t) index, (int64_t) index + 1 };
	TRY(audit_read_leaves(c, &range, false, &rows));
	TRY(tiles_leaf(c, &tree->tiles, index, &sealed));
	if (rows.n == 0) {
		return FAIL(c, NOT_FOUND, "Leaf %llu has no row", (unsigned long long) index);
	}
	struct bytes entry = leaf_entry(c->arena, rows.v[0].kind, rows.v[0].id, rows.v[0].line);
	merkle_leaf(entry, &hash);
	if (rows.n > 1 || !merkle_equal(&hash, &sealed)) {
		return FAIL(c, MALFORMED, "The row of leaf %llu is not what was sealed: run cairn audit verify",
		    (unsigned long long) index);
	}
	*ret = entry;
	if (ret_leaf != NULL) {
		*ret_leaf = rows.v[0];
	}
	return 0;
}

int audit_tree_prove(
    struct ctx *c, struct audit_tree *tree, uint64_t index, struct proof *ret, struct audit_leaf *ret_leaf)
{
	struct proof proof = { .index = index, .checkpoint = tree->note };
	if (tree->note.p == NULL) {
		return FAIL(c, NOT_FOUND, "The log has no checkpoint yet");
	}
	if (index >= tree->head.size) {
		return FAIL(c, NOT_FOUND, "The newest checkpoint has %llu leaves: leaf %llu is not among them",
		    (unsigned long long) tree->head.size, (unsigned long long) index);
	}
	TRY(read_entry(c, tree, index, &proof.entry, ret_leaf));
	TRY(tiles_inclusion(c, &tree->tiles, index, tree->head.size, &proof.path));
	*ret = proof;
	return 0;
}

static const struct {
	const char *table;
	const char *names[AUDIT_VALUES];
} personal[LEAF_KINDS + 1] = {
	[LEAF_REQUEST] = { "log.request_private",
	    { "remote_address", "remote_port", "user_agent", "accept_language", "body", "reply", "headers" } },
	[LEAF_VALIDATION] = { "log.validation_private", { "resolutions", "attempts" } },
};

const char *audit_personal_table(int64_t kind)
{
	return personal[kind].table;
}

bool audit_is_missing(const struct audit_leaf *leaf)
{
	bool known = leaf->kind >= 1 && leaf->kind <= LEAF_KINDS;
	return leaf->line == NULL || (known && leaf->salt.p == NULL && audit_personal_table(leaf->kind) != NULL);
}

static bool fits(const struct audit_leaf *leaf, const char *name, struct bytes value, const uint8_t *sealed)
{
	static const uint8_t none[COMMITMENT_SIZE] = { 0 };
	if (value.p == NULL) {
		return memcmp(sealed, none, COMMITMENT_SIZE) == 0;
	}
	return leaf->salt.n == COMMITMENT_SALT_SIZE && commitment_verify(leaf->salt.p, name, value, sealed);
}

const char *audit_personal_differs(const struct audit_leaf *leaf)
{
	static const uint8_t none[COMMITMENT_SIZE] = { 0 };
	const struct bytes values[AUDIT_VALUES] = { leaf->v1, leaf->v2, leaf->v3, leaf->v4, leaf->v5, leaf->v6, leaf->v7 };
	for (size_t i = 0; i < AUDIT_VALUES && personal[leaf->kind].names[i] != NULL; i++) {
		bool present = (i + 1) * COMMITMENT_SIZE <= leaf->commitments.n;
		const uint8_t *sealed = present ? leaf->commitments.p + i * COMMITMENT_SIZE : none;
		if (!fits(leaf, personal[leaf->kind].names[i], values[i], sealed)) {
			return personal[leaf->kind].names[i];
		}
	}
	return NULL;
}
