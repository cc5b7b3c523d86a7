#include "cli/audit_witness.h"

#include <string.h>

#include "cli/audit_fetch.h"

static size_t count_notes(struct bytes text)
{
	struct bytes note;
	size_t n = 0;
	while (note_take(&text, &note) == 0) {
		n++;
	}
	return n;
}

int audit_read_witness(struct ctx *c, const char *where, const struct note_key *key, struct audit_heads *ret)
{
	struct bytes text = { NULL, 0 };
	struct bytes note;
	bool found = false;
	const char *slash = strrchr(where, '/');
	const char *folder = slash == NULL ? "." : arena_text_n(c->arena, where, (size_t) (slash - where) + 1);
	TRY(audit_fetch(c, folder, slash == NULL ? where : slash + 1, &text, &found));
	struct audit_heads heads = { ARENA_ARRAY(c->arena, count_notes(text), struct merkle_head), 0 };
	while (note_take(&text, &note) == 0) {
		if (checkpoint_open(c, key, note, &heads.v[heads.n]) == 0) {
			heads.n++;
		}
		ctx_forgive(c);
	}
	if (heads.n == 0) {
		return FAIL(c, MALFORMED, "%s has no checkpoint of the log %s", where, key->name);
	}
	*ret = heads;
	return 0;
}
