/* What the short way reads, the general parser reads in the same way (style 25; ). */
#include <stdlib.h>

#include "lib/base/fields.h"
#include "lib/crypto/flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flat flat;
	struct ctx c;
	json_t *object = NULL;
	if (flat_parse((struct bytes) { data, size }, &flat) != 0) {
		return 0;
	}
	ctx_init(&c);
	if (json_parse(&c, (struct bytes) { data, size }, &object) != 0 || json_object_size(object) != flat.n) {
		abort();
	}
	for (size_t i = 0; i < flat.n; i++) {
		const char *name = arena_text_n(c.arena, flat.names[i].p, flat.names[i].n);
		const char *value = json_string_value(json_object_get(object, name));
		if (value == NULL || !bytes_equal_text(flat.values[i], value)) {
			abort();
		}
	}
	ctx_done(&c);
	return 0;
}
