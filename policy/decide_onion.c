/* The verdict on an onion service's signed request (RFC 9799 3.2; B-37). */
#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/onion.h"
#include "policy/decide.h"
#include "policy/onion_csr.h"

static struct verdict refuse_form(struct arena *a, const char *wrong)
{
	return decide_refused(PROBLEM_BAD_CSR, arena_printf(a, "The CSR %s", wrong));
}

/* Both nonces are raw octets; ours is what the challenge shows in base64. */
static struct verdict decide_nonces(struct arena *a, const struct onion_csr *csr, struct bytes nonce)
{
	if (csr->ca_nonce.n == 0) {
		return refuse_form(a, "has no caSigningNonce (2.23.140.41)");
	}
	if (!bytes_equal(csr->ca_nonce, nonce)) {
		const char *hint = bytes_equal_text(csr->ca_nonce, base64_encode(a, nonce))
		                       ? "; the octets are wanted that the base64 of the challenge stands for"
		                       : "";
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "The caSigningNonce of the CSR is not the nonce of this challenge%s", hint));
	}
	if (csr->applicant_nonce.n < ONION_NONCE_MIN) {
		return refuse_form(a, csr->applicant_nonce.n == 0
		                          ? "has no applicantSigningNonce (2.23.140.42)"
		                          : "has an applicantSigningNonce (2.23.140.42) of less than 8 octets");
	}
	return (struct verdict) { .passed = true };
}

struct verdict decide_onion(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct validate_request *request = in->request;
	const struct connection_attempt *t = result->attempts.v;
	struct onion onion;
	struct onion_csr csr;
	struct bytes nonce;
	if (result->attempts.n != 1 || t->host == NULL || strcmp(t->host, request->identifier.value) != 0 ||
	    !bytes_equal(t->body, request->response) || base64url_decode(a, bytes_of_text(request->token), &nonce) != 0) {
		return decide_contradiction();
	}
	const char *wrong = onion_parse(request->identifier.value, &onion);
	if (wrong != NULL) {
		return decide_refused(PROBLEM_REJECTED_IDENTIFIER, arena_printf(a, "%s: %s", request->identifier.value, wrong));
	}
	wrong = onion_csr_parse(t->body, &csr);
	if (wrong != NULL) {
		return refuse_form(a, wrong);
	}
	if (!bytes_equal(csr.key, (struct bytes) { onion.key, ONION_KEY_SIZE })) {
		return decide_refused(
		    PROBLEM_UNAUTHORIZED, arena_printf(a, "The key of the CSR is not that of %s", onion.service));
	}
	if (!onion_verify(&onion, csr.info, csr.signature)) {
		return refuse_form(a, "has a signature that does not verify");
	}
	return decide_nonces(a, &csr, nonce);
}
