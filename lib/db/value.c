#include "lib/db/value.h"

#include <string.h>

#include "lib/base/die.h"

/* Numbers of built-in types (PostgreSQL, src/include/catalog/pg_type.dat): fixed for ever. */
enum {
	OID_NONE = 0,
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_BYTEA_ARRAY = 1001,
	OID_INT2_ARRAY = 1005,
	OID_INT4_ARRAY = 1007,
	OID_TEXT_ARRAY = 1009,
	OID_INT8_ARRAY = 1016,
	OID_VARCHAR = 1043,
	OID_TIMESTAMPTZ = 1184,
	OID_UUID = 2950,
	OID_UUID_ARRAY = 2951,
	OID_JSONB = 3802,
};

/* PostgreSQL counts microseconds from 2000-01-01. */
#define EPOCH_2000_US INT64_C(946684800000000)
#define JSONB_VERSION 1

/* SQL NULL */
static const struct bytes nothing = { NULL, 0 };

static void put_number(uint8_t *to, uint64_t value, size_t octets)
{
	for (size_t i = 0; i < octets; i++) {
		to[i] = (uint8_t) (value >> (8 * (octets - 1 - i)));
	}
}

/* A signed number of 2, 4 or 8 octets. */
static int64_t get_number(struct bytes in)
{
	uint64_t value = in.n > 0 && in.p[0] >= 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < in.n; i++) {
		value = (value << 8) | in.p[i];
	}
	return (int64_t) value;
}

static struct bytes number(struct arena *a, int64_t value)
{
	uint8_t *p = arena_alloc(a, 8);
	put_number(p, (uint64_t) value, 8);
	return (struct bytes) { p, 8 };
}

static struct bytes text_element(struct arena *a, const void *v, size_t i)
{
	(void) a;
	const char *const *texts = v;
	return bytes_of_text(texts[i]);
}

static struct bytes bytes_element(struct arena *a, const void *v, size_t i)
{
	(void) a;
	const struct bytes *octets = v;
	return octets[i];
}

static struct bytes id_element(struct arena *a, const void *v, size_t i)
{
	(void) a;
	const struct id *ids = v;
	return (struct bytes) { ids[i].b, sizeof(ids[i].b) };
}

static struct bytes int_element(struct arena *a, const void *v, size_t i)
{
	const int64_t *numbers = v;
	return number(a, numbers[i]);
}

/* Lists: how an element is written, and its type and size. */
static const struct element_codec {
	Oid type;
	size_t size;
	struct bytes (*encode)(struct arena *a, const void *v, size_t i);
} elements[] = {
	[FIELD_TEXT_LIST] = { OID_TEXT, sizeof(const char *), text_element },
	[FIELD_BYTES_LIST] = { OID_BYTEA, sizeof(struct bytes), bytes_element },
	[FIELD_ID_LIST] = { OID_UUID, sizeof(struct id), id_element },
	[FIELD_INT_LIST] = { OID_INT8, sizeof(int64_t), int_element },
};

#define ARRAY_HEADER 20 /* dimensions, has NULLs, element type, length, first index */

/* array_recv of PostgreSQL; an empty array has no dimension. */
static struct bytes encode_list(struct arena *a, const struct field *f, const void *member)
{
	struct list list = list_get(member);
	if (list.n == 0 && (f->flags & FIELD_OMIT_EMPTY) != 0) {
		return nothing;
	}
	if (list.n > INT32_MAX) {
		die("a list of %zu values is no parameter", list.n);
	}
	size_t size = ARRAY_HEADER;
	for (size_t i = 0; i < list.n; i++) {
		size += 4 + elements[f->kind].encode(a, list.v, i).n;
	}
	uint8_t *p = arena_alloc(a, size);
	put_number(p, list.n == 0 ? 0 : 1, 4);
	put_number(p + 8, elements[f->kind].type, 4);
	put_number(p + 12, list.n, 4);
	put_number(p + 16, 1, 4);
	uint8_t *to = p + ARRAY_HEADER;
	for (size_t i = 0; i < list.n; i++) {
		struct bytes one = elements[f->kind].encode(a, list.v, i);
		put_number(to, one.n, 4);
		if (one.n > 0) {
			memcpy(to + 4, one.p, one.n);
		}
		to += 4 + one.n;
	}
	return (struct bytes) { p, list.n == 0 ? 12 : size };
}

/* A table of this one field: JSON is written and read as the only member of an object. */
static struct fields only(struct field *copy, const struct field *f)
{
	static const size_t sizes[] = { [FIELD_JSON] = sizeof(json_t *), [FIELD_STRUCTS_KIND] = sizeof(struct list) };
	*copy = *f;
	copy->name = "value";
	copy->offset = 0;
	copy->flags &= (unsigned) ~FIELD_REQUIRED;
	size_t size = f->kind == FIELD_STRUCT_KIND ? f->sub->size : sizes[f->kind];
	return (struct fields) { .name = f->name, .size = size, .v = copy, .n = 1 };
}

static const char opening[] = "{\"value\":";

static struct bytes encode_json(struct arena *a, const struct field *f, const void *member)
{
	struct field copy;
	struct fields table = only(&copy, f);
	struct bytes text = fields_to_json(a, &table, member);
	size_t around = sizeof(opening) - 1;
	if (text.n <= around) {
		return nothing; /* "{}": left out */
	}
	size_t n = text.n - around - 1;
	uint8_t *p = arena_alloc(a, n + 1);
	p[0] = JSONB_VERSION;
	memcpy(p + 1, text.p + around, n);
	return (struct bytes) { p, n + 1 };
}

static struct bytes encode_text(struct arena *a, const struct field *f, const void *member)
{
	(void) a, (void) f;
	const char *const *text = member;
	return bytes_of_text(*text);
}

static struct bytes encode_bool(struct arena *a, const struct field *f, const void *member)
{
	(void) a;
	static const uint8_t octets[] = { 0, 1 };
	const bool *value = member;
	bool omit = !*value && (f->flags & FIELD_OMIT_EMPTY) != 0;
	return omit ? nothing : (struct bytes) { &octets[*value ? 1 : 0], 1 };
}

static struct bytes encode_int(struct arena *a, const struct field *f, const void *member)
{
	const int64_t *value = member;
	return *value == 0 && (f->flags & FIELD_OMIT_EMPTY) != 0 ? nothing : number(a, *value);
}

static struct bytes encode_bytes(struct arena *a, const struct field *f, const void *member)
{
	(void) a, (void) f;
	const struct bytes *octets = member;
	return *octets;
}

static struct bytes encode_id(struct arena *a, const struct field *f, const void *member)
{
	(void) a, (void) f;
	const struct id *id = member;
	return id_is_none(*id) ? nothing : (struct bytes) { id->b, sizeof(id->b) };
}

static struct bytes encode_time(struct arena *a, const struct field *f, const void *member)
{
	(void) f;
	const struct timestamp *t = member;
	return t->us == 0 ? nothing : number(a, t->us - EPOCH_2000_US);
}

static int refuse(struct ctx *c, const struct field *f)
{
	ctx_cause(c, "column %s has octets that are no value of its type", f->name);
	return ctx_fail(c, PROBLEM_SERVER_INTERNAL, "%s", "");
}

static int decode_text(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	const char **text = member;
	if (in.n > 0 && memchr(in.p, '\0', in.n) != NULL) {
		return refuse(c, f);
	}
	*text = arena_text_n(c->arena, in.p, in.n);
	return 0;
}

static int decode_bytes(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	(void) f;
	struct bytes *octets = member;
	*octets = arena_bytes(c->arena, in.p, in.n);
	return 0;
}

static int decode_bool(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	bool *value = member;
	if (in.n != 1) {
		return refuse(c, f);
	}
	*value = in.p[0] != 0;
	return 0;
}

static int decode_int(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	int64_t *value = member;
	if (in.n == 0 || in.n > 8) {
		return refuse(c, f);
	}
	*value = get_number(in);
	return 0;
}

static int decode_id(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	struct id *id = member;
	if (in.n != sizeof(id->b)) {
		return refuse(c, f);
	}
	memcpy(id->b, in.p, sizeof(id->b));
	return 0;
}

static int decode_time(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	struct timestamp *t = member;
	int64_t us = in.n == 8 ? get_number(in) : INT64_MAX;
	if (us > INT64_MAX - EPOCH_2000_US || us == INT64_MIN) { /* infinity is no moment */
		return refuse(c, f);
	}
	t->us = us + EPOCH_2000_US;
	return 0;
}

static int decode_element(struct ctx *c, const struct field *f, struct bytes one, void *v, size_t i)
{
	if (f->kind == FIELD_TEXT_LIST) {
		((const char **) v)[i] = arena_text_n(c->arena, one.p, one.n);
	} else if (f->kind == FIELD_BYTES_LIST) {
		((struct bytes *) v)[i] = arena_bytes(c->arena, one.p, one.n);
	} else if (f->kind == FIELD_ID_LIST && one.n == 16) {
		memcpy(((struct id *) v)[i].b, one.p, 16);
	} else if (f->kind == FIELD_INT_LIST && one.n <= 8) {
		((int64_t *) v)[i] = get_number(one);
	} else {
		return refuse(c, f);
	}
	return 0;
}

static int decode_elements(struct ctx *c, const struct field *f, struct bytes in, struct list list)
{
	for (size_t i = 0; i < list.n; i++) {
		int64_t n = in.n < 4 ? -1 : get_number((struct bytes) { in.p, 4 });
		if (n < 0 || (size_t) n > in.n - 4) { /* -1: a NULL, which no list of ours may hold */
			return refuse(c, f);
		}
		TRY(decode_element(c, f, (struct bytes) { in.p + 4, (size_t) n }, list.v, i));
		in = (struct bytes) { in.p + 4 + n, in.n - 4 - (size_t) n };
	}
	return 0;
}

static int decode_list(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	int64_t dimensions = in.n < 12 ? -1 : get_number((struct bytes) { in.p, 4 });
	if (dimensions == 0) {
		list_set(member, (struct list) { NULL, 0 });
		return 0;
	}
	int64_t count = in.n < ARRAY_HEADER ? -1 : get_number((struct bytes) { in.p + 12, 4 });
	if (dimensions != 1 || count < 0 || (size_t) count > in.n / 4) {
		return refuse(c, f);
	}
	struct list list = { arena_array(c->arena, (size_t) count, elements[f->kind].size), (size_t) count };
	TRY(decode_elements(c, f, (struct bytes) { in.p + ARRAY_HEADER, in.n - ARRAY_HEADER }, list));
	list_set(member, list);
	return 0;
}

static int decode_json(struct ctx *c, const struct field *f, struct bytes in, void *member)
{
	struct field copy;
	struct fields table = only(&copy, f);
	const char *text = arena_printf(c->arena, "%s%.*s}", opening, (int) in.n, (const char *) in.p);
	if (fields_parse_json(c, &table, bytes_of_text(text), member) != 0) {
		const char *why = c->err.detail;
		ctx_forgive(c);
		ctx_cause(c, "%s", why);
		return refuse(c, f);
	}
	return 0;
}

/* The first type is the one that a parameter gets; all of them can be read. */
static const struct codec {
	Oid types[4];
	struct bytes (*encode)(struct arena *a, const struct field *f, const void *member);
	int (*decode)(struct ctx *c, const struct field *f, struct bytes in, void *member);
} codecs[] = {
	[FIELD_TEXT] = { { OID_TEXT, OID_VARCHAR, OID_NAME }, encode_text, decode_text },
	[FIELD_BOOL] = { { OID_BOOL }, encode_bool, decode_bool },
	[FIELD_INT] = { { OID_INT8, OID_INT4, OID_INT2 }, encode_int, decode_int },
	[FIELD_BYTES] = { { OID_BYTEA }, encode_bytes, decode_bytes },
	[FIELD_ID] = { { OID_UUID }, encode_id, decode_id },
	[FIELD_TIME] = { { OID_TIMESTAMPTZ }, encode_time, decode_time },
	[FIELD_TEXT_LIST] = { { OID_TEXT_ARRAY }, encode_list, decode_list },
	[FIELD_BYTES_LIST] = { { OID_BYTEA_ARRAY }, encode_list, decode_list },
	[FIELD_ID_LIST] = { { OID_UUID_ARRAY }, encode_list, decode_list },
	[FIELD_INT_LIST] = { { OID_INT8_ARRAY, OID_INT4_ARRAY, OID_INT2_ARRAY }, encode_list, decode_list },
	[FIELD_JSON] = { { OID_JSONB, OID_JSON }, encode_json, decode_json },
	[FIELD_STRUCT_KIND] = { { OID_JSONB, OID_JSON }, encode_json, decode_json },
	[FIELD_STRUCTS_KIND] = { { OID_JSONB, OID_JSON }, encode_json, decode_json },
};

Oid value_type(enum field_kind kind)
{
	return codecs[kind].types[0];
}

bool value_fits(enum field_kind kind, Oid type)
{
	for (size_t i = 0; i < COUNT_OF(codecs[0].types) && codecs[kind].types[i] != OID_NONE; i++) {
		if (codecs[kind].types[i] == type) {
			return true;
		}
	}
	return false;
}

struct bytes value_encode(struct arena *a, const struct field *f, const void *base)
{
	return codecs[f->kind].encode(a, f, FIELD_CPTR(f, base, void));
}

int value_decode(struct ctx *c, const struct field *f, Oid type, struct bytes in, void *base)
{
	if (!value_fits(f->kind, type)) {
		ctx_cause(c, "column %s has type %u, which its field can't hold", f->name, type);
		return refuse(c, f);
	}
	if (type == OID_JSONB && in.n > 0) { /* jsonb_send puts its version in front */
		in = (struct bytes) { in.p + 1, in.n - 1 };
	}
	return codecs[f->kind].decode(c, f, in, FIELD_PTR(f, base, void));
}
