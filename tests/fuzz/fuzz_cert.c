/* Certificates and CRLs: revokeCert takes a certificate from the world, and the lints read what is to be signed
 * (style 25; A-127, F-32). */
#include <stdlib.h>

#include "lib/crypto/crl.h"
#include "policy/lints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct cert_info info;
	struct crl_info crl;
	struct bytes_list chain;
	const struct bytes in = { data, size };
	ctx_init(&c);
	if (cert_parse(&c, in, &info) == 0) {
		const struct lint_options o = { .mode = POLICY_PRIVATE, .now = info.not_before };
		(void) !lint_certificate(&c, CERT_ROOT, info.tbs, &o);
		const struct lint_options issued = { .mode = POLICY_WEBPKI, .now = info.not_before, .issuer = &info };
		ctx_forgive(&c);
		(void) !lint_certificate(&c, CERT_LEAF, info.tbs, &issued);
		ctx_forgive(&c);
		(void) !lint_crl(&c, info.tbs, &issued);
	} else if (c.err.type != PROBLEM_MALFORMED) {
		abort();
	}
	ctx_forgive(&c);
	(void) !crl_parse(&c, in, &crl);
	ctx_forgive(&c);
	(void) !cert_chain_of_pem(&c, in, &chain);
	ctx_done(&c);
	return 0;
}
