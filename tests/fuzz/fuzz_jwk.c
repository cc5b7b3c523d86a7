/* Keys of accounts from the world (style 25; ). */
#include <stdlib.h>
#include <string.h>

#include "lib/base/fields.h"
#include "lib/crypto/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct jwk jwk;
	struct jwk again;
	json_t *object = NULL;
	ctx_init(&c);
	if (json_parse(&c, (struct bytes) { data, size }, &object) == 0 && jwk_parse(&c, object, &jwk) == 0) {
		if (jwk_parse_canonical(&c, jwk.canonical, &again) != 0 ||
		    memcmp(jwk.thumbprint, again.thumbprint, sizeof(jwk.thumbprint)) != 0) {
			abort(); /* what is stored must come back as the same key */
		}
	} else if (c.err.type == PROBLEM_NONE || c.err.type == PROBLEM_SERVER_INTERNAL) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
