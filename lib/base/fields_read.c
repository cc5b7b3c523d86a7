/* JSON into structs. */
#include "lib/base/fields.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/base64.h"
#include "lib/base/fields_scan.h"

#define JSON_MAX_DEPTH 32

/* Where in the document a value stands; rendered only when it is refused. */
struct place {
	const struct place *up;
	const char *name; /* NULL: an entry of a list */
	size_t index;
};

typedef int reader(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to);

/* the parser must not recurse as deep as the sender likes. Brackets inside of strings do not count; a text that
 * is no JSON is left to the parser. */
static bool too_deep(struct bytes text)
{
	size_t depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t one = text.p[i];
		if (quoted && one == '\\') {
			i++;
		} else if (one == '"') {
			quoted = !quoted;
		} else if (!quoted && (one == '{' || one == '[')) {
			depth++;
		} else if (!quoted && (one == '}' || one == ']') && depth > 0) {
			depth--;
		}
		if (depth > JSON_MAX_DEPTH) {
			return true;
		}
	}
	return false;
}

static void wipe_and_free(void *p)
{
	if (p != NULL) {
		OPENSSL_cleanse(p, malloc_usable_size(p));
		free(p);
	}
}

void json_wipe(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

static void drop_json(void *value)
{
	json_decref(value);
}

json_t *arena_json(struct arena *a, json_t *owned)
{
	if (owned != NULL) {
		arena_on_free(a, drop_json, owned);
	}
	return owned;
}

int json_parse(struct ctx *c, struct bytes text, json_t **ret)
{
	if (too_deep(text)) {
		return FAIL(c, MALFORMED, "The JSON text is nested deeper than %d levels", JSON_MAX_DEPTH);
	}
	json_error_t error = { 0 };
	json_t *value = json_loadb(
	    text.p == NULL ? "" : (const char *) text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	enum json_error_code fault = value == NULL ? json_error_code(&error) : json_error_unknown;
	OPENSSL_cleanse(error.text, sizeof(error.text)); /* it quotes what was read */
	if (value == NULL) {
		/* The parser's own text quotes the input, so it goes to nobody: one place and one kind of fault are enough. */
		const char *what = fault == json_error_duplicate_key ? "a member stands twice" : "broken syntax";
		return FAIL(
		    c, MALFORMED, "The text is not acceptable JSON: %s at line %d, column %d", what, error.line, error.column);
	}
	*ret = arena_json(c->arena, value);
	return 0;
}

static const char *place_text(struct arena *a, const struct place *at)
{
	if (at == NULL) {
		return "";
	}
	const char *up = place_text(a, at->up);
	if (at->name == NULL) {
		return arena_printf(a, "%s[%zu]", up, at->index);
	}
	return up[0] == '\0' ? at->name : arena_printf(a, "%s.%s", up, at->name);
}

static int refuse(struct ctx *c, const struct place *at, const char *why)
{
	return FAIL(c, MALFORMED, "The member \"%s\" %s", place_text(c->arena, at), why);
}

static int read_struct(struct ctx *c, const struct fields *f, const struct place *at, const json_t *from, void *to);

static int read_text(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	const char **text = to;
	if (!json_is_string(v)) {
		return refuse(c, at, "must be a string");
	}
	if (strlen(json_string_value(v)) != json_string_length(v)) {
		return refuse(c, at, "must not hold a NUL");
	}
	*text = json_string_value(v);
	return 0;
}

static int read_bool(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	bool *value = to;
	if (!json_is_boolean(v)) {
		return refuse(c, at, "must be true or false");
	}
	*value = json_is_true(v);
	return 0;
}

static int read_int(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	int64_t *value = to;
	if (!json_is_integer(v)) {
		return refuse(c, at, "must be a whole number");
	}
	*value = json_integer_value(v);
	return 0;
}

static struct bytes text_of(const json_t *v)
{
	if (!json_is_string(v)) {
		return (struct bytes) { NULL, 0 };
	}
	return (struct bytes) { (const uint8_t *) json_string_value(v), json_string_length(v) };
}

static int read_bytes(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	struct bytes *value = to;
	if (!json_is_string(v) || base64url_decode(c->arena, text_of(v), value) != 0) {
		return refuse(c, at, "must be a string in base64url without padding"); /* */
	}
	return 0;
}

static int read_id(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	struct id *id = to;
	if (id_parse(text_of(v), id) != 0) {
		return refuse(c, at, "must be an id of 22 characters");
	}
	return 0;
}

static int read_time(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) f;
	struct timestamp *t = to;
	if (timestamp_parse(text_of(v), t) != 0) {
		return refuse(c, at, "must be a time as RFC 3339 says"); /* */
	}
	/* That moment stands for "none": what was asked for would be dropped in silence. */
	return t->us != 0 ? 0 : refuse(c, at, "must not be the first moment of 1970");
}

static int read_json(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	(void) c;
	(void) f;
	(void) at;
	/* Borrowed for reading; jansson has no const in its reference counts. */
	memcpy(to, &v, sizeof(v));
	return 0;
}

static int read_nested(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	return read_struct(c, f->sub, at, v, to);
}

static int read_list(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to);

static reader *const readers[] = {
	[FIELD_TEXT] = read_text,
	[FIELD_BOOL] = read_bool,
	[FIELD_INT] = read_int,
	[FIELD_BYTES] = read_bytes,
	[FIELD_ID] = read_id,
	[FIELD_TIME] = read_time,
	[FIELD_TEXT_LIST] = read_list,
	[FIELD_BYTES_LIST] = read_list,
	[FIELD_ID_LIST] = read_list,
	[FIELD_INT_LIST] = read_list,
	[FIELD_JSON] = read_json,
	[FIELD_STRUCT_KIND] = read_nested,
	[FIELD_STRUCTS_KIND] = read_list,
};

static int read_list(struct ctx *c, const struct field *f, const struct place *at, const json_t *v, void *to)
{
	if (!json_is_array(v)) {
		return refuse(c, at, "must be a list");
	}
	const struct field_element element = field_element(f);
	struct list list = { NULL, json_array_size(v) };
	if (f->min < f->max && (int64_t) list.n > f->max) {
		return refuse(c, at, arena_printf(c->arena, "must not have more than %lld entries", (long long) f->max));
	}
	list.v = arena_array(c->arena, list.n, element.size);
	for (size_t i = 0; i < list.n; i++) {
		const struct place here = { .up = at, .index = i };
		TRY(readers[element.kind](c, f, &here, json_array_get(v, i), (char *) list.v + i * element.size));
	}
	list_set(to, list);
	return 0;
}

static int read_member(struct ctx *c, const struct field *f, const struct place *at, const json_t *from, void *to)
{
	const json_t *v = json_object_get(from, f->name);
	if (v == NULL || json_is_null(v)) {
		return (f->flags & FIELD_REQUIRED) == 0 ? 0 : refuse(c, at, "is missing");
	}
	void *member = FIELD_PTR(f, to, void);
	TRY(readers[f->kind](c, f, at, v, member));
	const char *why = field_refusal(c->arena, f, member);
	return why == NULL ? 0 : refuse(c, at, why);
}

static int read_struct(struct ctx *c, const struct fields *f, const struct place *at, const json_t *from, void *to)
{
	if (!json_is_object(from)) {
		return at == NULL ? FAIL(c, MALFORMED, "The JSON text must be an object") : refuse(c, at, "must be an object");
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct place here = { .up = at, .name = f->v[i].name };
		TRY(read_member(c, &f->v[i], &here, from, to));
	}
	return 0;
}

int fields_from_json(struct ctx *c, const struct fields *f, const json_t *from, void *to)
{
	memset(to, 0, f->size);
	return read_struct(c, f, NULL, from, to);
}

int fields_parse_json(struct ctx *c, const struct fields *f, struct bytes text, void *to)
{
	if (fields_scan(c->arena, f, text, to)) {
		return 0;
	}
	json_t *document = NULL;
	TRY(json_parse(c, text, &document));
	return fields_from_json(c, f, document, to);
}
