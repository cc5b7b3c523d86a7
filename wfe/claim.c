/* An account is claimed with a new key, which signs (docs/recovery.md): first by a contact of it, then by the token that came there. What
 * the answers say depends on what was sent alone; subscriber/recovery_job.c finds out later what there is to it. */
#include <string.h>

#include "lib/base/contact.h"
#include "lib/crypto/cert.h"
#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/recovery.h"
#include "wfe/request.h"

#define TOKEN_MAX 100

struct claim {
	const char *account;
	struct bytes certificate;
	const char *contact;
	const char *token;
};
static const struct field claim_field[] = {
	FIELD(struct claim, account),
	FIELD(struct claim, certificate),
	FIELD(struct claim, contact),
	FIELD(struct claim, token),
};
static const struct fields claim_fields = FIELDS(struct claim, claim_field);

struct claim_object {
	const char *status;
	const char *account;
	struct timestamp ends_at;
	int64_t token_life_s;
	int64_t delay_s;
};
static const struct field claim_object_field[] = {
	FIELD(struct claim_object, status),
	FIELD(struct claim_object, account),
	FIELD_AS(struct claim_object, ends_at, "endsAt"),
	FIELD_AS(struct claim_object, token_life_s, "tokenLife", .flags = FIELD_OMIT_EMPTY),
	FIELD_AS(struct claim_object, delay_s, "delay", .flags = FIELD_OMIT_EMPTY),
};
static const struct fields claim_object_fields = FIELDS(struct claim_object, claim_object_field);

bool recovery_claims_offered(const struct front *front)
{
	return recovery_offered(front) && front->config->smtp.url != NULL;
}

/* The account, by its URL or by one of its certificates. */
static int read_account(struct acme *q, const struct claim *in, struct claim_account_request *request)
{
	struct cert_info info;
	if ((in->account == NULL) == (in->certificate.n == 0)) {
		return FAIL(q->c, MALFORMED,
		    "Name the account by \"account\", its URL, or by \"certificate\", one that was issued to it");
	}
	if (in->account != NULL) {
		return request_parse_kid(q, in->account, &request->account_id) == 0 && !id_is_none(request->account_id)
		           ? 0
		           : FAIL(q->c, MALFORMED, "\"account\" is not the URL of an account of this server");
	}
	TRY(cert_parse(q->c, in->certificate, &info));
	request->serial = info.serial;
	request->certificate = in->certificate;
	return 0;
}

static int ask(struct acme *q, const struct claim *in)
{
	struct claim_account_request request = { .key = q->jwk.canonical, .remote_address = q->remote.address };
	struct claim_account_response response;
	if (in->contact == NULL) {
		return FAIL(q->c, MALFORMED, "Say \"contact\", a recovery contact of the account, or \"token\"");
	}
	TRY(contact_parse(q->c, in->contact, 1, &request.contact));
	if (strncmp(request.contact, "mailto:", 7) != 0) {
		return FAIL(q->c, UNSUPPORTED_CONTACT, "Accounts are given back by mail: the contact must be a mailto: URL");
	}
	TRY(read_account(q, in, &request));
	TRY(rpc_subscriber_claim_account(q->c, &request, &response));
	const struct claim_object object = {
		.status = "claimed", .token_life_s = response.token_s, .delay_s = response.delay_s
	};
	answer_json(q, 202, &claim_object_fields, &object);
	return 0;
}

static int confirm(struct acme *q, const struct claim *in)
{
	const struct confirm_recovery_request request = { .key = q->jwk.canonical, .token = in->token };
	struct recovery_progress progress;
	if (in->account != NULL || in->certificate.n > 0 || in->contact != NULL || strlen(in->token) > TOKEN_MAX) {
		return FAIL(q->c, MALFORMED, "\"token\" stands alone, as it came by mail");
	}
	TRY(rpc_subscriber_confirm_recovery(q->c, &request, &progress));
	const struct claim_object object = { .status = progress.status,
		.account = front_object_url(q, "account", progress.account_id),
		.ends_at = progress.ends_at };
	answer_json(q, 200, &claim_object_fields, &object);
	return 0;
}

int recover_account_serve(struct acme *q)
{
	struct claim in;
	const struct check_key_request key = { q->jwk.canonical };
	struct check_key_response good;
	if (!recovery_claims_offered(q->front)) {
		return FAIL(q->c, NOT_FOUND, "This CA does not give accounts back by itself");
	}
	TRY(request_payload(q, &claim_fields, &in));
	TRY(rpc_ra_check_key(q->c, &key, &good)); /* as for every key of an account */
	return in.token != NULL ? confirm(q, &in) : ask(q, &in);
}
