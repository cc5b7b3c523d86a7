#include "lib/base/fields.h"

#include <string.h>

struct list list_get(const void *member)
{
	struct list list;
	memcpy(&list.v, member, sizeof(list.v));
	memcpy(&list.n, (const char *) member + offsetof(struct list, n), sizeof(list.n));
	return list;
}

void list_set(void *member, struct list list)
{
	memcpy(member, &list.v, sizeof(list.v));
	memcpy((char *) member + offsetof(struct list, n), &list.n, sizeof(list.n));
}

struct field_element field_element(const struct field *f)
{
	static const struct field_element elements[] = {
		[FIELD_TEXT_LIST] = { FIELD_TEXT, sizeof(const char *) },
		[FIELD_BYTES_LIST] = { FIELD_BYTES, sizeof(struct bytes) },
		[FIELD_ID_LIST] = { FIELD_ID, sizeof(struct id) },
		[FIELD_INT_LIST] = { FIELD_INT, sizeof(int64_t) },
	};
	if (f->kind == FIELD_STRUCTS_KIND) {
		return (struct field_element) { FIELD_STRUCT_KIND, f->sub->size };
	}
	return elements[f->kind];
}

/* What .min and .max count: a value or a length; -1 for kinds that have neither. */
static int64_t measure(const struct field *f, const void *member)
{
	const char *const *text = member;
	const int64_t *value = member;
	const struct bytes *bytes = member;
	switch (f->kind) {
	case FIELD_TEXT:
		return *text == NULL ? 0 : (int64_t) strlen(*text);
	case FIELD_INT:
		return *value;
	case FIELD_BYTES:
		return (int64_t) bytes->n;
	case FIELD_TEXT_LIST:
	case FIELD_BYTES_LIST:
	case FIELD_ID_LIST:
	case FIELD_INT_LIST:
	case FIELD_STRUCTS_KIND:
		return (int64_t) list_get(member).n;
	case FIELD_BOOL:
	case FIELD_ID:
	case FIELD_TIME:
	case FIELD_JSON:
	case FIELD_STRUCT_KIND:
		break;
	}
	return f->min;
}

static const char *range_refusal(struct arena *a, const struct field *f)
{
	const char *what = f->kind == FIELD_INT ? "must be" : "must have";
	const char *unit = "";
	if (f->kind == FIELD_TEXT) {
		unit = " characters";
	} else if (f->kind == FIELD_BYTES) {
		unit = " octets";
	} else if (f->kind != FIELD_INT) {
		unit = " entries";
	}
	if (f->max == INT64_MAX) {
		return arena_printf(a, "%s at least %lld%s", what, (long long) f->min, unit);
	}
	return arena_printf(a, "%s between %lld and %lld%s", what, (long long) f->min, (long long) f->max, unit);
}

static const char *choice_refusal(struct arena *a, const struct field *f, const char *text)
{
	const char *all = "";
	for (const char *const *one = f->one_of; *one != NULL; one++) {
		if (strcmp(*one, text) == 0) {
			return NULL;
		}
		all = arena_printf(a, "%s%s%s", all, all[0] == '\0' ? "" : ", ", *one);
	}
	return arena_printf(a, "must be one of: %s", all);
}

static const char *choices_refusal(struct arena *a, const struct field *f, const void *member)
{
	const char *const *text = member;
	if (f->kind == FIELD_TEXT) {
		return *text == NULL ? NULL : choice_refusal(a, f, *text);
	}
	const struct text_list *list = member;
	for (size_t i = 0; f->kind == FIELD_TEXT_LIST && i < list->n; i++) {
		const char *why = choice_refusal(a, f, list->v[i]);
		if (why != NULL) {
			return why;
		}
	}
	return NULL;
}

const char *field_refusal(struct arena *a, const struct field *f, const void *member)
{
	if (f->min < f->max) {
		int64_t n = measure(f, member);
		if (n < f->min || n > f->max) {
			return range_refusal(a, f);
		}
	}
	return f->one_of == NULL ? NULL : choices_refusal(a, f, member);
}
