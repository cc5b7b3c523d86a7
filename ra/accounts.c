/* newAccount and account updates (RFC 8555 7.3). */
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/jwk.h"
#include "policy/keys.h"
#include "lib/rpc/handlers.h"
#include "ra/binding.h"
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
	struct id eab_key;
	json_t *binding;
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
	FIELD(struct new_account_params, eab_key),
	FIELD(struct new_account_params, binding),
};
static const struct fields new_bound_account_params_fields = FIELDS(struct new_account_params, new_bound_account_param);
/* The same without the binding's two. */
static const struct fields new_account_params_fields = {
	.name = "new_account", .size = sizeof(struct new_account_params), .v = new_bound_account_param, .n = 9
};

struct account_row {
	struct id id;
	const char *status;
	const char *key;
	struct bytes thumbprint;
	bool terms_agreed;
	struct timestamp created_at;
	bool created;
};

static const struct field account_row_field[] = {
	FIELD(struct account_row, id),
	FIELD(struct account_row, status),
	FIELD(struct account_row, key),
	FIELD(struct account_row, thumbprint),
	FIELD(struct account_row, terms_agreed),
	FIELD(struct account_row, created_at),
	FIELD(struct account_row, created),
};
static const struct fields account_row_fields = FIELDS(struct account_row, account_row_field);

const struct statement ra_new_account_statement = {
	.name = "new_account",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, created "
	       "FROM acme.new_account($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	.params = &new_account_params_fields,
	.row = &account_row_fields,
	.repeatable = true, /* the key decides: a second run finds the account of the first */
};

const struct statement ra_new_bound_account_statement = {
	.name = "new_bound_account",
	.sql = "SELECT id, status, key, thumbprint, terms_agreed, created_at, created "
	       "FROM acme.new_bound_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
		TRY(binding_check(c, in->external_account_binding, jwk, &params->eab_key));
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

int ra_new_account_serve(struct ctx *c, const struct new_account_request *in, struct new_account_response *ret)
{
	json_t *json = NULL;
	struct jwk jwk;
	TRY(json_parse(c, bytes_of_text(in->key), &json));
	TRY(jwk_parse(c, json, &jwk));
	TRY(key_check(c, &jwk)); /* */
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
	};
	const struct statement *statement = NULL;
	struct account_row row;
	bool found = false;
	TRY(choose_statement(c, in, &jwk, &params, &statement));
	if (db_row(c, statement, &params, &row, &found) != 0) {
		if (c->err.type == PROBLEM_BAD_PUBLIC_KEY) { /* the statement looks it up in acme.blocked_key */
			ctx_rule(c, rule_info(RULE_KEY_COMPROMISED)->id);
		}
		return -1;
	}
	if (!found) {
		return FAIL(c, SERVER_INTERNAL, "The database gave no answer");
	}
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
