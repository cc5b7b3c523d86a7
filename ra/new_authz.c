/* newAuthz (RFC 8555 7.4.1): a name is proved before it is ordered. */
#include <string.h>

#include "lib/rpc/handlers.h"
#include "ra/grants.h"
#include "ra/ra.h"

struct new_authz_params {
	struct id id;
	struct id account_id;
	struct bytes thumbprint;
	const char *type;
	const char *value;
	const char *profile;
	struct timestamp expires;
	const char *challenge_types;
	const char *challenge_tokens;
	const char *process;
	struct id request_id;
};
static const struct field new_authz_param[] = {
	FIELD(struct new_authz_params, id),
	FIELD(struct new_authz_params, account_id),
	FIELD(struct new_authz_params, thumbprint),
	FIELD(struct new_authz_params, type),
	FIELD(struct new_authz_params, value),
	FIELD(struct new_authz_params, profile),
	FIELD(struct new_authz_params, expires),
	FIELD(struct new_authz_params, challenge_types),
	FIELD(struct new_authz_params, challenge_tokens),
	FIELD(struct new_authz_params, process),
	FIELD(struct new_authz_params, request_id),
};
static const struct fields new_authz_params_fields = FIELDS(struct new_authz_params, new_authz_param);

struct new_authz_row {
	struct grant_refusal_list refused;
};
static const struct field new_authz_row_field[] = {
	FIELD_STRUCTS(struct new_authz_row, refused, &grant_refusal_fields),
};
static const struct fields new_authz_row_fields = FIELDS(struct new_authz_row, new_authz_row_field);

const struct statement ra_new_authz_statement = {
	.name = "new_authz",
	.sql = "SELECT refused FROM acme.new_authz($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	.params = &new_authz_params_fields,
	.row = &new_authz_row_fields,
};

int ra_new_authorization_serve(struct ctx *c, const struct new_authorization_request *in, struct authorization *ret)
{
	const struct config_profile *profile = ra_profile_find(NULL);
	struct identifier wanted = in->identifier;
	struct identifier_list identifiers;
	if (wanted.value != NULL && strncmp(wanted.value, "*.", 2) == 0) { /* */
		return FAIL(c, MALFORMED, "A wildcard can't be authorized before it is ordered");
	}
	TRY(ra_check_identifiers(c, &(struct identifier_list) { &wanted, 1 }, profile, &identifiers));
	struct new_authz_params params = {
		.id = challenge_id(id_new(), 0),
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.type = identifiers.v[0].type,
		.value = identifiers.v[0].value,
		.profile = profile->name,
		.expires = timestamp_add_s(clock_now(), profile->order_life_s),
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	ra_offer_challenges(c->arena, &identifiers.v[0], &params.challenge_types, &params.challenge_tokens);
	struct new_authz_row row;
	bool found = false;
	TRY(db_row(c, &ra_new_authz_statement, &params, &row, &found));
	TRY(grants_check(c, &identifiers, &row.refused));
	return ra_read_authorization(c, params.id, ret);
}
