/* Names of certificates from the world (style 25; B-13). What is read is written the same way again. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/renewal_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct renewal_id id;
	ctx_init(&c);
	if (renewal_id_parse(&c, (struct bytes) { data, size }, &id) == 0) {
		const char *key_id = base64url_encode(c.arena, id.key_id);
		const char *text = arena_printf(c.arena, "%s.%s", key_id, base64url_encode(c.arena, id.serial));
		if (strlen(text) != size || memcmp(text, data, size) != 0 || (id.serial.p[0] & 0x80) != 0) {
			abort();
		}
	} else if (c.err.type != PROBLEM_MALFORMED) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
