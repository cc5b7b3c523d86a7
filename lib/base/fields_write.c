/* Structs into JSON, straight into the arena: each RPC does it twice. */
#include "lib/base/fields.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/die.h"

/* Shell clients read JSON with sed: one line, no blanks, no `\/`, plain ASCII. */
#define JSON_PLAIN (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY)

typedef void writer(struct buffer *b, const struct field *f, const void *member);

struct kind {
	writer *write;
	bool (*is_absent)(const void *member); /* values that stand for "none" and are never written */
};

static void write_struct(struct buffer *b, const struct fields *f, const void *from);

static void write_text(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const char *const *text = member;
	buffer_add_json(b, bytes_of_text(*text));
}

static void write_bool(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const bool *value = member;
	buffer_add_text(b, *value ? "true" : "false");
}

static void write_int(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const int64_t *value = member;
	buffer_add_int(b, *value);
}

static void write_bytes(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const struct bytes *value = member;
	buffer_add_char(b, '"');
	buffer_add_text(b, base64url_encode(b->arena, *value));
	buffer_add_char(b, '"');
}

static void write_id(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const struct id *id = member;
	char text[ID_TEXT_SIZE];
	id_encode(*id, text);
	buffer_add_json(b, bytes_of_text(text));
}

static void write_time(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const struct timestamp *t = member;
	char text[RFC3339_SIZE];
	timestamp_encode(*t, t->us % 1000000 != 0, text);
	buffer_add_json(b, bytes_of_text(text));
}

static int take_dump(const char *part, size_t n, void *buffer)
{
	buffer_add(buffer, part, n);
	return 0;
}

static void write_value(struct buffer *b, const json_t *value)
{
	if (json_dump_callback(value, take_dump, b, JSON_PLAIN) != 0) {
		die("a JSON value can't be written");
	}
}

static void write_json(struct buffer *b, const struct field *f, const void *member)
{
	(void) f;
	const json_t *const *value = member;
	write_value(b, *value);
}

static void write_nested(struct buffer *b, const struct field *f, const void *member)
{
	write_struct(b, f->sub, member);
}

static bool no_pointer(const void *member)
{
	const void *const *p = member;
	return *p == NULL;
}

static bool no_id(const void *member)
{
	const struct id *id = member;
	return id_is_none(*id);
}

static bool no_time(const void *member)
{
	const struct timestamp *t = member;
	return t->us == 0;
}

static void write_list(struct buffer *b, const struct field *f, const void *member);

static const struct kind kinds[] = {
	[FIELD_TEXT] = { .write = write_text, .is_absent = no_pointer },
	[FIELD_BOOL] = { .write = write_bool },
	[FIELD_INT] = { .write = write_int },
	[FIELD_BYTES] = { .write = write_bytes },
	[FIELD_ID] = { .write = write_id, .is_absent = no_id },
	[FIELD_TIME] = { .write = write_time, .is_absent = no_time },
	[FIELD_TEXT_LIST] = { .write = write_list },
	[FIELD_BYTES_LIST] = { .write = write_list },
	[FIELD_ID_LIST] = { .write = write_list },
	[FIELD_INT_LIST] = { .write = write_list },
	[FIELD_JSON] = { .write = write_json, .is_absent = no_pointer },
	[FIELD_STRUCT_KIND] = { .write = write_nested },
	[FIELD_STRUCTS_KIND] = { .write = write_list },
};

static void write_list(struct buffer *b, const struct field *f, const void *member)
{
	const struct field_element element = field_element(f);
	struct list list = list_get(member);
	buffer_add_char(b, '[');
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0) {
			buffer_add_char(b, ',');
		}
		kinds[element.kind].write(b, f, (const char *) list.v + i * element.size);
	}
	buffer_add_char(b, ']');
}

static bool struct_is_empty(const struct fields *f, const void *from);

/* The zero value of the member's kind. */
static bool is_empty(const struct field *f, const void *member)
{
	const bool *flag = member;
	const int64_t *value = member;
	const struct bytes *bytes = member;
	if (kinds[f->kind].is_absent != NULL) {
		return kinds[f->kind].is_absent(member);
	}
	if (f->kind == FIELD_BOOL) {
		return !*flag;
	}
	if (f->kind == FIELD_INT) {
		return *value == 0;
	}
	if (f->kind == FIELD_BYTES) {
		return bytes->n == 0;
	}
	return f->kind == FIELD_STRUCT_KIND ? struct_is_empty(f->sub, member) : list_get(member).n == 0;
}

static bool struct_is_empty(const struct fields *f, const void *from)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!is_empty(&f->v[i], FIELD_CPTR(&f->v[i], from, void))) {
			return false;
		}
	}
	return true;
}

static bool is_left_out(const struct field *f, const void *member)
{
	if (kinds[f->kind].is_absent != NULL) {
		return kinds[f->kind].is_absent(member);
	}
	return (f->flags & FIELD_OMIT_EMPTY) != 0 && is_empty(f, member);
}

static void write_struct(struct buffer *b, const struct fields *f, const void *from)
{
	char separator = '{';
	for (size_t i = 0; i < f->n; i++) {
		const struct field *one = &f->v[i];
		const void *member = FIELD_CPTR(one, from, void);
		if (is_left_out(one, member)) {
			continue;
		}
		buffer_add_char(b, separator);
		buffer_add_json(b, bytes_of_text(one->name));
		buffer_add_char(b, ':');
		kinds[one->kind].write(b, one, member);
		separator = ',';
	}
	buffer_add_text(b, separator == '{' ? "{}" : "}");
}

struct bytes fields_to_json(struct arena *a, const struct fields *f, const void *from)
{
	struct buffer b;
	buffer_init(&b, a, 1000);
	write_struct(&b, f, from);
	return buffer_bytes(&b);
}

json_t *fields_to_json_value(const struct fields *f, const void *from)
{
	struct arena *a = arena_new();
	struct bytes text = fields_to_json(a, f, from);
	json_t *value = json_loadb((const char *) text.p, text.n, 0, NULL);
	arena_free(a);
	if (value == NULL) {
		die("%s can't be written as JSON", f->name);
	}
	return value;
}

struct bytes json_encode(struct arena *a, const json_t *value)
{
	struct buffer b;
	buffer_init(&b, a, 1000);
	write_value(&b, value);
	return buffer_bytes(&b);
}
