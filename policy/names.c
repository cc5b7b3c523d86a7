#include "policy/names.h"

#include <stdio.h>
#include <string.h>

#include <idn2.h>
#include <libpsl.h>

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_ldh(char ch)
{
	return is_digit(ch) || (ch >= 'a' && ch <= 'z') || ch == '-';
}

/* An A-label has to be what its U-label encodes to (RFC 5891 5.4, C-14). */
static bool is_true_a_label(const char *label, size_t n)
{
	char text[64] = { 0 };
	memcpy(text, label, n);
	char *u_label = NULL;
	char *again = NULL;
	bool same = idn2_to_unicode_8z8z(text, &u_label, 0) == IDN2_OK &&
	            idn2_to_ascii_8z(u_label, &again, IDN2_NONTRANSITIONAL) == IDN2_OK && strcmp(again, text) == 0;
	idn2_free(u_label);
	idn2_free(again);
	return same;
}

static const char *label_error(const char *label, size_t n)
{
	if (n == 0) {
		return "it has an empty label (two dots in a row, or one at the end)";
	}
	if (n > 63) {
		return "a label has more than 63 characters";
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_ldh(label[i])) {
			return "only letters a-z, digits and hyphens may stand in it; names in other scripts are given as xn-- "
			       "labels";
		}
	}
	if (label[0] == '-' || label[n - 1] == '-') {
		return "a label begins or ends with a hyphen";
	}
	if (n >= 4 && label[2] == '-' && label[3] == '-' && (strncmp(label, "xn", 2) != 0 || !is_true_a_label(label, n))) {
		return "a label has hyphens in its third and fourth place and is no valid xn-- label";
	}
	return NULL;
}

const char *names_form_error(const char *name)
{
	if (strlen(name) > NAMES_DNS_MAX) {
		return "it has more than 253 characters";
	}
	const char *label = name;
	for (;;) {
		size_t n = strcspn(label, ".");
		const char *error = label_error(label, n);
		if (error != NULL) {
			return error;
		}
		if (label[n] == '\0') {
			break;
		}
		label += n + 1;
	}
	if (strspn(label, "0123456789") == strlen(label)) {
		return "its last label is a number, as in an IP address; addresses are identifiers of type ip";
	}
	return NULL;
}

bool names_is_below(const char *name, const char *domain)
{
	size_t n = strlen(name);
	size_t d = strlen(domain);
	return n >= d && strcmp(name + n - d, domain) == 0 && (n == d || name[n - d - 1] == '.');
}

static bool is_below_any(const char *name, const struct text_list *domains)
{
	for (size_t i = 0; i < domains->n; i++) {
		if (names_is_below(name, domains->v[i])) {
			return true;
		}
	}
	return false;
}

/* The last label is a top-level domain of the public DNS: it stands in the list, or names below it do (*.ck). */
static bool is_public_tld(const psl_ctx_t *psl, const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *tld = dot == NULL ? name : dot + 1;
	char below[NAMES_DNS_MAX + 3];
	snprintf(below, sizeof(below), "x.%s", tld);
	return psl_is_public_suffix2(psl, tld, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) ||
	       psl_is_public_suffix2(psl, below, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE);
}

static const char *suffix_error(const struct names_policy *policy, const char *base, bool wildcard)
{
	const psl_ctx_t *psl = psl_builtin();
	if (policy->webpki && strchr(base, '.') == NULL) {
		return "it is a single label";
	}
	if (policy->webpki && psl_is_public_suffix2(psl, base, PSL_TYPE_ICANN)) {
		return "it is a public suffix";
	}
	if (policy->webpki && !is_public_tld(psl, base)) {
		return "it does not end in a public top-level domain";
	}
	/* C-13: never a wildcard for all of a registry's names, in no mode. */
	if (wildcard && psl_is_public_suffix2(psl, base, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE)) {
		return "a wildcard may not cover a whole public suffix";
	}
	return NULL;
}

/* Why this name can't be ordered, or NULL. `name` is in lower case. */
static const char *name_error(const struct names_policy *policy, const char *name)
{
	bool wildcard = strncmp(name, "*.", 2) == 0;
	const char *base = wildcard ? name + 2 : name;
	if (strchr(base, '*') != NULL) {
		return "a wildcard is \"*.\" once, at the very beginning"; /* */
	}
	const char *error = names_form_error(base);
	if (error != NULL) {
		return error;
	}
	if (wildcard && !policy->wildcards) {
		return "no challenge that this server offers can validate a wildcard";
	}
	if (is_below_any(base, &policy->blocked_names)) {
		return "the policy of this CA forbids it";
	}
	if (policy->permitted_suffixes.n > 0 && !is_below_any(base, &policy->permitted_suffixes)) {
		return "it is not under a domain that this CA issues for";
	}
	return suffix_error(policy, base, wildcard);
}

static const char *lower(struct arena *a, const char *text)
{
	char *copy = arena_alloc(a, strlen(text) + 1);
	for (size_t i = 0; text[i] != '\0'; i++) {
		copy[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char) (text[i] + 32) : text[i];
	}
	return copy;
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
static struct identifier_list merge(struct arena *a, const struct identifier_list *in)
{
	struct identifier_list out = { ARENA_ARRAY(a, in->n, struct identifier), 0 };
	for (size_t i = 0; i < in->n; i++) {
		struct identifier one = in->v[i];
		one.value = strcmp(one.type, "dns") == 0 ? lower(a, one.value) : one.value;
		if (!contains(&out, &one)) {
			out.v[out.n++] = one;
		}
	}
	return out;
}

/* A subproblem when it can't be ordered. */
static void check_one(struct ctx *c, const struct names_policy *policy, const struct identifier *in)
{
	if (strcmp(in->type, "dns") != 0) {
		ctx_subproblem(c, PROBLEM_UNSUPPORTED_IDENTIFIER, in->type, in->value,
		    "Identifiers of this type are not supported; the type must be \"dns\"");
		return;
	}
	const char *error = name_error(policy, in->value);
	if (error != NULL) {
		ctx_subproblem(c, PROBLEM_REJECTED_IDENTIFIER, in->type, in->value, "The name can't be ordered: %s", error);
	}
}

int names_check(
    struct ctx *c, const struct names_policy *policy, const struct identifier_list *in, struct identifier_list *ret)
{
	if (in->n == 0) {
		return FAIL(c, MALFORMED, "An order needs at least one identifier");
	}
	struct identifier_list out = merge(c->arena, in);
	if (out.n > policy->max_names) {
		return FAIL(c, MALFORMED, "The order has %zu identifiers; the profile allows %zu", out.n, policy->max_names);
	}
	for (size_t i = 0; i < out.n; i++) {
		check_one(c, policy, &out.v[i]);
	}
	struct subproblem_list *bad = &c->err.subproblems;
	if (bad->n == 1) {
		return ctx_fail(c, bad->v[0].type, "%s: %s", bad->v[0].identifier_value, bad->v[0].detail);
	}
	if (bad->n > 1) {
		return ctx_fail(
		    c, bad->v[0].type, "%zu of the %zu identifiers can't be ordered; see subproblems", bad->n, out.n);
	}
	*ret = out;
	return 0;
}
