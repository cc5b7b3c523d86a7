/* The verdict on a tls-alpn-01 validation (RFC 8737 3; B-2..B-4). */
#include <string.h>

#include "lib/crypto/digest.h"
#include "policy/acme_cert.h"
#include "policy/decide.h"

static bool digest_is_right(const struct connection_attempt *t)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(t->tls_certificate, digest);
	return bytes_equal(t->body_sha256, (struct bytes) { digest, sizeof(digest) }) &&
	       t->body_octets == (int64_t) t->tls_certificate.n;
}

/* One attempt for each address, the next only where the one before could not be reached. */
static bool record_is_right(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct connection_attempt_list *attempts = &result->attempts;
	struct ip ip;
	bool literal = ip_parse(in->request->identifier.value, &ip) == 0;
	const struct decide_place place = { in->request->identifier.value, literal ? &ip : NULL };
	const char *server_name = literal ? ip_reverse_name(a, &ip) : in->request->identifier.value;
	for (size_t i = 0; i < attempts->n; i++) {
		const struct connection_attempt *t = &attempts->v[i];
		if (t->host == NULL || strcmp(t->host, in->request->identifier.value) != 0 || t->port != in->ports.https ||
		    t->server_name == NULL || strcmp(t->server_name, server_name) != 0 ||
		    !decide_address_is_right(a, in, &result->resolutions, t, &place)) {
			return false;
		}
		if (i + 1 < attempts->n && !failure_before_connect(failure_of_text(t->error))) {
			return false;
		}
	}
	return true;
}

static struct verdict decide_error(struct arena *a, const struct connection_attempt *t)
{
	enum failure f = failure_of_text(t->error);
	enum problem problem = failure_problem(f);
	if (f == FAILURE_NAME || f == FAILURE_FAULT) {
		return decide_refused(problem, t->error);
	}
	return decide_refused(
	    problem, arena_printf(a, "%s: tls-alpn-01 for %s on port %d: %s",
	                 t->address_used == NULL ? t->host : t->address_used, t->host, (int) t->port, t->error));
}

static struct verdict decide_handshake(
    struct arena *a, const struct decide_input *in, const struct connection_attempt *t)
{
	if (t->alpn == NULL || strcmp(t->alpn, ACME_TLS_ALPN) != 0) { /* B-2 */
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a,
		        "%s: tls-alpn-01 for %s: the server did not agree on the protocol \"" ACME_TLS_ALPN
		        "\" (ALPN), so it is not set up to answer this challenge",
		        t->address_used, t->host));
	}
	const char *refusal =
	    acme_cert_refusal(a, t->tls_certificate, in->request->identifier.value, in->request->key_authorization);
	if (refusal != NULL) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "%s: Incorrect validation certificate for tls-alpn-01 of %s: the certificate %s",
		        t->address_used, t->host, refusal));
	}
	return (struct verdict) { .passed = true };
}

/* B-2, as it was recorded. */
static bool version_is_right(const char *version)
{
	return version != NULL && (strcmp(version, "TLSv1.2") == 0 || strcmp(version, "TLSv1.3") == 0);
}

struct verdict decide_tlsalpn01(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct connection_attempt_list *attempts = &result->attempts;
	if (attempts->n == 0 || !record_is_right(a, in, result)) {
		return decide_contradiction();
	}
	const struct connection_attempt *last = &attempts->v[attempts->n - 1];
	if (last->error != NULL) {
		struct verdict verdict = decide_error(a, last);
		verdict.silent = decide_is_silence(&result->resolutions, last);
		return verdict;
	}
	if (last->address_used == NULL || !version_is_right(last->tls_version) || !digest_is_right(last)) {
		return decide_contradiction();
	}
	return decide_handshake(a, in, last);
}
