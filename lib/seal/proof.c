#include "lib/seal/proof.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"

#define INCLUSION "c2sp.org/tlog-proof@v1"
#define CONSISTENCY "cairn/log-consistency@v1"

struct bytes proof_encode(struct arena *a, const struct proof *proof)
{
	struct buffer b;
	buffer_init(&b, a, 4096);
	if (proof->consistency) {
		buffer_printf(&b, CONSISTENCY "\nolder %s\n", base64_encode(a, proof->older));
	} else {
		buffer_printf(&b, INCLUSION "\nextra %s\nindex %llu\n", base64_encode(a, proof->entry),
		    (unsigned long long) proof->index);
	}
	for (size_t i = 0; i < proof->path.n; i++) {
		buffer_printf(&b, "%s\n", hash_encode(a, &proof->path.v[i]));
	}
	buffer_add_char(&b, '\n');
	buffer_add(&b, proof->checkpoint.p, proof->checkpoint.n);
	return buffer_bytes(&b);
}

/* What stands behind "word " on the next line; -1 when another line does. */
static int take_word(struct bytes *left, const char *word, struct bytes *ret)
{
	struct bytes line;
	size_t n = strlen(word);
	if (line_take(left, &line) != 0 || line.n < n + 1 || memcmp(line.p, word, n) != 0 || line.p[n] != ' ') {
		return -1;
	}
	*ret = (struct bytes) { line.p + n + 1, line.n - n - 1 };
	return 0;
}

static int take_path(struct arena *a, struct bytes *left, struct merkle_proof *ret)
{
	struct bytes line = { NULL, 0 };
	ret->n = 0;
	while (line_take(left, &line) == 0) {
		if (line.n == 0) {
			return 0;
		}
		if (ret->n == MERKLE_PROOF_MAX || hash_parse(a, line, &ret->v[ret->n]) != 0) {
			return -1;
		}
		ret->n++;
	}
	return -1;
}

static int take_head(struct arena *a, struct bytes *left, struct proof *ret)
{
	struct bytes line;
	struct bytes word;
	if (line_take(left, &line) != 0) {
		return -1;
	}
	ret->consistency = bytes_equal_text(line, CONSISTENCY);
	if (ret->consistency) {
		return take_word(left, "older", &word) == 0 ? base64_decode(a, word, &ret->older) : -1;
	}
	if (!bytes_equal_text(line, INCLUSION) || take_word(left, "extra", &word) != 0 ||
	    base64_decode(a, word, &ret->entry) != 0) {
		return -1;
	}
	return take_word(left, "index", &word) == 0 ? size_parse(word, &ret->index) : -1;
}

int proof_parse(struct ctx *c, struct bytes text, struct proof *ret)
{
	struct proof proof = { 0 };
	if (take_head(c->arena, &text, &proof) != 0 || take_path(c->arena, &text, &proof.path) != 0) {
		return FAIL(c, MALFORMED, "This is no proof of a log");
	}
	proof.checkpoint = text;
	*ret = proof;
	return 0;
}

int proof_check(struct ctx *c, const struct note_key *key, const struct proof *proof, struct merkle_head *ret_head)
{
	struct merkle_head head;
	TRY(checkpoint_open(c, key, proof->checkpoint, &head));
	if (proof->consistency) {
		struct merkle_head older;
		TRY(checkpoint_open(c, key, proof->older, &older));
		if (!merkle_check_consistency(&older, &head, &proof->path)) {
			return FAIL(c, MALFORMED, "The checkpoint for %llu leaves does not go on from the one for %llu",
			    (unsigned long long) head.size, (unsigned long long) older.size);
		}
	} else {
		const struct merkle_place place = { proof->index, head.size, head.root };
		struct merkle_hash leaf;
		merkle_leaf(proof->entry, &leaf);
		if (!merkle_check_inclusion(&place, &leaf, &proof->path)) {
			return FAIL(c, MALFORMED, "These words are not leaf %llu of the log", (unsigned long long) proof->index);
		}
	}
	*ret_head = head;
	return 0;
}
