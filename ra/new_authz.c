/* newAuthz (RFC 8555 7.4.1): a name is proved before it is ordered. */
#include <string.h>

#include "lib/rpc/handlers.h"
#include "ra/grants.h"
#include "ra/limits.h"
#include "ra/profiles.h"
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
	const char *limits;
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
	FIELD(struct new_authz_params, limits),
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
	.sql = "SELECT refused FROM acme.new_authz($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb)",
	.params = &new_authz_params_fields,
	.row = &new_authz_row_fields,
};

static int authorize(struct ctx *c, const struct new_authorization_request *in, const struct config_profile *profile,
    struct authorization *ret)
{
	struct identifier wanted = in->identifier;
	struct identifier_list identifiers;
	TRY(profiles_check_account(c, profile, in->account_id)); /* B-25 */
	TRY(ra_check_identifiers(c, &(struct identifier_list) { &wanted, 1 }, profile, &identifiers));
	const struct limit_names names = { in->account_id, &identifiers };
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
		.limits = limits_for_authorization(c->arena, &ra_get()->limits, &names),
	};
	ra_offer_challenges(c->arena, &identifiers.v[0], false, &params.challenge_types, &params.challenge_tokens);
	if (params.challenge_types == NULL) { /* B-32 */
		return FAIL(c, REJECTED_IDENTIFIER, "No challenge that is offered can be met before there is an order");
	}
	struct new_authz_row row;
	bool found = false;
	if (db_row(c, &ra_new_authz_statement, &params, &row, &found) != 0) {
		return limits_refused(c);
	}
	TRY(grants_check(c, &identifiers, &row.refused));
	return ra_read_authorization(c, params.id, ret);
}

/* An order that comes will say by which profile, so any will do that the account may use (B-25). When there is none, the default
 * one's refusal is told. */
int ra_new_authorization_serve(struct ctx *c, const struct new_authorization_request *in, struct authorization *ret)
{
	const struct config_profile_list *profiles = &ra_get()->config->policy.profiles;
	const char *value = in->identifier.value;
	if (value != NULL && strncmp(value, "*.", 2) == 0) { /* */
		return FAIL(c, MALFORMED, "A wildcard can't be authorized before it is ordered");
	}
	const struct config_profile *first = ra_profile_find(NULL);
	int result = authorize(c, in, first, ret);
	struct err refusal = c->err;
	for (const struct config_profile *p = first + 1;
	     result != 0 && c->err.type == PROBLEM_UNAUTHORIZED && p < profiles->v + profiles->n; p++) {
		if (!p->withdrawn) {
			ctx_forgive(c);
			result = authorize(c, in, p, ret);
		}
	}
	if (result != 0 && c->err.type == PROBLEM_UNAUTHORIZED) {
		c->err = refusal;
	}
	return result;
}
