#include "ra/profiles.h"

#include "policy/rules.h"
#include "ra/ra.h"

struct has_key_params {
	struct id account_id;
	struct text_list keys;
};
static const struct field has_key_param[] = {
	FIELD(struct has_key_params, account_id),
	FIELD(struct has_key_params, keys),
};
static const struct fields has_key_params_fields = FIELDS(struct has_key_params, has_key_param);

struct has_key_row {
	bool has_key;
};
static const struct field has_key_row_field[] = { FIELD(struct has_key_row, has_key) };
static const struct fields has_key_row_fields = FIELDS(struct has_key_row, has_key_row_field);

const struct statement ra_account_has_key_statement = {
	.name = "account_has_key",
	.sql = "SELECT acme.has_key($1, NULL, $2) AS has_key",
	.params = &has_key_params_fields,
	.row = &has_key_row_fields,
	.repeatable = true,
};

struct record_params {
	const char *instance;
	struct config_profile_list profiles;
};
static const struct field record_param[] = {
	FIELD(struct record_params, instance),
	FIELD_STRUCTS(struct record_params, profiles, &config_profile_fields),
};
static const struct fields record_params_fields = FIELDS(struct record_params, record_param);

/* F-40 */
const struct statement ra_record_profiles_statement = {
	.name = "record_profiles",
	.sql = "SELECT cairn.record_profiles($1, $2)",
	.params = &record_params_fields,
	.repeatable = true,
};

int profiles_record(struct ctx *c, const char *instance, const struct config_profile_list *profiles)
{
	const struct record_params params = { instance, *profiles };
	return db_run(c, &ra_record_profiles_statement, &params);
}

int profiles_check_account(struct ctx *c, const struct config_profile *profile, struct id account)
{
	enum profile_listing listing = profile_account(profile, account);
	struct has_key_row row = { false };
	if (listing == PROFILE_BY_KEY) {
		const struct has_key_params params = { account, profile->eab_keys };
		bool found = false;
		TRY(db_row(c, &ra_account_has_key_statement, &params, &row, &found));
	}
	if (listing == PROFILE_ALLOWED || row.has_key) {
		return 0;
	}
	ctx_rule(c, rule_info(RULE_PROFILE_ACCOUNT)->id);
	return FAIL(c, UNAUTHORIZED, "This account may not use the profile \"%s\"", profile->name);
}
