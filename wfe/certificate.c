/* Download of a chain (RFC 8555 7.4.2) and revocation (7.6). */
#include "lib/base/buffer.h"
#include "lib/crypto/cert.h"
#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/issued.h"
#include "wfe/request.h"
#include "wfe/statements.h"

struct certificate_lookup {
	struct id id;
};
static const struct field certificate_lookup_field[] = { FIELD(struct certificate_lookup, id) };
static const struct fields certificate_lookup_fields = FIELDS(struct certificate_lookup, certificate_lookup_field);

struct certificate_row {
	struct id account_id;
	struct bytes der;
	const char *chain;
};
static const struct field certificate_row_field[] = {
	FIELD(struct certificate_row, account_id),
	FIELD(struct certificate_row, der),
	FIELD(struct certificate_row, chain),
};
static const struct fields certificate_row_fields = FIELDS(struct certificate_row, certificate_row_field);

const struct statement certificate_find = {
	.name = "certificate_find",
	.sql = "SELECT account_id, der, chain FROM front.certificate WHERE id = $1",
	.params = &certificate_lookup_fields,
	.row = &certificate_row_fields,
	.repeatable = true,
};

struct revoke {
	struct bytes certificate;
	json_t *reason;
};
static const struct field revoke_field[] = {
	FIELD(struct revoke, certificate, .flags = FIELD_REQUIRED),
	FIELD(struct revoke, reason),
};
static const struct fields revoke_fields = FIELDS(struct revoke, revoke_field);

static int read_certificate(struct acme *q, struct issued *ret)
{
	struct certificate_lookup lookup = { q->id };
	struct certificate_row row;
	bool found = false;
	TRY(db_row(q->c, &certificate_find, &lookup, &row, &found));
	TRY(request_check_owner(q, "certificate", found, row.account_id)); /* */
	struct bytes leaf = cert_to_pem(q->c->arena, row.der);
	struct bytes chain = bytes_of_text(row.chain);
	struct buffer b;
	buffer_init(&b, q->c->arena, leaf.n + chain.n);
	buffer_add(&b, leaf.p, leaf.n);
	buffer_add(&b, chain.p, chain.n);
	struct cert_info info;
	TRY(cert_parse(q->c, row.der, &info));
	if (info.aia_url != NULL && row.chain != NULL) {
		issued_learn_chain(info.aia_url, chain);
	}
	*ret = (struct issued) { row.account_id, buffer_bytes(&b), info.aia_url };
	return 0;
}

int certificate_serve(struct acme *q)
{
	struct issued issued;
	if (issued_find(q->c, q->id, &issued)) {
		TRY(request_check_owner(q, "certificate", true, issued.account_id)); /* */
	} else {
		TRY(read_certificate(q, &issued));
	}
	q->status = 200;
	q->content_type = "application/pem-certificate-chain"; /* */
	q->reply = issued.pem;
	if (issued.up != NULL) {
		answer_link(q, issued.up, "up");
	}
	return 0;
}

/* an integer; which ones are allowed is for the RA to say. */
static int read_reason(struct acme *q, const struct revoke *in, struct revoke_certificate_request *request)
{
	if (in->reason == NULL) {
		return 0;
	}
	if (!json_is_integer(in->reason)) {
		return FAIL(q->c, BAD_REVOCATION_REASON, "The reason must be one of the numbers 0, 1, 3, 4, 5");
	}
	request->has_reason = true;
	request->reason = json_integer_value(in->reason);
	return 0;
}

int revoke_serve(struct acme *q)
{
	struct revoke in;
	TRY(request_payload(q, &revoke_fields, &in));
	struct revoke_certificate_request request = {
		.certificate = in.certificate,
		.account_id = q->account.id,
		.certificate_key = q->jwk.canonical, /* */
		.remote_address = q->remote.address,
	};
	if (!id_is_none(q->account.id)) {
		request.thumbprint = (struct bytes) { q->account.thumbprint, sizeof(q->account.thumbprint) };
	}
	TRY(read_reason(q, &in, &request));
	struct revoke_certificate_response response;
	TRY(rpc_ra_revoke_certificate(q->c, &request, &response));
	answer_empty(q, 200); /* */
	return 0;
}
