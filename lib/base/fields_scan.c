#include "lib/base/fields_scan.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/scan.h"

#define MAX_FIELDS 64
#define MAX_DIGITS 18
#define FIRST_ENTRIES 4

struct source {
	struct arena *arena;
	struct scan rest;
};

typedef bool reader(struct source *s, const struct field *f, void *to);

/* The octets between the quotes, escapes included; the second quote is taken too. */
static bool take_raw(struct source *s, struct bytes *ret)
{
	if (!scan_char(&s->rest, '"')) {
		return false;
	}
	const uint8_t *start = s->rest.p;
	while (s->rest.p < s->rest.end && (scan_is_plain(*s->rest.p) || *s->rest.p == '\\')) {
		s->rest.p += *s->rest.p == '\\' && s->rest.end - s->rest.p > 1 ? 2 : 1;
	}
	*ret = (struct bytes) { start, (size_t) (s->rest.p - start) };
	return s->rest.p < s->rest.end && *s->rest.p++ == '"';
}

static bool read_text(struct source *s, const struct field *f, void *to)
{
	static const char meanings[128] = {
		['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'
	};
	(void) f;
	struct bytes raw;
	if (!take_raw(s, &raw)) {
		return false;
	}
	char *text = arena_alloc(s->arena, raw.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		char one = (char) raw.p[i];
		if (one == '\\') {
			one = i + 1 < raw.n && raw.p[i + 1] < 128 ? meanings[raw.p[i + 1]] : '\0';
			i++;
		}
		if (one == '\0') {
			return false;
		}
		text[n++] = one;
	}
	text[n] = '\0';
	const char **value = to;
	*value = text;
	return true;
}

static bool take_word(struct source *s, const char *word)
{
	size_t n = strlen(word);
	scan_blanks(&s->rest);
	if ((size_t) (s->rest.end - s->rest.p) < n || memcmp(s->rest.p, word, n) != 0) {
		return false;
	}
	s->rest.p += n;
	return true;
}

static bool read_bool(struct source *s, const struct field *f, void *to)
{
	(void) f;
	bool *value = to;
	*value = take_word(s, "true");
	return *value || take_word(s, "false");
}

static bool read_int(struct source *s, const struct field *f, void *to)
{
	(void) f;
	bool negative = scan_char(&s->rest, '-');
	const uint8_t *start = s->rest.p;
	int64_t sum = 0;
	while (s->rest.p < s->rest.end && *s->rest.p >= '0' && *s->rest.p <= '9' && s->rest.p - start < MAX_DIGITS) {
		sum = sum * 10 + (*s->rest.p++ - '0');
	}
	/* Behind it stands the end of an object or a list, or the next entry; not more of a number. */
	bool ends = s->rest.p < s->rest.end && strchr(",}] \n\t\r", *s->rest.p) != NULL && *s->rest.p != '\0';
	int64_t *value = to;
	*value = negative ? -sum : sum;
	return ends && s->rest.p > start && (*start != '0' || s->rest.p - start == 1);
}

static bool read_bytes(struct source *s, const struct field *f, void *to)
{
	(void) f;
	struct bytes text;
	return scan_string(&s->rest, &text) && base64url_decode(s->arena, text, to) == 0;
}

static bool read_id(struct source *s, const struct field *f, void *to)
{
	(void) f;
	struct bytes text;
	return scan_string(&s->rest, &text) && id_parse(text, to) == 0;
}

static bool read_time(struct source *s, const struct field *f, void *to)
{
	(void) f;
	struct bytes text;
	struct timestamp *t = to;
	return scan_string(&s->rest, &text) && timestamp_parse(text, t) == 0 && t->us != 0;
}

static bool read_struct(struct source *s, const struct fields *f, void *to);

static bool read_nested(struct source *s, const struct field *f, void *to)
{
	return read_struct(s, f->sub, to);
}

static bool read_list(struct source *s, const struct field *f, void *to);

/* None for FIELD_JSON: left to the general way. */
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
	[FIELD_STRUCT_KIND] = read_nested,
	[FIELD_STRUCTS_KIND] = read_list,
};

static bool read_list(struct source *s, const struct field *f, void *to)
{
	const struct field_element element = field_element(f);
	struct list list = { NULL, 0 };
	size_t room = 0;
	if (!scan_char(&s->rest, '[')) {
		return false;
	}
	bool more = !scan_char(&s->rest, ']');
	while (more) {
		if (list.n == room) {
			room = room == 0 ? FIRST_ENTRIES : 2 * room;
			void *grown = arena_array(s->arena, room, element.size);
			if (list.n > 0) {
				memcpy(grown, list.v, list.n * element.size);
			}
			list.v = grown;
		}
		if (!readers[element.kind](s, f, (char *) list.v + list.n * element.size)) {
			return false;
		}
		list.n++;
		more = scan_char(&s->rest, ',');
		if (!more && !scan_char(&s->rest, ']')) {
			return false;
		}
	}
	list_set(to, list);
	return true;
}

/* Members mostly stand in the order of the table: from the one behind the last. */
static size_t find_field(const struct fields *f, size_t from, struct bytes name)
{
	for (size_t k = 0; k < f->n; k++) {
		size_t i = from + k < f->n ? from + k : from + k - f->n;
		if (bytes_equal_text(name, f->v[i].name)) {
			return i;
		}
	}
	return f->n;
}

static bool read_member(struct source *s, const struct field *f, void *to)
{
	void *member = FIELD_PTR(f, to, void);
	return readers[f->kind] != NULL && readers[f->kind](s, f, member) && field_refusal(s->arena, f, member) == NULL;
}

static bool has_required(const struct fields *f, uint64_t seen)
{
	for (size_t i = 0; i < f->n; i++) {
		if ((f->v[i].flags & FIELD_REQUIRED) != 0 && (seen >> i & 1) == 0) {
			return false;
		}
	}
	return true;
}

static bool read_struct(struct source *s, const struct fields *f, void *to)
{
	uint64_t seen = 0;
	size_t next = 0;
	if (f->n > MAX_FIELDS || !scan_char(&s->rest, '{')) {
		return false;
	}
	bool more = !scan_char(&s->rest, '}');
	while (more) {
		struct bytes name;
		if (!scan_string(&s->rest, &name) || !scan_char(&s->rest, ':')) {
			return false;
		}
		size_t i = find_field(f, next, name);
		if (i == f->n || (seen >> i & 1) != 0 || !read_member(s, &f->v[i], to)) {
			return false;
		}
		seen |= UINT64_C(1) << i;
		next = i + 1 < f->n ? i + 1 : 0;
		more = scan_char(&s->rest, ',');
		if (!more && !scan_char(&s->rest, '}')) {
			return false;
		}
	}
	return has_required(f, seen);
}

bool fields_scan(struct arena *a, const struct fields *f, struct bytes text, void *to)
{
	struct source s = { .arena = a, .rest = { text.p, text.p + text.n } };
	memset(to, 0, f->size);
	if (text.n == 0 || !read_struct(&s, f, to)) {
		return false;
	}
	scan_blanks(&s.rest);
	return s.rest.p == s.rest.end;
}
