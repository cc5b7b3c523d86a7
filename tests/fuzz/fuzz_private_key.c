/* Private keys in whatever a client sends (style 25; G-6). */
#include <stdlib.h>

#include "lib/crypto/private_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct private_key found;
	struct jwk proved = { 0 };
	ctx_init(&c);
	bool there = private_key_find(c.arena, (struct bytes) { data, size }, &found);
	if (there != (found.form != NULL) || (!there && (found.der.p != NULL || found.jwk != NULL))) {
		abort();
	}
	if (there && private_key_prove(&c, &found, &proved) != (proved.spki.n > 0)) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
