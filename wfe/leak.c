#include "wfe/leak.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "policy/rules.h"
#include "wfe/nonces.h"
#include "wfe/routes.h"

/* Less can't hold the octets of a private key of any account or certificate, and most fields are shorter. */
#define SECRET_MIN 32

void leak_find(struct acme *q)
{
	size_t n = 0;
	const struct http_header *headers = http_request_headers(q->http, &n);
	bool found = private_key_find(q->c->arena, q->http->body, &q->leak);
	for (size_t i = 0; i < 2 * n && !found; i++) {
		struct bytes value = bytes_of_text(i % 2 == 0 ? headers[i / 2].value : headers[i / 2].name);
		found = value.n >= SECRET_MIN && private_key_find(q->c->arena, value, &q->leak);
		q->leak_in_header = found;
	}
	struct bytes target = bytes_of_text(q->http->target == NULL ? "" : q->http->target);
	if (!found && target.n >= SECRET_MIN) {
		q->leak_in_url = private_key_find(q->c->arena, target, &q->leak);
	}
}

static enum problem problem_of(const struct acme *q)
{
	if (strcmp(q->leak.form, "JWK") == 0) {
		return PROBLEM_BAD_PUBLIC_KEY;
	}
	return q->route != NULL && q->route->serve == finalize_serve ? PROBLEM_BAD_CSR : PROBLEM_MALFORMED;
}

/* G-6, E-13, F-24. Nobody signs for this, and a signature by a key is work: so visits count. */
int leak_refuse(struct acme *q)
{
	struct jwk jwk;
	struct block_key_request request = { .form = q->leak.form };
	struct block_key_response done;
	nonces_spend_broken(q->c, q->front, q->http->body); /* */
	ctx_forgive(q->c);
	TRY(visits_admit(q->c, q->front->visits, q->remote.address));
	bool known = private_key_prove(q->c, &q->leak, &jwk);
	if (known) {
		uint8_t digest[SHA256_SIZE];
		sha256_of(jwk.spki, digest);
		request.spki_sha256 = (struct bytes) { digest, sizeof(digest) };
		request.thumbprint = (struct bytes) { jwk.thumbprint, sizeof(jwk.thumbprint) };
		TRY(rpc_ra_block_key(q->c, &request, &done));
	}
	ctx_rule(q->c, rule_info(RULE_KEY_PRIVATE)->id);
	ctx_fail(q->c, problem_of(q),
	    "The request holds a private key (%s), which nobody may have but its owner. It was not kept%s. Make a new key",
	    q->leak.form, known ? ", and the key is blocked as compromised" : "");
	return -1;
}
