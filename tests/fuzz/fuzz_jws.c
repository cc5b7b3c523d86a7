/* Bodies of requests from the world (style 25; A-17..A-29). */
#include <stdlib.h>

#include "lib/crypto/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct jws jws;
	struct jwk jwk;
	ctx_init(&c);
	if (jws_parse(&c, (struct bytes) { data, size }, &jws) == 0) {
		if ((jws.jwk == NULL) == (jws.kid == NULL) || jws.url == NULL || jws.nonce == NULL) {
			abort(); /* what a caller relies on */
		}
		if (jws.jwk != NULL && jwk_parse(&c, jws.jwk, &jwk) == 0) {
			(void) !jws_verify(&c, &jws, &jwk);
		}
	} else if (c.err.type == PROBLEM_NONE || c.err.type == PROBLEM_SERVER_INTERNAL) {
		abort(); /* a refusal has a reason, and it is the client's */
	}
	ctx_done(&c);
	return 0;
}
