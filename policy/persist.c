#include "policy/persist.h"

#include "policy/issue_value.h"

/* Base 10 without a sign (B-31). -1: it is no such number, or none of 64 bits. */
static int read_seconds(struct bytes digits, int64_t *ret)
{
	int64_t seconds = 0;
	for (size_t i = 0; i < digits.n; i++) {
		int64_t digit = digits.p[i] - '0';
		if (digit < 0 || digit > 9 || seconds > (INT64_MAX - digit) / 10) {
			return -1;
		}
		seconds = seconds * 10 + digit;
	}
	*ret = seconds;
	return digits.n > 0 ? 0 : -1;
}

struct counts {
	size_t account_uri;
	size_t policy;
	size_t until;
};

/* What is unknown is ignored. */
static const char *take(const struct issue_parameter *p, struct counts *counts, struct persist_record *ret)
{
	if (issue_value_same(p->tag, "accounturi")) {
		counts->account_uri++;
		ret->account_uri = p->value;
	} else if (issue_value_same(p->tag, "policy")) {
		counts->policy++;
		ret->wildcard = issue_value_same(p->value, "wildcard"); /* any other counts as if there were none (B-30) */
	} else if (issue_value_same(p->tag, "persistUntil")) {
		counts->until++;
		ret->has_until = true;
		if (read_seconds(p->value, &ret->until_s) != 0) {
			return "its persistUntil is no number of seconds since 1970";
		}
	}
	return NULL;
}

const char *persist_record_parse(struct bytes value, struct persist_record *ret)
{
	static const char not_the_grammar[] = "it is not of the form \"ISSUER; accounturi=URL; NAME=VALUE\"";
	struct counts counts = { 0 };
	struct issue_parameter p;
	*ret = (struct persist_record) { 0 };
	if (issue_value_begin(&value, &ret->issuer) != 0) {
		return not_the_grammar;
	}
	int more = issue_value_next(&value, &p);
	for (; more == 1; more = issue_value_next(&value, &p)) {
		const char *wrong = take(&p, &counts, ret);
		if (wrong != NULL) {
			return wrong;
		}
	}
	if (more != 0) {
		return not_the_grammar;
	}
	if (counts.account_uri > 1 || counts.policy > 1 || counts.until > 1) {
		return "it has a parameter twice";
	}
	return counts.account_uri == 0 || ret->account_uri.n == 0 ? "it has no accounturi" : NULL;
}
