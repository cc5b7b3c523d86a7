/* A struct is described once, by a table of fields that the compiler checks; the table reads and writes JSON (RPC and
 * ACME), binds SQL parameters and reads SQL rows, and reads the YAML configuration.
 *
 *     struct order { struct id id; const char *status; struct timestamp expires; struct text_list names; };
 *     static const struct field order_field[] = {
 *             FIELD(struct order, id, .flags = FIELD_REQUIRED),
 *             FIELD(struct order, status, .flags = FIELD_REQUIRED),
 *             FIELD(struct order, expires),
 *             FIELD(struct order, names),
 *     };
 *     const struct fields order_fields = FIELDS(struct order, order_field);
 *
 * The kind follows from the member's type; a member of a type without a kind does not compile. A nested struct is given
 * with FIELD_STRUCT(T, m, &sub_fields), a list of structs ({struct X *v; size_t n;}) with FIELD_STRUCTS.
 * An absent member leaves the zero value (NULL text, n 0, id and time none); JSON null and SQL NULL count as absent. */
#ifndef CAIRN_BASE_FIELDS_H
#define CAIRN_BASE_FIELDS_H

#include <jansson.h>

#include "lib/base/ctx.h"

enum field_kind {
	FIELD_TEXT,       /* const char *        JSON string            SQL text */
	FIELD_BOOL,       /* bool                JSON true/false        SQL bool */
	FIELD_INT,        /* int64_t             JSON number            SQL int8 (also int2, int4 in rows) */
	FIELD_BYTES,      /* struct bytes        JSON base64url         SQL bytea */
	FIELD_ID,         /* struct id           JSON 22 characters     SQL uuid */
	FIELD_TIME,       /* struct timestamp    JSON RFC 3339          SQL timestamptz */
	FIELD_TEXT_LIST,  /* struct text_list    JSON array             SQL text[] */
	FIELD_BYTES_LIST, /* struct bytes_list   JSON array             SQL bytea[] */
	FIELD_ID_LIST,    /* struct id_list      JSON array             SQL uuid[] */
	FIELD_INT_LIST,   /* struct int_list     JSON array             SQL int8[] */
	FIELD_JSON, /* json_t *            any JSON, borrowed from the document or row that the arena owns; SQL json/jsonb
	             */
	FIELD_STRUCT_KIND,  /* nested struct     JSON object            SQL: a json/jsonb column holding that object */
	FIELD_STRUCTS_KIND, /* list of structs   JSON array of objects  SQL: a json/jsonb column holding that array */
};

struct id_list {
	struct id *v;
	size_t n;
};

struct int_list {
	int64_t *v;
	size_t n;
};

enum field_flag {
	FIELD_REQUIRED = 1,   /* absent is an error */
	FIELD_OMIT_EMPTY = 2, /* the JSON writer leaves a zero value out (the default writes it, save for NULL text, none
	                         ids and times, which are always left out) */
	FIELD_SECRET = 4,     /* never logged or shown; `cairn config show` prints "(secret)" */
	FIELD_PATH = 8,       /* configuration: a path, relative to the folder of the first file */
};

struct fields;

struct field {
	const char *name; /* JSON member, column and YAML key */
	size_t offset;
	const struct fields *sub;  /* FIELD_STRUCT_KIND, FIELD_STRUCTS_KIND */
	const char *const *one_of; /* FIELD_TEXT: NULL-terminated list of allowed values, or NULL */
	int64_t min; /* checked when min < max: the value of a FIELD_INT, the length of a FIELD_TEXT or _BYTES, the count of
	                a list */
	int64_t max;
	const char *def;  /* configuration: the default as YAML text, or NULL */
	const char *help; /* configuration: one sentence, with the unit */
	enum field_kind kind;
	unsigned flags;
};

struct fields {
	const char *name; /* for messages: "order" */
	size_t size;
	const struct field *v;
	size_t n;
};

#define FIELD_KIND_OF(x) \
	_Generic((x),                              \
	    const char *: FIELD_TEXT,              \
	    bool: FIELD_BOOL,                      \
	    int64_t: FIELD_INT,                    \
	    struct bytes: FIELD_BYTES,             \
	    struct id: FIELD_ID,                   \
	    struct timestamp: FIELD_TIME,          \
	    struct text_list: FIELD_TEXT_LIST,     \
	    struct bytes_list: FIELD_BYTES_LIST,   \
	    struct id_list: FIELD_ID_LIST,         \
	    struct int_list: FIELD_INT_LIST,       \
	    json_t *: FIELD_JSON)

/* The last arguments are further members of struct field: .flags, .min, .max, .def, .help, .one_of. (The extra comma
 * lets them be left out in standard C.) */
#define FIELD(T, ...) FIELD_NAMED_(T, __VA_ARGS__, )
#define FIELD_NAMED_(T, m, ...) FIELD_PLAIN_(T, m, #m, __VA_ARGS__)
#define FIELD_AS(T, m, ...) FIELD_PLAIN_(T, m, __VA_ARGS__, )
#define FIELD_PLAIN_(T, m, as, ...) \
	{ \
		.name = (as), .kind = FIELD_KIND_OF(((T *) 0)->m), .offset = offsetof(T, m), __VA_ARGS__ \
	}
#define FIELD_STRUCT(T, m, ...) FIELD_STRUCT_(T, m, __VA_ARGS__, )
#define FIELD_STRUCT_(T, m, sub_fields, ...) \
	{ \
		.name = #m, .kind = FIELD_STRUCT_KIND, .offset = offsetof(T, m), .sub = (sub_fields), __VA_ARGS__ \
	}
#define FIELD_STRUCTS(T, m, ...) FIELD_STRUCTS_(T, m, __VA_ARGS__, )
#define FIELD_STRUCTS_(T, m, sub_fields, ...) \
	{ \
		.name = #m, .kind = FIELD_STRUCTS_KIND, .offset = offsetof(T, m) + 0 * sizeof(((T *) 0)->m.v), \
		.sub = (sub_fields), __VA_ARGS__ \
	}
#define FIELDS(T, table) \
	{ \
		.name = #T, .size = sizeof(T), .v = (table), .n = COUNT_OF(table) \
	}

/* Strict JSON text: UTF-8, no duplicate members, nothing behind the value, depth <= 32. The document lives as
 * long as the arena. FAIL: MALFORMED with a plain sentence. */
int json_parse(struct ctx *c, struct bytes text, json_t **ret) MUST_CHECK;

/* From now on jansson wipes what it frees, as an arena does: documents hold what must not lie about in memory (G-5). Once,
 * before the first document. */
void json_wipe(void);

/* Reads a JSON object into the struct at `to` (which is zeroed first). Members without a field are ignored (a reader
 * may be older than the writer). Texts and FIELD_JSON members are borrowed from the document, which must live as long
 * as the struct (one from json_parse lives as long as the arena). FAIL: MALFORMED, naming the member. Texts with a NUL
 * inside are refused. */
int fields_from_json(struct ctx *c, const struct fields *f, const json_t *from, void *to) MUST_CHECK;

/* json_parse and fields_from_json in one. */
int fields_parse_json(struct ctx *c, const struct fields *f, struct bytes text, void *to) MUST_CHECK;

/* One line of plain ASCII JSON without blanks and without `\/` (shell clients read it with sed), in the arena. */
struct bytes fields_to_json(struct arena *a, const struct fields *f, const void *from);

/* A new reference that the caller owns. */
json_t *fields_to_json_value(const struct fields *f, const void *from);

/* One line of JSON in the same plain form, of any value. */
struct bytes json_encode(struct arena *a, const json_t *value);

/* The arena drops the reference when it is freed. */
json_t *arena_json(struct arena *a, json_t *owned);

/* What .one_of, .min and .max demand of the member, as the end of a sentence ("must be between 1 and 9"), or NULL when
 * the value is fine. For those who fill a struct from something else than JSON. */
const char *field_refusal(struct arena *a, const struct field *f, const void *member);

/* Each list is {T *v; size_t n;}; these reach one whose T is known by the kind only. */
struct list {
	void *v;
	size_t n;
};
struct list list_get(const void *member);
void list_set(void *member, struct list list);

/* What a field of a list's kind has in its array: the kind and the octets of an entry. */
struct field_element {
	enum field_kind kind;
	size_t size;
};
struct field_element field_element(const struct field *f);

/* Address of the member; the type must match its kind. */
#define FIELD_PTR(f, base, T) ((T *) (void *) ((char *) (base) + (f)->offset))
#define FIELD_CPTR(f, base, T) ((const T *) (const void *) ((const char *) (base) + (f)->offset))

#endif
