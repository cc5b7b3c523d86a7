/* newAccount, account updates and key changes (RFC 8555 7.3). */
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/jwk.h"
#include "policy/keys.h"
#include "lib/rpc/handlers.h"
#include "ra/binding.h"
#include "ra/limits.h"
#include "ra/lists.h"
#include "ra/ra.h"

struct new_account_params {
	struct id id;
	const char *key;
	struct bytes thumbprint;
	struct bytes spki_sha256;
	const char *terms;
	bool terms_missing;
	bool only_existing;
	const char *process;
	struct id request_id;
	const char *limits;
	struct id eab_key;
	json_t *binding;
	const char *attempt; /* what the look at the binding took of a limit */
};

static const struct field new_bound_account_param[] = {
	FIELD(struct new_account_params, id),
	FIELD(struct new_account_params, key),
	FIELD(struct new_account_params, thumbprint),
	FIELD(struct new_account_params, spki_sha256),
	FIELD(struct new_account_params, terms),
	FIELD(struct new_account_params, terms_missing),
	FIELD(struct new_account_params, only_existing),
	FIELD(struct new_account_params, process),
	FIELD(struct new_account_params, request_id),
	FIELD(struct new_account_params, limits),
	FIELD(struct new_account_params, eab_key),
	FIELD(struct new_account_params, binding),
	FIELD(struct new_account_params, attempt),
};
static const struct fields new_bound_account_params_fields = FIELDS(struct new_account_params, new_bound_account_param);
/* The same without the binding's three. */
static const struct fields new_account_params_fields = {
	.name = "new_account", .size = sizeof(struct new_account_params), .v = new_bound_account_param, .n = 10
};

struct account_row {
	struct id id;
	const char *status;
	const char *key;
	struct bytes thumbprint;
	bool terms_agreed;
	struct timestamp created_at;
	bool created;
	struct id held_by; /* by which account the key is held; read by a key change alone */
};

static const struct field account_row_field[] = {
	FIELD(struct account_row, id),
	FIELD(struct account_row, status),
	FIELD(struct account_row, key),
	FIELD(struct account_row, thumbprint),
	FIELD(struct account_row, terms_agreed),
	FIELD(struct account_row, created_at),
	FIELD(struct account_row, created),
	FIELD(struct account_row, held_by),
};
static const struct fields account_row_fields = {
	.name = "account", .size = sizeof(struct account_row), .v = account_row_field, .n = 7
};
static const struct fields changed_account_row_fields = FIELDS(struct account_row, account_row_field);

const struct statement ra_new_account_statement = {
	.name = "new_account",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, created "
	       "FROM acme.new_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb)",
	.params = &new_account_params_fields,
	.row = &account_row_fields,
	.repeatable = true, /* the key decides: a second run finds the account of the first */
};

const struct statement ra_new_bound_account_statement = {
	.name = "new_bound_account",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, created "
	       "FROM acme.new_bound_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $12, $10::jsonb, $13::jsonb)",
	.params = &new_bound_account_params_fields,
	.row = &account_row_fields,
	.repeatable = true, /* the key's use is taken by who makes the account, and a second run finds it made */
};

static struct account account_of_row(const struct account_row *row)
{
	return (struct account) {
		.id = row->id,
		.status = row->status,
		.key = row->key,
		.thumbprint = row->thumbprint,
		.terms_agreed = row->terms_agreed,
		.created_at = row->created_at,
	};
}

/* The statement that makes this account. A binding that was sent is verified, demanded or not. */
static int choose_statement(struct ctx *c, const struct new_account_request *in, const struct jwk *jwk,
    struct new_account_params *params, const struct statement **ret)
{
	bool bound = in->external_account_binding != NULL;
	if (!bound && !in->only_return_existing && ra_get()->config->acme.eab_required) {
		return FAIL(c, EXTERNAL_ACCOUNT_REQUIRED, "New accounts need an external account binding"); /* */
	}
	if (bound) {
		params->attempt = limits_for_binding(c->arena, &ra_get()->limits, in->remote_address);
		TRY(binding_check(c, in->external_account_binding, jwk, params->attempt, &params->eab_key));
		params->binding = in->external_account_binding;
	}
	*ret = bound ? &ra_new_bound_account_statement : &ra_new_account_statement;
	return 0;
}

static int key_check(struct ctx *c, const struct jwk *jwk)
{
	const struct keys_read key = { jwk->key, jwk->spki };
	const struct policy *policy = lists_hold();
	int result = keys_check_read(c, KEYS_ACCOUNT, &key, policy, PROBLEM_BAD_PUBLIC_KEY);
	lists_release();
	return result;
}

/* A key that an account may have. */
static int key_read(struct ctx *c, const char *text, struct jwk *ret)
{
	json_t *json = NULL;
	TRY(json_parse(c, bytes_of_text(text), &json));
	TRY(jwk_parse(c, json, ret));
	return key_check(c, ret);
}

/* A statement that gives the key to an account, or says by which rule it doesn't (acme.tell_account_key; F-24, F-25). */
static int run_with_key(struct ctx *c, const struct statement *statement, const void *params, struct account_row *ret)
{
	bool found = false;
	if (db_row(c, statement, params, ret, &found) != 0) {
		return limits_refused(c);
	}
	return found ? 0 : FAIL(c, SERVER_INTERNAL, "The database gave no answer");
}

int ra_new_account_serve(struct ctx *c, const struct new_account_request *in, struct new_account_response *ret)
{
	struct jwk jwk;
	TRY(key_read(c, in->key, &jwk));
	uint8_t spki_sha256[SHA256_SIZE];
	sha256_of(jwk.spki, spki_sha256);
	const char *terms = ra_get()->config->acme.terms_of_service;
	struct new_account_params params = {
		.id = id_new(),
		.key = jwk.canonical,
		.thumbprint = { jwk.thumbprint, SHA256_SIZE },
		.spki_sha256 = { spki_sha256, SHA256_SIZE },
		.terms = in->terms_agreed ? terms : NULL,
		.terms_missing = terms != NULL && !in->terms_agreed,
		.only_existing = in->only_return_existing,
		.process = ra_get()->instance,
		.request_id = c->request_id,
		.limits = limits_for_account(c->arena, &ra_get()->limits, in->remote_address),
	};
	const struct statement *statement = NULL;
	struct account_row row;
	TRY(choose_statement(c, in, &jwk, &params, &statement));
	TRY(run_with_key(c, statement, &params, &row));
	if (strcmp(row.status, "valid") != 0) {
		return FAIL(c, ACCOUNT_NOT_VALID, "The account of this key is %s", row.status); /* */
	}
	*ret = (struct new_account_response) { .account = account_of_row(&row), .created = row.created };
	return 0;
}

struct deactivate_account_params {
	struct id account_id;
	struct bytes thumbprint;
	const char *process;
	struct id request_id;
};

static const struct field deactivate_account_param[] = {
	FIELD(struct deactivate_account_params, account_id),
	FIELD(struct deactivate_account_params, thumbprint),
	FIELD(struct deactivate_account_params, process),
	FIELD(struct deactivate_account_params, request_id),
};
static const struct fields deactivate_account_params_fields =
    FIELDS(struct deactivate_account_params, deactivate_account_param);

const struct statement ra_deactivate_account_statement = {
	.name = "deactivate_account",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, false AS created "
	       "FROM acme.deactivate_account($1, $2, $3, $4)",
	.params = &deactivate_account_params_fields,
	.row = &account_row_fields,
};

int ra_update_account_serve(struct ctx *c, const struct update_account_request *in, struct account *ret)
{
	if (!in->deactivate) {
		return FAIL(c, MALFORMED, "Deactivation is the only change of an account that this call makes");
	}
	struct deactivate_account_params params = {
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	struct account_row row;
	bool found = false;
	TRY(db_row(c, &ra_deactivate_account_statement, &params, &row, &found));
	if (!found) {
		return FAIL(c, ACCOUNT_DOES_NOT_EXIST, "There is no such account");
	}
	*ret = account_of_row(&row);
	return 0;
}

struct change_key_params {
	struct id account_id;
	struct bytes old;
	const char *key;
	struct bytes thumbprint;
	struct bytes spki_sha256;
	const char *process;
	struct id request_id;
	const char *limits;
};

static const struct field change_key_param[] = {
	FIELD(struct change_key_params, account_id),
	FIELD(struct change_key_params, old),
	FIELD(struct change_key_params, key),
	FIELD(struct change_key_params, thumbprint),
	FIELD(struct change_key_params, spki_sha256),
	FIELD(struct change_key_params, process),
	FIELD(struct change_key_params, request_id),
	FIELD(struct change_key_params, limits),
};
static const struct fields change_key_params_fields = FIELDS(struct change_key_params, change_key_param);

const struct statement ra_change_key_statement = {
	.name = "change_key",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, false AS created, held_by "
	       "FROM acme.change_key($1, $2, $3, $4, $5, $6, $7, $8::jsonb)",
	.params = &change_key_params_fields,
	.row = &changed_account_row_fields,
	.repeatable = true,
};

/* RFC 8555 7.3.5: who holds both keys is told which account has the new one. */
static int refuse_held_key(struct ctx *c, struct id account)
{
	char text[ID_TEXT_SIZE];
	id_encode(account, text);
	c->err.location = arena_printf(c->arena, "%s/acme/account/%s", ra_get()->config->acme.external_url, text);
	return FAIL(c, KEY_CONFLICT, "The new key is the key of an account already");
}

int ra_check_key_serve(struct ctx *c, const struct check_key_request *in, struct check_key_response *ret)
{
	struct jwk jwk;
	TRY(key_read(c, in->key, &jwk));
	*ret = (struct check_key_response) { arena_bytes(c->arena, jwk.thumbprint, SHA256_SIZE) };
	return 0;
}

int ra_change_key_serve(struct ctx *c, const struct change_key_request *in, struct account *ret)
{
	struct jwk jwk;
	uint8_t spki_sha256[SHA256_SIZE];
	TRY(key_read(c, in->key, &jwk)); /* */
	sha256_of(jwk.spki, spki_sha256);
	struct change_key_params params = {
		.account_id = in->account_id,
		.old = in->thumbprint,
		.key = jwk.canonical,
		.thumbprint = { jwk.thumbprint, SHA256_SIZE },
		.spki_sha256 = { spki_sha256, SHA256_SIZE },
		.process = ra_get()->instance,
		.request_id = c->request_id,
		.limits = limits_for_step(c->arena, &ra_get()->limits, LIMIT_KEY_CHANGES_PER_ACCOUNT, in->account_id),
	};
	struct account_row row;
	TRY(run_with_key(c, &ra_change_key_statement, &params, &row));
	if (!id_is_none(row.held_by)) {
		return refuse_held_key(c, row.held_by);
	}
	*ret = account_of_row(&row);
	return 0;
}
