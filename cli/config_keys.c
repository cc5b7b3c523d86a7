#include "cli/config.h"

#include <string.h>

#include "lib/base/buffer.h"

#define KEYS_MAX ((size_t) 400)
#define SECRET_SHOWN "(secret)"

static const char *type_name(struct arena *a, const struct field *f)
{
	static const char *const names[] = {
		[FIELD_TEXT] = "text",
		[FIELD_BOOL] = "true or false",
		[FIELD_INT] = "whole number",
		[FIELD_TEXT_LIST] = "list of texts",
		[FIELD_STRUCT_KIND] = "section",
		[FIELD_STRUCTS_KIND] = "list of maps",
	};
	if (f->one_of != NULL) {
		const char *all = "";
		for (const char *const *one = f->one_of; *one != NULL; one++) {
			all = arena_printf(a, "%s%s%s", all, all[0] == '\0' ? "" : " | ", *one);
		}
		return all;
	}
	if (f->kind == FIELD_INT && f->min < f->max && f->max != INT64_MAX) {
		return arena_printf(a, "number %lld..%lld", (long long) f->min, (long long) f->max);
	}
	if ((f->flags & FIELD_PATH) != 0) {
		return "path";
	}
	return f->kind < COUNT_OF(names) && names[f->kind] != NULL ? names[f->kind] : "value";
}

static void add_keys(struct arena *a, const struct fields *f, const char *before, struct config_key_list *list)
{
	for (size_t i = 0; i < f->n && list->n < KEYS_MAX; i++) {
		const struct field *one = &f->v[i];
		const char *key = arena_printf(a, "%s%s", before, one->name);
		if (one->kind != FIELD_STRUCT_KIND) {
			bool required = (one->flags & FIELD_REQUIRED) != 0;
			list->v[list->n++] = (struct config_key) { key, type_name(a, one), one->def, required, one->help };
		}
		if (one->sub != NULL) {
			const char *deeper = one->kind == FIELD_STRUCTS_KIND ? "[]." : ".";
			add_keys(a, one->sub, arena_printf(a, "%s%s", key, deeper), list);
		}
	}
}

struct config_key_list config_keys(struct arena *a, const char *prefix)
{
	struct config_key_list all = { ARENA_ARRAY(a, KEYS_MAX, struct config_key), 0 };
	add_keys(a, &config_fields, "", &all);
	struct config_key_list kept = { all.v, 0 };
	size_t n = prefix == NULL ? 0 : strlen(prefix);
	for (size_t i = 0; i < all.n; i++) {
		const char *key = all.v[i].key;
		if (n == 0 || (strncmp(key, prefix, n) == 0 && (key[n] == '\0' || strchr(".[", key[n]) != NULL))) {
			kept.v[kept.n++] = all.v[i];
		}
	}
	return kept;
}

/* Puts a word in the place of each secret value of an object that the table wrote (G-6). */
static void hide_secrets(const struct fields *f, json_t *object)
{
	for (size_t i = 0; i < f->n; i++) {
		json_t *value = json_object_get(object, f->v[i].name);
		if (value != NULL && (f->v[i].flags & FIELD_SECRET) != 0) {
			json_object_set_new(object, f->v[i].name, json_string(SECRET_SHOWN));
		} else if (f->v[i].kind == FIELD_STRUCT_KIND) {
			hide_secrets(f->v[i].sub, value);
		} else if (f->v[i].kind == FIELD_STRUCTS_KIND) {
			for (size_t k = 0; k < json_array_size(value); k++) {
				hide_secrets(f->v[i].sub, json_array_get(value, k));
			}
		}
	}
}

/* JSON values are YAML too: a list of maps becomes one line for each. */
static void add_yaml(struct buffer *b, const json_t *value)
{
	if (!json_is_array(value) || !json_is_object(json_array_get(value, 0))) {
		struct bytes text = json_encode(b->arena, value);
		buffer_add_char(b, ' ');
		buffer_add(b, text.p, text.n);
		buffer_add_char(b, '\n');
		return;
	}
	buffer_add_char(b, '\n');
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct bytes text = json_encode(b->arena, json_array_get(value, i));
		buffer_add_text(b, "    - ");
		buffer_add(b, text.p, text.n);
		buffer_add_char(b, '\n');
	}
}

static void add_section(struct buffer *b, const char *name, json_t *section)
{
	buffer_printf(b, "%s:", name);
	if (!json_is_object(section)) {
		add_yaml(b, section);
		return;
	}
	buffer_add_char(b, '\n');
	const char *key = NULL;
	json_t *value = NULL;
	json_object_foreach(section, key, value)
	{
		buffer_printf(b, "  %s:", key);
		add_yaml(b, value);
	}
}

struct bytes config_shown(struct arena *a, const struct config *config, bool json)
{
	json_t *whole = arena_json(a, fields_to_json_value(&config_fields, config));
	hide_secrets(&config_fields, whole);
	if (json) {
		return json_encode(a, whole);
	}
	struct buffer b;
	buffer_init(&b, a, 8000);
	const char *key = NULL;
	json_t *value = NULL;
	json_object_foreach(whole, key, value)
	{
		add_section(&b, key, value);
	}
	return buffer_bytes(&b);
}
