/* JSON read and written by a field table: what is accepted comes back the same from what is written of it. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/fields_scan.h"
#include "tests/unit/fields_whole.h"

static const struct field part_field[] = { FIELD(struct part, type), FIELD(struct part, value) };
static const struct fields part_fields = FIELDS(struct part, part_field);

static const struct field whole_field[] = {
	FIELD(struct whole, name, .min = 0, .max = 100),
	FIELD(struct whole, on),
	FIELD(struct whole, count),
	FIELD(struct whole, key),
	FIELD(struct whole, id),
	FIELD(struct whole, at),
	FIELD(struct whole, names),
	FIELD(struct whole, keys),
	FIELD(struct whole, ids),
	FIELD(struct whole, numbers),
	FIELD(struct whole, any),
	FIELD_STRUCT(struct whole, part, &part_fields),
	FIELD_STRUCTS(struct whole, parts, &part_fields),
};
static const struct fields whole_fields = FIELDS(struct whole, whole_field);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the plain way takes, the general way takes too, and both read the same. */
static void compare(struct ctx *c, struct bytes text)
{
	struct whole plain, general;
	json_t *document = NULL;
	if (!fields_scan(c->arena, &whole_fields, text, &plain)) {
		return;
	}
	if (json_parse(c, text, &document) != 0 || fields_from_json(c, &whole_fields, document, &general) != 0 ||
	    !bytes_equal(
	        fields_to_json(c->arena, &whole_fields, &plain), fields_to_json(c->arena, &whole_fields, &general))) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	ctx_init(&c);
	struct whole w;
	compare(&c, (struct bytes) { data, size });
	if (fields_parse_json(&c, &whole_fields, (struct bytes) { data, size }, &w) == 0) {
		struct bytes first = fields_to_json(c.arena, &whole_fields, &w);
		struct whole again;
		if (fields_parse_json(&c, &whole_fields, first, &again) != 0 ||
		    !bytes_equal(fields_to_json(c.arena, &whole_fields, &again), first)) {
			abort();
		}
	}
	ctx_done(&c);
	return 0;
}
