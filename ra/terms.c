/* Terms that changed after an account was made (RFC 8555 7.3.3, A-55). */
#include "lib/base/base64.h"
#include "lib/rpc/handlers.h"
#include "ra/ra.h"

#define TOKEN_OCTETS 32

struct ask_params {
	struct id account_id;
	const char *terms;
	const char *token;
};
static const struct field ask_param[] = {
	FIELD(struct ask_params, account_id),
	FIELD(struct ask_params, terms),
	FIELD(struct ask_params, token),
};
static const struct fields ask_params_fields = FIELDS(struct ask_params, ask_param);

struct token_row {
	const char *token;
};
static const struct field token_row_field[] = { FIELD(struct token_row, token, .flags = FIELD_REQUIRED) };
static const struct fields token_row_fields = FIELDS(struct token_row, token_row_field);

const struct statement ra_ask_terms_statement = {
	.name = "ask_terms",
	.sql = "SELECT acme.ask_terms($1, $2, $3) AS token",
	.params = &ask_params_fields,
	.row = &token_row_fields,
	.repeatable = true,
};

struct agree_params {
	const char *token;
	const char *terms;
	const char *process;
	struct id request_id;
};
static const struct field agree_param[] = {
	FIELD(struct agree_params, token),
	FIELD(struct agree_params, terms),
	FIELD(struct agree_params, process),
	FIELD(struct agree_params, request_id),
};
static const struct fields agree_params_fields = FIELDS(struct agree_params, agree_param);

static const struct field agree_row_field[] = { FIELD(struct terms_agreed, account_id, .flags = FIELD_REQUIRED) };
static const struct fields agree_row_fields = FIELDS(struct terms_agreed, agree_row_field);

const struct statement ra_agree_terms_statement = {
	.name = "agree_terms",
	.sql = "SELECT acme.agree_terms($1, $2, $3, $4) AS account_id",
	.params = &agree_params_fields,
	.row = &agree_row_fields,
	.repeatable = true,
};

int ra_ask_terms_serve(struct ctx *c, const struct ask_terms_request *in, struct terms_token *ret)
{
	uint8_t random[TOKEN_OCTETS];
	struct token_row row;
	bool found = false;
	random_bytes(random, sizeof(random));
	const struct ask_params params = {
		.account_id = in->account_id,
		.terms = ra_get()->config->acme.terms_of_service,
		.token = base64url_encode(c->arena, (struct bytes) { random, sizeof(random) }),
	};
	if (params.terms == NULL) {
		return FAIL(c, SERVER_INTERNAL, "No terms of service are configured here");
	}
	TRY(db_row(c, &ra_ask_terms_statement, &params, &row, &found));
	*ret = (struct terms_token) { row.token };
	return 0;
}

int ra_agree_terms_serve(struct ctx *c, const struct terms_token *in, struct terms_agreed *ret)
{
	bool found = false;
	const struct agree_params params = {
		.token = in->token,
		.terms = ra_get()->config->acme.terms_of_service,
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	return db_row(c, &ra_agree_terms_statement, &params, ret, &found);
}
