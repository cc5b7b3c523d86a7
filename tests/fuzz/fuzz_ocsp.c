/* OCSP requests from the world, and our reader of responses (style 25; E-35). */
#include <stdlib.h>

#include "lib/crypto/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct bytes in = { data, size };
	struct ocsp_cert_id id;
	struct ocsp_info info;
	struct bytes again;
	ctx_init(&c);
	if (ocsp_request_parse(&c, in, &id) == 0) {
		if (id.serial.n == 0 || id.serial.n > 20 || id.name_hash.n != id.key_hash.n || id.hash >= OCSP_HASHES) {
			abort();
		}
	} else if (c.err.type != PROBLEM_MALFORMED) {
		abort();
	}
	ctx_forgive(&c);
	if (ocsp_parse(&c, in, &info) == 0) {
		/* what is read in this form is written in it, or not at all */
		if (ocsp_build_tbs(&c, &info.answer, &again) == 0 && !bytes_equal(again, info.tbs)) {
			abort();
		}
	} else if (c.err.type != PROBLEM_MALFORMED) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
