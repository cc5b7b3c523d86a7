/* Certificate requests from the world, and those that prove a compromise (style 25; A-112..A-116, E-15). */
#include <stdlib.h>

#include "lib/crypto/csr.h"
#include "policy/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct csr csr;
	ctx_init(&c);
	bool good = csr_parse(&c, (struct bytes) { data, size }, &csr) == 0;
	if (good) {
		struct text_list names = csr_names(&c, &csr);
		if (csr.key == NULL || csr.kind == KEY_OTHER || names.n > csr.dns_names.n + 1) {
			abort();
		}
		(void) !csr_names_check(&c, &csr, &names, &csr.ip_addresses);
		ctx_forgive(&c);
		(void) !keys_check(&c, KEYS_CERTIFICATE, csr.spki, NULL, PROBLEM_BAD_CSR);
	} else if (c.err.type != PROBLEM_BAD_CSR) {
		abort();
	}
	struct bytes spki;
	const char *name = NULL;
	ctx_forgive(&c);
	if (csr_proof_parse(&c, (struct bytes) { data, size }, &spki, &name) == 0 ? good : c.err.type != PROBLEM_BAD_CSR) {
		abort(); /* what proves is no CSR of an order */
	}
	ctx_done(&c);
	return 0;
}
