#include "policy/names.h"

#include <string.h>

#include "lib/crypto/onion.h"
#include "policy/dns_name.h"
#include "policy/profiles.h"
#include "policy/zones.h"

#define ADDRESS_LIFE_MAX_S ((int64_t) 7 * 86400)

static bool is_internal_zone(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->internal_zones.n; i++) {
		const char *zone = policy->internal_zones.v[i];
		if (strcmp(zone, ".") == 0 || dns_name_is_below(name, zone)) {
			return true;
		}
	}
	return dns_name_is_below_any(name, &policy->permitted_suffixes);
}

/* B-35: the name says itself whose it is, whatever the mode. */
static struct ruling decide_onion_service(struct arena *a, const struct policy *policy, const char *base)
{
	struct onion onion;
	const char *wrong = onion_parse(base, &onion);
	if (wrong != NULL) {
		return ruling_because(a, RULE_NAME_ONION_FORM, "%s: %s", rule_info(RULE_NAME_ONION_FORM)->text, wrong);
	}
	bool permitted = policy->permitted_suffixes.n == 0 || dns_name_is_below_any(base, &policy->permitted_suffixes);
	return permitted ? ACCEPTED : ruling_of(RULE_NAME_NOT_PERMITTED);
}

/* C-14: what is not in the public DNS means something only where the operator says so. */
static struct ruling decide_place(struct arena *a, const struct policy *policy, const char *base, bool wildcard)
{
	if (onion_is(base) && policy->offered[IDENTIFIER_ONION]) {
		return decide_onion_service(a, policy, base);
	}
	struct zone_view view = zones_look(a, policy->psl, base);
	if (view.never.rule != RULE_NONE) {
		return view.never;
	}
	if (policy->permitted_suffixes.n > 0 && !dns_name_is_below_any(base, &policy->permitted_suffixes)) {
		return ruling_of(RULE_NAME_NOT_PERMITTED);
	}
	if (wildcard && zones_is_public_suffix(policy->psl, base)) { /* C-13, in both modes */
		return ruling_of(RULE_NAME_WILDCARD_SUFFIX);
	}
	if (policy->webpki) {
		return view.webpki;
	}
	if (view.internal && !is_internal_zone(policy, base)) {
		return ruling_because(a, view.webpki.rule,
		    "%s; this CA issues for such names in the zones that its "
		    "configuration names (policy.internal_names)",
		    view.webpki.why);
	}
	return ACCEPTED;
}

static struct ruling decide_name(struct arena *a, const struct policy *policy, const char *name)
{
	bool wildcard = strncmp(name, "*.", 2) == 0;
	const char *base = wildcard ? name + 2 : name;
	if (strchr(base, '*') != NULL || (wildcard && base[0] == '\0')) {
		return ruling_of(RULE_NAME_WILDCARD_FORM); /* */
	}
	struct ruling ruling = dns_name_form(a, base);
	if (ruling.rule == RULE_NONE && strlen(name) > DNS_NAME_MAX) {
		ruling = ruling_of(RULE_NAME_LENGTH); /* no certificate has room for it */
	}
	if (ruling.rule == RULE_NONE) {
		ruling = decide_place(a, policy, base, wildcard);
	}
	if (ruling.rule == RULE_NONE && !name_constraints_allow_name(&policy->issuers, name)) {
		ruling = ruling_of(RULE_NAME_ISSUER);
	}
	if (ruling.rule == RULE_NONE) {
		ruling = blocklist_name(&policy->blocked, base, wildcard);
	}
	enum identifier_kind kind = identifier_kind(&(struct identifier) { "dns", name });
	if (ruling.rule == RULE_NONE && !policy->offered[kind]) {
		ruling = ruling_of(wildcard ? RULE_NAME_WILDCARD_UNVALIDATABLE : RULE_NAME_UNVALIDATABLE);
	}
	return ruling;
}

/* B-11: special addresses belong to nobody, or to whoever uses them, which only a private CA can know. */
static struct ruling decide_network(struct arena *a, const struct policy *policy, const struct ip *ip)
{
	const char *special = ip_special(ip);
	bool permitted = networks_have(&policy->permitted_networks, ip);
	if (special != NULL && (policy->webpki || !permitted)) {
		return ruling_because(a, RULE_IP_SPECIAL, "it is %s", special);
	}
	bool limited = policy->permitted_networks.n > 0 || policy->permitted_suffixes.n > 0;
	return limited && !permitted ? ruling_of(RULE_IP_NOT_PERMITTED) : ACCEPTED;
}

static struct ruling decide_address(
    struct arena *a, const struct policy *policy, const struct config_profile *profile, const char *text)
{
	struct ip ip;
	if (!policy->offered[IDENTIFIER_IP]) {
		return ruling_of(RULE_IP_UNVALIDATABLE);
	}
	if (ip_parse(text, &ip) != 0) {
		return ruling_of(RULE_IP_FORM);
	}
	const char *canonical = ip_encode(a, &ip);
	if (strcmp(canonical, text) != 0) {
		return ruling_because(a, RULE_IP_CANONICAL, "it is not in its canonical form, which is %s", canonical);
	}
	struct ruling ruling = decide_network(a, policy, &ip);
	if (ruling.rule == RULE_NONE && !name_constraints_allow_address(&policy->issuers, &ip)) {
		ruling = ruling_of(RULE_IP_ISSUER);
	}
	if (ruling.rule == RULE_NONE) {
		ruling = blocklist_address(&policy->blocked, &ip);
	}
	if (ruling.rule == RULE_NONE && policy->webpki && profile->life_s > ADDRESS_LIFE_MAX_S) {
		ruling = ruling_of(RULE_IP_LIFE);
	}
	return ruling;
}

struct ruling names_decide(struct arena *a, const struct policy *policy, const struct config_profile *profile,
    const struct identifier *identifier)
{
	if (strcmp(identifier->type, "dns") == 0) {
		return decide_name(a, policy, identifier->value);
	}
	if (strcmp(identifier->type, "ip") == 0) {
		return decide_address(a, policy, profile, identifier->value);
	}
	return ruling_because(a, RULE_TYPE_UNKNOWN, "%s; %s", rule_info(RULE_TYPE_UNKNOWN)->text,
	    policy->offered[IDENTIFIER_IP] ? "the type is \"dns\" or \"ip\"" : "the type is \"dns\"");
}

static bool contains(const struct identifier_list *list, const struct identifier *one)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].value, one->value) == 0 && strcmp(list->v[i].type, one->type) == 0) {
			return true;
		}
	}
	return false;
}

/* a name that stands twice, also in other letters, is one name. */
struct identifier_list names_merge(struct arena *a, const struct identifier_list *in)
{
	struct identifier_list out = { ARENA_ARRAY(a, in->n, struct identifier), 0 };
	for (size_t i = 0; i < in->n; i++) {
		struct identifier one = in->v[i];
		one.value = strcmp(one.type, "dns") == 0 ? dns_name_lower(a, one.value) : one.value;
		if (!contains(&out, &one)) {
			out.v[out.n++] = one;
		}
	}
	return out;
}

/* An identifier of a kind that is not supported, or nothing could validate, is no fault of the identifier. */
static enum problem problem_of(enum rule rule)
{
	if (rule == RULE_TYPE_UNKNOWN || rule == RULE_IP_UNVALIDATABLE) {
		return PROBLEM_UNSUPPORTED_IDENTIFIER;
	}
	return rule == RULE_IP_LIFE ? PROBLEM_INVALID_PROFILE : PROBLEM_REJECTED_IDENTIFIER;
}

static void refuse(struct ctx *c, const struct identifier *identifier, struct ruling ruling)
{
	const char *what = strcmp(identifier->type, "dns") == 0 ? "name" : "identifier";
	ctx_subproblem(c, problem_of(ruling.rule), identifier->type, identifier->value, "The %s can't be ordered: %s", what,
	    ruling.why);
	c->err.subproblems.v[c->err.subproblems.n - 1].rule = rule_info(ruling.rule)->id;
}

/* The rules of all subproblems, each once. */
static const char *join_rules(struct arena *a, const struct subproblem_list *bad)
{
	const char *all = bad->v[0].rule;
	for (size_t i = 1; i < bad->n; i++) {
		bool known = false;
		for (size_t k = 0; k < i && !known; k++) {
			known = strcmp(bad->v[k].rule, bad->v[i].rule) == 0;
		}
		all = known ? all : arena_printf(a, "%s,%s", all, bad->v[i].rule);
	}
	return all;
}

int names_check_again(
    struct ctx *c, const struct policy *policy, const struct config_profile *profile, const struct identifier_list *in)
{
	for (size_t i = 0; i < in->n; i++) {
		struct ruling ruling = names_decide(c->arena, policy, profile, &in->v[i]);
		if (ruling.rule != RULE_NONE) {
			refuse(c, &in->v[i], ruling);
		}
	}
	const struct subproblem_list *bad = &c->err.subproblems;
	if (bad->n == 0) {
		return 0;
	}
	ctx_rule(c, join_rules(c->arena, bad));
	if (bad->n == 1) {
		return ctx_fail(c, bad->v[0].type, "%s: %s", bad->v[0].identifier_value, bad->v[0].detail);
	}
	return ctx_fail(c, bad->v[0].type, "%zu of the %zu identifiers can't be ordered; see subproblems", bad->n, in->n);
}

int names_check(struct ctx *c, const struct policy *policy, const struct config_profile *profile,
    const struct identifier_list *in, struct identifier_list *ret)
{
	if (in->n == 0) {
		return FAIL(c, MALFORMED, "An order needs at least one identifier");
	}
	struct identifier_list out = names_merge(c->arena, in);
	TRY(profile_identifiers_check(c, profile, &out));
	TRY(names_check_again(c, policy, profile, &out));
	*ret = out;
	return 0;
}
