/* revokeCert (RFC 8555 7.6). */
#include <stdio.h>

#include "lib/base/metrics.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "policy/revocation.h"
#include "ra/limits.h"
#include "ra/ra.h"

struct revoke_params {
	struct bytes serial;
	struct bytes certificate;
	int64_t reason;
	struct id account_id;
	struct bytes thumbprint;
	bool by_key;
	const char *process;
	struct id request_id;
	const char *limits;
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
	FIELD(struct revoke_params, limits),
};
static const struct fields revoke_params_fields = FIELDS(struct revoke_params, revoke_param);

struct revoke_row {
	struct timestamp revoked_at;
	int64_t others; /* certificates that had the same key and were revoked with it */
};
static const struct field revoke_row_field[] = {
	FIELD(struct revoke_row, revoked_at),
	FIELD(struct revoke_row, others),
};
static const struct fields revoke_row_fields = FIELDS(struct revoke_row, revoke_row_field);

const struct statement ra_revoke_statement = {
	.name = "revoke_certificate",
	.sql = "SELECT revoked_at, others FROM acme.revoke_certificate($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)",
	.params = &revoke_params_fields,
	.row = &revoke_row_fields,
	.repeatable = true, /* the request's id tells a second run from a second request */
};

static int reason_check(struct ctx *c, int64_t reason)
{
	if (!revocation_reason_is_subscribers(reason)) { /* BR 7.2.2, A-129 */
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
		.reason = by_key           ? REVOCATION_KEY_COMPROMISE
		          : in->has_reason ? in->reason
		                           : 0,
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.by_key = by_key,
		.process = ra_get()->instance,
		.request_id = c->request_id,
		/* Nobody is kept from saying that a key is compromised (BR 4.9.1.1). */
		.limits =
		    by_key ? NULL : limits_for_step(c->arena, &ra_get()->limits, LIMIT_REVOCATIONS_PER_ACCOUNT, in->account_id),
	};
	struct revoke_row row;
	bool found = false;
	if (db_row(c, &ra_revoke_statement, &params, &row, &found) != 0) {
		return limits_refused(c);
	}
	ret->revoked_at = row.revoked_at;
	metric_add(METRIC_certificates_revoked, revocation_reason_name(params.reason), 1 + row.others);
	return 0;
}
