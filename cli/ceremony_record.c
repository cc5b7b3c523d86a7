#include "cli/ceremony_record.h"

#include <string.h>

#include "cli/files.h"
#include "lib/base/base64.h"
#include "lib/base/folder.h"
#include "lib/crypto/digest.h"
#include "policy/lints.h"

static const struct field approval_field[] = {
	FIELD(struct ceremony_approval, person),
	FIELD(struct ceremony_approval, certificate),
	FIELD(struct ceremony_approval, cms),
};
static const struct fields approval_fields = FIELDS(struct ceremony_approval, approval_field);

static const struct field entry_field[] = {
	FIELD(struct ceremony_entry, at),
	FIELD(struct ceremony_entry, software),
	FIELD(struct ceremony_entry, software_sha256),
	FIELD(struct ceremony_entry, action),
	FIELD(struct ceremony_entry, name),
	FIELD(struct ceremony_entry, subject),
	FIELD(struct ceremony_entry, issuer),
	FIELD(struct ceremony_entry, key),
	FIELD(struct ceremony_entry, spki_sha256),
	FIELD(struct ceremony_entry, serial),
	FIELD(struct ceremony_entry, number, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct ceremony_entry, not_before),
	FIELD(struct ceremony_entry, not_after),
	FIELD(struct ceremony_entry, sha256),
	FIELD(struct ceremony_entry, file),
	FIELD(struct ceremony_entry, lints),
	FIELD(struct ceremony_entry, mode),
	FIELD(struct ceremony_entry, people, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct ceremony_entry, approvals, &approval_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct ceremony_entry, previous),
};
static const struct fields entry_fields = FIELDS(struct ceremony_entry, entry_field);

const char *ceremony_sha256(struct arena *a, struct bytes of)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(of, digest);
	return hex_encode(a, (struct bytes) { digest, sizeof(digest) });
}

/* The next line of the text, without its end; false behind the last. */
static bool next_line(struct bytes *text, struct bytes *ret)
{
	const uint8_t *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
	if (text->n == 0) {
		return false;
	}
	size_t n = end == NULL ? text->n : (size_t) (end - text->p);
	*ret = (struct bytes) { text->p, n };
	n += end == NULL ? 0 : 1;
	*text = (struct bytes) { text->p + n, text->n - n };
	return true;
}

/* SHA-256 of the last line; NULL where there is none. */
static int last_digest(struct ctx *c, const char *path, const char **ret)
{
	struct bytes text = { NULL, 0 };
	struct bytes line = { NULL, 0 };
	*ret = NULL;
	if (!file_exists(path)) {
		return 0;
	}
	TRY(file_read(c, path, &text));
	while (next_line(&text, &line)) {
		*ret = "";
	}
	*ret = *ret == NULL ? NULL : ceremony_sha256(c->arena, line);
	return 0;
}

int ceremony_record(struct ctx *c, const struct ceremony *plan, struct ceremony_entry entry)
{
	struct bytes program;
	if (plan->transcript == NULL) {
		return 0;
	}
	TRY(file_read(c, "/proc/self/exe", &program));
	TRY(last_digest(c, plan->transcript, &entry.previous));
	entry.at = clock_now();
	entry.software = "cairn " CAIRN_VERSION;
	entry.software_sha256 = ceremony_sha256(c->arena, program);
	entry.lints = (int64_t) lint_count();
	return file_add_line(c, plan->transcript, fields_to_json(c->arena, &entry_fields, &entry));
}

int ceremony_records_read(
    struct ctx *c, const struct ceremony *plan, struct ceremony_entry_list *ret, struct text_list *ret_breaks)
{
	struct bytes text;
	struct bytes line;
	struct bytes counted;
	size_t n = 0;
	TRY(file_read(c, plan->transcript, &text));
	for (counted = text; next_line(&counted, &line); n++) {
	}
	struct ceremony_entry_list all = { ARENA_ARRAY(c->arena, n, struct ceremony_entry), 0 };
	struct text_list breaks = { ARENA_ARRAY(c->arena, n, const char *), 0 };
	const char *before = NULL;
	while (next_line(&text, &line)) {
		struct ceremony_entry *entry = &all.v[all.n++];
		if (fields_parse_json(c, &entry_fields, line, entry) != 0) {
			const char *why = c->err.detail;
			ctx_forgive(c);
			return FAIL(c, CONFLICT, "%s: line %zu is none of a transcript: %s", plan->transcript, all.n, why);
		}
		bool follows =
		    before == NULL ? entry->previous == NULL : entry->previous != NULL && strcmp(entry->previous, before) == 0;
		if (!follows) {
			breaks.v[breaks.n++] = arena_printf(c->arena,
			    "line %zu of the transcript does not follow the line before: one was changed, taken out or put in",
			    all.n);
		}
		before = ceremony_sha256(c->arena, line);
	}
	*ret = all;
	*ret_breaks = breaks;
	return 0;
}

int ceremony_records_so_far(struct ctx *c, const struct ceremony *plan, struct ceremony_entry_list *ret)
{
	struct text_list breaks = { NULL, 0 };
	*ret = (struct ceremony_entry_list) { NULL, 0 };
	if (plan->transcript == NULL || !file_exists(plan->transcript)) {
		return 0;
	}
	TRY(ceremony_records_read(c, plan, ret, &breaks));
	if (breaks.n > 0) {
		return FAIL(
		    c, CONFLICT, "%s: %s; cairn ceremony verify tells what else does not fit", plan->transcript, breaks.v[0]);
	}
	return 0;
}

bool ceremony_tells_of(const struct ceremony_entry_list *entries, const char *sha256)
{
	for (size_t i = 0; i < entries->n; i++) {
		const struct ceremony_entry *e = &entries->v[i];
		if (e->serial != NULL && text_equal(e->sha256, sha256)) { /* only certificates have one */
			return true;
		}
	}
	return false;
}

/* The beginning of the ceremony in which line i was written; NULL before the first. */
static const struct ceremony_entry *begin_of(const struct ceremony_entry_list *entries, size_t i)
{
	while (i > 0 && !text_equal(entries->v[i].action, "begin")) {
		i--;
	}
	return i < entries->n && text_equal(entries->v[i].action, "begin") ? &entries->v[i] : NULL;
}

const struct ceremony_entry *ceremony_last(const struct ceremony_entry_list *entries, const struct ceremony *plan,
    const struct ceremony_step *step, const struct ceremony_entry **ret_begin)
{
	for (size_t i = entries->n; i > 0; i--) {
		const struct ceremony_entry *e = &entries->v[i - 1];
		const struct ceremony_entry *begin = begin_of(entries, i - 1);
		if (begin != NULL && text_equal(begin->name, plan->title) && text_equal(e->name, step->name) &&
		    text_equal(e->action, step->action)) {
			*ret_begin = begin;
			return e;
		}
	}
	return NULL;
}

int ceremony_announced(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, const char *action,
    bool *ret_announced)
{
	struct ceremony_entry_list entries;
	const struct ceremony_entry *last = NULL;
	const struct ceremony_entry *begin = NULL;
	TRY(ceremony_records_so_far(c, plan, &entries));
	for (size_t i = 0; i < entries.n; i++) {
		if (text_equal(entries.v[i].name, step->name) && !text_equal(entries.v[i].action, "begin")) {
			last = &entries.v[i];
			begin = begin_of(&entries, i);
		}
	}
	*ret_announced = last != NULL && begin != NULL && text_equal(last->action, action) &&
	                 text_equal(last->file, step->key_label) && plan->sha256 != NULL &&
	                 text_equal(begin->sha256, plan->sha256);
	return 0;
}
