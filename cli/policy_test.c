#include "cli/policy_test.h"

#include <arpa/inet.h>
#include <string.h>

#include "cli/files.h"
#include "policy/names.h"
#include "policy/profiles.h"
#include "policy/rules.h"

static void add(struct policy_verdict_list *list, const char *identifier, const struct policy_answer *answer)
{
	const char *rule = answer->rule; /* the operator's own; none gives what is refused */
	if (strcmp(answer->verdict, "refused") == 0) {
		rule = rule_info(RULE_NAME_NOT_GRANTED)->id;
	}
	list->v[list->n++] = (struct policy_verdict) { identifier, answer->verdict, rule, answer->reason };
}

static void add_refusal(struct policy_verdict_list *list, const char *identifier, const char *rule, const char *reason)
{
	list->v[list->n++] = (struct policy_verdict) { identifier, "refused", rule, reason };
}

static void add_rule(struct policy_verdict_list *list, enum rule rule)
{
	add_refusal(list, "", rule_info(rule)->id, rule_info(rule)->text);
}

static const char *type_of(const char *name)
{
	uint8_t octets[16];
	bool address = inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
	return address ? "ip" : "dns";
}

/* As newOrder would count them. */
static struct identifier_list identifiers_of(struct arena *a, const struct text_list *names)
{
	struct identifier_list all = { ARENA_ARRAY(a, names->n, struct identifier), names->n };
	for (size_t i = 0; i < names->n; i++) {
		all.v[i] = (struct identifier) { type_of(names->v[i]), names->v[i] };
	}
	return names_merge(a, &all);
}

/* What everybody is judged by: the policy as the RA would read it now. */
struct common {
	const struct policy *policy;
	const struct config_profile *profile;
};

static int read_policy(struct ctx *c, const struct config *config, struct policy **ret)
{
	struct policy_sources sources = { .config = config, .now = clock_now() };
	TRY(files_issuers_read(c, config, &sources.issuers));
	TRY(policy_files_read(c, &config->policy, &sources.files));
	return policy_parse(c, &sources, ret);
}

/* Whether the name may be ordered by anybody; if so it goes into the question. */
static void check_name(struct ctx *c, const struct common *common, struct identifier *identifier,
    struct policy_question *question, struct policy_verdict_list *list)
{
	const struct identifier_list one = { identifier, 1 };
	struct identifier_list checked;
	if (names_check(c, common->policy, common->profile, &one, &checked) == 0) {
		question->types.v[question->types.n++] = checked.v[0].type;
		question->values.v[question->values.n++] = checked.v[0].value;
		return;
	}
	const struct subproblem_list *why = &c->err.subproblems;
	add_refusal(list, identifier->value, c->err.rule, why->n > 0 ? why->v[0].detail : c->err.detail);
	ctx_forgive(c);
}

/* B-25 */
static int check_profile(struct ctx *c, const struct config_profile *profile, const struct policy_test *test,
    struct policy_verdict_list *list)
{
	enum profile_listing listing = profile_account(profile, test->account);
	bool allowed = listing == PROFILE_ALLOWED;
	if (listing == PROFILE_BY_KEY) {
		TRY(policy_has_key(c, test->account, test->eab_key, &profile->eab_keys, &allowed));
	}
	if (!allowed) {
		add_rule(list, RULE_PROFILE_ACCOUNT);
	}
	return 0;
}

int policy_test_run(struct ctx *c, const struct config *config, const struct policy_test *test,
    struct policy_verdict_list *ret, bool *ret_allowed)
{
	const struct config_profile *profile = NULL;
	struct identifier_list identifiers = identifiers_of(c->arena, &test->names);
	size_t n = identifiers.n;
	struct policy_verdict_list list = { ARENA_ARRAY(c->arena, 2 * n + 3, struct policy_verdict), 0 };
	struct policy_question question = {
		.account = test->account,
		.eab_key = test->eab_key,
		.types = { ARENA_ARRAY(c->arena, n, const char *), 0 },
		.values = { ARENA_ARRAY(c->arena, n, const char *), 0 },
		.version = test->version,
	};
	TRY(profile_offered(c, &config->policy.profiles, test->profile, &profile));
	question.profile = profile->name;
	struct policy *policy = NULL;
	TRY(read_policy(c, config, &policy));
	if (n > (size_t) profile->max_names) {
		add_rule(&list, RULE_PROFILE_NAMES);
	}
	TRY(check_profile(c, profile, test, &list));
	for (size_t i = 0; i < n; i++) {
		check_name(c, &(struct common) { policy, profile }, &identifiers.v[i], &question, &list);
	}
	policy_free(policy);
	struct policy_answer_list answers;
	TRY(policy_ask(c, &question, &answers));
	for (size_t i = 0; i < answers.n; i++) {
		const struct policy_answer *one = &answers.v[i];
		add(&list, one->place == 0 ? "" : question.values.v[one->place - 1], one);
	}
	bool allowed = true;
	for (size_t i = 0; i < list.n; i++) {
		allowed = allowed && strcmp(list.v[i].verdict, "refused") != 0;
	}
	*ret = list;
	*ret_allowed = allowed;
	return 0;
}
