#include "policy/grants_file.h"

#include <string.h>

#include "lib/base/config_read.h"

static const struct field file_rule_field[] = {
	FIELD(struct grants_rule, name, .flags = FIELD_REQUIRED, .min = 1, .max = 100),
	FIELD(struct grants_rule, everybody),
	FIELD(struct grants_rule, accounts, .min = 0, .max = GRANTS_PATTERNS_MAX),
	FIELD(struct grants_rule, eab_keys, .min = 0, .max = GRANTS_PATTERNS_MAX),
	FIELD(struct grants_rule, names, .flags = FIELD_REQUIRED, .min = 1, .max = GRANTS_PATTERNS_MAX),
	FIELD(struct grants_rule, profiles, .min = 0, .max = 32),
	FIELD(struct grants_rule, without_challenge),
};
static const struct fields file_rule_fields = FIELDS(struct grants_rule, file_rule_field);

static const struct field grants_field[] = {
	FIELD_STRUCTS(struct grants, rules, &file_rule_fields, .min = 0, .max = GRANTS_RULES_MAX),
};
static const struct fields grants_fields = FIELDS(struct grants, grants_field);

static const struct field rule_field[] = {
	FIELD(struct grants_rule, name),
	FIELD(struct grants_rule, everybody),
	FIELD(struct grants_rule, accounts),
	FIELD(struct grants_rule, eab_keys),
	FIELD(struct grants_rule, names),
	FIELD(struct grants_rule, networks),
	FIELD(struct grants_rule, profiles),
	FIELD(struct grants_rule, without_challenge),
};
const struct fields grants_rule_fields = FIELDS(struct grants_rule, rule_field);

static const char *bad_id(const struct text_list *ids)
{
	struct id id;
	for (size_t i = 0; i < ids->n; i++) {
		if (id_parse(bytes_of_text(ids->v[i]), &id) != 0) {
			return ids->v[i];
		}
	}
	return NULL;
}

static const char *unknown_profile(const struct grants_rule *rule, const struct config_policy *policy)
{
	for (size_t i = 0; i < rule->profiles.n; i++) {
		size_t k = 0;
		while (k < policy->profiles.n && strcmp(policy->profiles.v[k].name, rule->profiles.v[i]) != 0) {
			k++;
		}
		if (k == policy->profiles.n) {
			return rule->profiles.v[i];
		}
	}
	return NULL;
}

/* What is wrong with the rule, as a sentence, or NULL. */
static const char *rule_fault(struct arena *a, const struct grants_rule *rule, const struct config_policy *policy)
{
	bool named = rule->accounts.n + rule->eab_keys.n > 0;
	const char *account = bad_id(&rule->accounts);
	const char *key = bad_id(&rule->eab_keys);
	const char *profile = policy == NULL ? NULL : unknown_profile(rule, policy);
	if (named == rule->everybody) {
		return "say whom it is for: accounts and eab_keys, or everybody: true";
	}
	if (account != NULL || key != NULL) {
		return arena_printf(a, "\"%s\" is not the 22 characters of an id", account != NULL ? account : key);
	}
	if (profile != NULL) {
		return arena_printf(a, "there is no profile \"%s\"", profile);
	}
	if (rule->without_challenge && policy != NULL && config_is_webpki(policy)) {
		return "without_challenge: in webpki mode every name is validated";
	}
	return NULL;
}

static int check_rule(
    struct ctx *c, const char *name, struct grants *grants, size_t i, const struct config_policy *policy)
{
	struct grants_rule *rule = &grants->rules.v[i];
	struct grants_names names;
	const char *fault = rule_fault(c->arena, rule, policy);
	for (size_t k = 0; k < i; k++) {
		if (strcmp(grants->rules.v[k].name, rule->name) == 0) {
			fault = "its name stands twice";
		}
	}
	if (fault != NULL) {
		return FAIL(c, MALFORMED, "%s: rule \"%s\": %s", name, rule->name, fault);
	}
	if (grants_names_parse(c, &rule->names, &names) != 0) {
		const char *why = c->err.detail;
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s: rule \"%s\": %s", name, rule->name, why);
	}
	rule->names = names.names;
	rule->networks = names.networks;
	return 0;
}

int grants_read(
    struct ctx *c, const char *name, struct bytes text, const struct config_policy *policy, struct grants *ret)
{
	struct node *root = NULL;
	struct grants grants = { 0 };
	TRY(yaml_read_text(c, c->arena, name, text, &root));
	TRY(config_read(c, c->arena, "", &grants_fields, root, &grants));
	for (size_t i = 0; i < grants.rules.n; i++) {
		TRY(check_rule(c, name, &grants, i, policy));
	}
	*ret = grants;
	return 0;
}
