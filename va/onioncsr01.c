#include "va/onioncsr01.h"

#include "lib/crypto/digest.h"
#include "va/record.h"

/* The request stands where another method has the body of an answer (F-43). */
void onioncsr01_start(struct dcv *dcv)
{
	struct bytes body = dcv->request->response;
	uint8_t *digest = arena_alloc(dcv->arena, SHA256_SIZE);
	sha256_of(body, digest);
	(void) record_attempt(dcv->arena, dcv->result,
	    &(struct connection_attempt) {
	        .host = dcv->request->identifier.value,
	        .body = body,
	        .body_sha256 = { digest, SHA256_SIZE },
	        .body_octets = (int64_t) body.n,
	        .started_at = clock_now(),
	    });
	dcv_finish(dcv);
}

void onioncsr01_abandon(struct dcv *dcv)
{
	dcv_finish(dcv);
}
