#include "subscriber/recovery.h"

#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/base64.h"
#include "lib/base/contact.h"
#include "lib/base/metrics.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "policy/limits.h"
#include "subscriber/box.h"
#include "subscriber/vault.h"

#define MAC_SIZE 43

static const struct field recovery_claim_field[] = {
	FIELD(struct recovery_claim, account_id),
	FIELD(struct recovery_claim, contact, .flags = FIELD_REQUIRED),
	FIELD(struct recovery_claim, key, .flags = FIELD_REQUIRED),
};
const struct fields recovery_claim_fields = FIELDS(struct recovery_claim, recovery_claim_field);

struct recovery_rules recovery_rules;

struct find_params {
	struct id account_id;
	struct bytes serial;
	struct bytes certificate;
};
static const struct field find_param[] = {
	FIELD(struct find_params, account_id),
	FIELD(struct find_params, serial),
	FIELD(struct find_params, certificate),
};
static const struct fields find_params_fields = FIELDS(struct find_params, find_param);

struct find_row {
	struct id account_id;
};
static const struct field find_row_field[] = { FIELD(struct find_row, account_id) };
static const struct fields find_row_fields = FIELDS(struct find_row, find_row_field);

static const struct statement find_statement = {
	.name = "claimed_account",
	.sql = "SELECT vault.claimed_account($1, $2, $3) AS account_id",
	.params = &find_params_fields,
	.row = &find_row_fields,
	.repeatable = true,
};

struct claim_params {
	struct id id;
	struct bytes sealed;
	struct bytes thumbprint;
	const char *limits;
	const char *process;
	struct id request_id;
};
static const struct field claim_param[] = {
	FIELD(struct claim_params, id),
	FIELD(struct claim_params, sealed),
	FIELD(struct claim_params, thumbprint),
	FIELD(struct claim_params, limits),
	FIELD(struct claim_params, process),
	FIELD(struct claim_params, request_id),
};
static const struct fields claim_params_fields = FIELDS(struct claim_params, claim_param);

static const struct statement claim_statement = {
	.name = "add_claim",
	.sql = "SELECT vault.add_claim($1, $2, $3, $4::jsonb, $5, $6)",
	.params = &claim_params_fields,
};

struct confirm_params {
	struct bytes thumbprint;
	struct bytes token_sha256;
	int64_t delay_s;
	const char *process;
	struct id request_id;
};
static const struct field confirm_param[] = {
	FIELD(struct confirm_params, thumbprint),
	FIELD(struct confirm_params, token_sha256),
	FIELD(struct confirm_params, delay_s),
	FIELD(struct confirm_params, process),
	FIELD(struct confirm_params, request_id),
};
static const struct fields confirm_params_fields = FIELDS(struct confirm_params, confirm_param);

static const struct statement confirm_statement = {
	.name = "confirm_recovery",
	.sql = "SELECT account_id, status, asked_at, ends_at FROM vault.confirm_recovery($1, $2, $3, $4, $5)",
	.params = &confirm_params_fields,
	.row = &recovery_progress_fields,
	.repeatable = true, /* gives the same again */
};

struct stop_params {
	struct id id;
	bool act;
	const char *process;
	struct id request_id;
};
static const struct field stop_param[] = {
	FIELD(struct stop_params, id),
	FIELD(struct stop_params, act),
	FIELD(struct stop_params, process),
	FIELD(struct stop_params, request_id),
};
static const struct fields stop_params_fields = FIELDS(struct stop_params, stop_param);

static const struct statement stop_statement = {
	.name = "stop_recovery",
	.sql =
	    "SELECT account_id, status, asked_at, ends_at FROM vault.stop_recovery($1, $2, 'the link of a mail was used', "
	    "'contact', $3, $4)",
	.params = &stop_params_fields,
	.row = &recovery_progress_fields,
	.repeatable = true,
};

const struct statement *const recovery_statements[] = { &find_statement, &claim_statement, &confirm_statement,
	&stop_statement };
const size_t recovery_n_statements = COUNT_OF(recovery_statements);

static int check_on(struct ctx *c)
{
	return recovery_rules.on ? 0 : FAIL(c, NOT_FOUND, "This CA does not give accounts back by itself");
}

/* Which account a certificate is of is no secret to who has it: certificates are public. Whether an account's id is good is not
 * looked at. */
static int find_account(struct ctx *c, const struct claim_account_request *in, struct id *ret)
{
	const struct find_params params = { .serial = in->serial, .certificate = in->certificate };
	struct find_row row;
	bool found = false;
	*ret = in->account_id;
	if (!id_is_none(in->account_id)) {
		return 0;
	}
	TRY(db_row(c, &find_statement, &params, &row, &found));
	*ret = row.account_id;
	return found && !id_is_none(row.account_id)
	           ? 0
	           : FAIL(c, NOT_FOUND, "The certificate was not issued to an account of this CA");
}

static int refused(const struct ctx *c)
{
	metric_add(METRIC_recoveries, c->err.type == PROBLEM_RATE_LIMITED ? "limited" : "failed", 1);
	if (c->err.type == PROBLEM_RATE_LIMITED && c->err.rule != NULL) {
		metric_add(METRIC_limits_refused, c->err.rule, 1);
	}
	return -1;
}

/* What is answered depends on nothing but what was sent and how often: the claim is looked at later (recovery_job.c). */
int subscriber_claim_account_serve(
    struct ctx *c, const struct claim_account_request *in, struct claim_account_response *ret)
{
	struct recovery_claim claim = { .key = in->key };
	struct jwk jwk;
	struct claim_params params = { .id = id_new(), .process = recovery_rules.instance, .request_id = c->request_id };
	TRY(check_on(c));
	TRY(jwk_parse_canonical(c, in->key, &jwk));
	TRY(contact_parse(c, in->contact, 1, &claim.contact));
	TRY(find_account(c, in, &claim.account_id));
	struct bytes text = fields_to_json(c->arena, &recovery_claim_fields, &claim);
	params.sealed = box_seal(c->arena, vault_key(), "claim", params.id, text, RECOVERY_CLAIM_OCTETS);
	params.thumbprint = (struct bytes) { jwk.thumbprint, SHA256_SIZE };
	params.limits = limits_for_claim(c->arena, vault_limits(),
	    &(struct limit_claim) { in->remote_address, claim.account_id, vault_contact_key(c->arena, claim.contact) });
	if (db_run(c, &claim_statement, &params) != 0) {
		return refused(c);
	}
	metric_add(METRIC_recoveries, "claimed", 1);
	*ret = (struct claim_account_response) { recovery_rules.token_s, recovery_rules.delay_s };
	return 0;
}

int subscriber_confirm_recovery_serve(
    struct ctx *c, const struct confirm_recovery_request *in, struct recovery_progress *ret)
{
	struct jwk jwk;
	uint8_t digest[SHA256_SIZE];
	bool found = false;
	TRY(check_on(c));
	TRY(jwk_parse_canonical(c, in->key, &jwk));
	sha256_of(bytes_of_text(in->token), digest);
	const struct confirm_params params = { { jwk.thumbprint, SHA256_SIZE }, { digest, sizeof(digest) },
		recovery_rules.delay_s, recovery_rules.instance, c->request_id };
	return db_row(c, &confirm_statement, &params, ret, &found);
}

const char *recovery_ticket(struct arena *a, struct id id)
{
	uint8_t mac[SHA256_SIZE];
	char text[ID_TEXT_SIZE];
	const struct bytes pieces[] = { bytes_of_text("cairn stop recovery"), { id.b, sizeof(id.b) } };
	hmac_sha256(vault_key(), pieces, COUNT_OF(pieces), mac);
	id_encode(id, text);
	return arena_printf(a, "%s%s", text, base64url_encode(a, (struct bytes) { mac, sizeof(mac) }));
}

int subscriber_stop_recovery_serve(struct ctx *c, const struct stop_recovery_request *in, struct recovery_progress *ret)
{
	struct stop_params params = { .act = in->act, .process = recovery_rules.instance, .request_id = c->request_id };
	const size_t n = ID_TEXT_SIZE - 1;
	bool found = false;
	TRY(check_on(c));
	if (strlen(in->ticket) != n + MAC_SIZE ||
	    id_parse((struct bytes) { (const uint8_t *) in->ticket, n }, &params.id) != 0 ||
	    CRYPTO_memcmp(recovery_ticket(c->arena, params.id), in->ticket, n + MAC_SIZE) != 0) {
		return FAIL(c, UNAUTHORIZED, "The link is not whole: copy all of it");
	}
	return db_row(c, &stop_statement, &params, ret, &found);
}
