/* revokeCert (RFC 8555 7.6). */
#include <stdio.h>

#include "lib/base/metrics.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "ra/ra.h"

#define REASON_KEY_COMPROMISE 1

/* CRLReasons that a subscriber may give (BR 7.2.2, A-129). */
static const char *const reasons[] = {
	[0] = "unspecified",
	[1] = "keyCompromise",
	[3] = "affiliationChanged",
	[4] = "superseded",
	[5] = "cessationOfOperation",
};

struct revoke_params {
	struct bytes serial;
	struct bytes certificate;
	int64_t reason;
	struct id account_id;
	struct bytes thumbprint;
	bool by_key;
	const char *process;
	struct id request_id;
};
static const struct field revoke_param[] = {
	FIELD(struct revoke_params, serial),
	FIELD(struct revoke_params, certificate),
	FIELD(struct revoke_params, reason),
	FIELD(struct revoke_params, account_id),
	FIELD(struct revoke_params, thumbprint),
	FIELD(struct revoke_params, by_key),
	FIELD(struct revoke_params, process),
	FIELD(struct revoke_params, request_id),
};
static const struct fields revoke_params_fields = FIELDS(struct revoke_params, revoke_param);

const struct statement ra_revoke_statement = {
	.name = "revoke_certificate",
	.sql = "SELECT acme.revoke_certificate($1, $2, $3, $4, $5, $6, $7, $8) AS revoked_at",
	.params = &revoke_params_fields,
	.row = &revoke_certificate_response_fields,
	.repeatable = true, /* the request's id tells a second run from a second request */
};

static int reason_check(struct ctx *c, int64_t reason)
{
	if (reason < 0 || reason >= (int64_t) COUNT_OF(reasons) || reasons[reason] == NULL) {
		return FAIL(c, BAD_REVOCATION_REASON,
		    "The reason code %lld is not allowed; allowed are 0 (unspecified), 1 (keyCompromise), "
		    "3 (affiliationChanged), 4 (superseded) and 5 (cessationOfOperation)",
		    (long long) reason);
	}
	return 0;
}

/* The key that signed the request is the certificate's own. */
static int key_check(struct ctx *c, const char *key, const struct cert_info *cert)
{
	json_t *json = NULL;
	struct jwk jwk;
	TRY(json_parse(c, bytes_of_text(key), &json));
	TRY(jwk_parse(c, json, &jwk));
	if (!bytes_equal(jwk.spki, cert->spki)) {
		return FAIL(c, UNAUTHORIZED, "The request is signed by a key that is not the key of the certificate");
	}
	return 0;
}

int ra_revoke_certificate_serve(
    struct ctx *c, const struct revoke_certificate_request *in, struct revoke_certificate_response *ret)
{
	struct cert_info cert;
	bool by_key = in->certificate_key != NULL;
	TRY(cert_parse(c, in->certificate, &cert));
	TRY(reason_check(c, in->has_reason ? in->reason : 0));
	if (by_key) {
		TRY(key_check(c, in->certificate_key, &cert));
	}
	struct revoke_params params = {
		.serial = cert.serial,
		.certificate = in->certificate,
		.reason = by_key           ? REASON_KEY_COMPROMISE
		          : in->has_reason ? in->reason
		                           : 0,
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.by_key = by_key,
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	bool found = false;
	TRY(db_row(c, &ra_revoke_statement, &params, ret, &found));
	metric_add(METRIC_certificates_revoked, reasons[params.reason], 1);
	return 0;
}
