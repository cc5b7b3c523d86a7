#include "lib/base/config_read.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"

#define NAME_MAX_LENGTH 40

struct reading {
	struct ctx *c;
	struct arena *arena;
	const char *folder;
};

/* Where a value goes: the key's full name for messages, and whether it is in an entry of a list. */
struct spot {
	const char *key;
	bool in_list;
};

typedef int reader(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to);

static int refuse(struct reading *r, const struct spot *at, const struct node *n, const char *why)
{
	return FAIL(r->c, MALFORMED, "%s:%zu: %s: %s", n->file, n->line, at->key, why);
}

static int read_struct(
    struct reading *r, const struct fields *f, const struct spot *at, const struct node *map, void *to);

static int read_text(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to)
{
	const char **text = to;
	if (n->kind != NODE_SCALAR) {
		return refuse(r, at, n, "must be a text");
	}
	bool relative = (f->flags & FIELD_PATH) != 0 && n->text[0] != '/';
	*text = relative ? arena_printf(r->arena, "%s/%s", r->folder, n->text) : n->text;
	return 0;
}

static int read_bool(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to)
{
	(void) f;
	bool *value = to;
	bool yes = n->kind == NODE_SCALAR && n->plain && strcmp(n->text, "true") == 0;
	if (!yes && (n->kind != NODE_SCALAR || !n->plain || strcmp(n->text, "false") != 0)) {
		return refuse(r, at, n, "must be true or false");
	}
	*value = yes;
	return 0;
}

static int read_int(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to)
{
	(void) f;
	int64_t *value = to;
	static const char digits[] = "0123456789";
	if (n->kind != NODE_SCALAR || !n->plain) {
		return refuse(r, at, n, "must be a whole number");
	}
	size_t sign = n->text[0] == '-' ? 1 : 0;
	size_t length = strlen(n->text + sign);
	if (length == 0 || length > 18 || strspn(n->text + sign, digits) != length) {
		return refuse(r, at, n, "must be a whole number");
	}
	*value = strtoll(n->text, NULL, 10);
	return 0;
}

static int read_nested(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to)
{
	return read_struct(r, f->sub, at, n, to);
}

static int read_list(struct reading *r, const struct field *f, const struct spot *at, const struct node *n, void *to)
{
	if (n->kind != NODE_LIST) {
		return refuse(r, at, n, "must be a list");
	}
	bool structs = f->kind == FIELD_STRUCTS_KIND;
	size_t size = structs ? f->sub->size : sizeof(const char *);
	struct list list = { NULL, 0 };
	for (const struct node *one = n->first; one != NULL; one = one->next) {
		list.n++;
	}
	list.v = arena_array(r->arena, list.n, size);
	size_t i = 0;
	for (const struct node *one = n->first; one != NULL; one = one->next, i++) {
		const struct spot here = { arena_printf(r->c->arena, "%s[%zu]", at->key, i), true };
		void *entry = (char *) list.v + i * size;
		TRY(structs ? read_nested(r, f, &here, one, entry) : read_text(r, f, &here, one, entry));
	}
	list_set(to, list);
	return 0;
}

static reader *const readers[] = {
	[FIELD_TEXT] = read_text,
	[FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_int,
	[FIELD_TEXT_LIST] = read_list,
	[FIELD_STRUCT_KIND] = read_nested,
	[FIELD_STRUCTS_KIND] = read_list,
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance of two short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LENGTH + 1];
	size_t n = strnlen(b, NAME_MAX_LENGTH);
	for (size_t k = 0; k <= n; k++) {
		row[k] = k;
	}
	for (size_t i = 0; i < NAME_MAX_LENGTH && a[i] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t k = 0; k < n; k++) {
			size_t change = diagonal + (a[i] == b[k] ? 0 : 1);
			diagonal = row[k + 1];
			row[k + 1] = least(change, least(row[k], diagonal) + 1);
		}
	}
	return row[n];
}

static const char *nearest(const struct fields *f, const char *name)
{
	const char *best = NULL;
	size_t best_distance = (strlen(name) + 1) / 2 + 1;
	for (size_t i = 0; i < f->n; i++) {
		size_t d = distance(name, f->v[i].name);
		if (d < best_distance) {
			best = f->v[i].name;
			best_distance = d;
		}
	}
	return best;
}

static int check_known(struct reading *r, const struct fields *f, const struct spot *at, const struct node *map)
{
	for (const struct node *n = map->first; n != NULL; n = n->next) {
		size_t i = 0;
		while (i < f->n && strcmp(f->v[i].name, n->key) != 0) {
			i++;
		}
		if (i < f->n) {
			continue;
		}
		const char *best = nearest(f, n->key);
		const char *dot = at->key[0] == '\0' ? "" : ".";
		return FAIL(r->c, MALFORMED, "%s:%zu: %s%s%s: unknown key%s%s%s", n->file, n->line, at->key, dot, n->key,
		    best == NULL ? "" : "; did you mean \"", best == NULL ? "" : best, best == NULL ? "" : "\"?");
	}
	return 0;
}

/* The default as if it stood in the file. */
static int default_node(struct reading *r, const struct field *f, const struct spot *at, struct node **ret)
{
	struct node *n = NULL;
	const char *name = arena_printf(r->c->arena, "default of %s", at->key);
	if (f->def != NULL) {
		TRY(yaml_read_text(r->c, r->arena, name, bytes_of_text(f->def), &n));
	}
	*ret = n;
	return 0;
}

static int read_member(
    struct reading *r, const struct field *f, const struct spot *at, const struct node *map, void *member)
{
	const struct node *n = map == NULL ? NULL : yaml_find(map, f->name);
	if (n == NULL || yaml_is_null(n)) {
		struct node *fallback = NULL;
		TRY(default_node(r, f, at, &fallback));
		n = fallback;
	}
	if (n == NULL && f->kind == FIELD_STRUCT_KIND) {
		return read_struct(r, f->sub, at, NULL, member);
	}
	if (n == NULL) {
		bool missing = at->in_list && (f->flags & FIELD_REQUIRED) != 0 && map != NULL;
		return missing ? refuse(r, at, map, "is missing") : 0;
	}
	if (f->kind >= COUNT_OF(readers) || readers[f->kind] == NULL) {
		die("%s is of a kind that the configuration does not have", at->key);
	}
	TRY(readers[f->kind](r, f, at, n, member));
	const char *why = field_refusal(r->c->arena, f, member);
	return why == NULL ? 0 : refuse(r, at, n, why);
}

static int read_struct(
    struct reading *r, const struct fields *f, const struct spot *at, const struct node *map, void *to)
{
	if (map != NULL && map->kind != NODE_MAP) {
		return refuse(r, at, map, "must be a map of keys and values");
	}
	if (map != NULL) {
		TRY(check_known(r, f, at, map));
	}
	for (size_t i = 0; i < f->n; i++) {
		const char *dot = at->key[0] == '\0' ? "" : ".";
		const struct spot here = { arena_printf(r->c->arena, "%s%s%s", at->key, dot, f->v[i].name), at->in_list };
		TRY(read_member(r, &f->v[i], &here, map, FIELD_PTR(&f->v[i], to, void)));
	}
	return 0;
}

int config_read(
    struct ctx *c, struct arena *a, const char *folder, const struct fields *f, const struct node *map, void *to)
{
	struct reading r = { c, a, folder };
	const struct spot root = { "", false };
	return read_struct(&r, f, &root, map, to);
}
