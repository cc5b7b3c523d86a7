/* A file of a list: the first octet says of which kind. Whatever is taken blocks what stands in it. */
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void look_at_names(const struct blocklist *list)
{
	for (size_t i = 0; i < list->domains.n; i++) {
		must(blocklist_name(list, list->domains.v[i], true).rule != RULE_NONE);
	}
	for (size_t i = 0; i < list->exact.n; i++) {
		must(blocklist_name(list, list->exact.v[i], false).rule != RULE_NONE);
	}
	for (size_t i = 0; i < list->covers.n; i++) {
		must(blocklist_name(list, list->covers.v[i], true).rule != RULE_NONE);
	}
	for (size_t i = 0; i < list->labels.n; i++) {
		must(blocklist_name(list, list->labels.v[i], false).rule != RULE_NONE);
	}
	for (size_t i = 0; i < list->networks.n; i++) {
		must(blocklist_address(list, &list->networks.v[i].first).rule != RULE_NONE);
	}
}

static void look_at_digests(const struct digest_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		must(digest_set_has(set, set->v + i * set->width));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.names", "a.spki", "blacklist.a", "other" };
	const struct config config = { .policy = { .mode = "private" } };
	if (size == 0) {
		return 0;
	}
	struct ctx c;
	ctx_init(&c);
	const char *name = names[data[0] % COUNT_OF(names)];
	struct file file = { name, name, { data + 1, size - 1 } };
	const struct policy_sources sources = { .config = &config, .files = { .lists = { &file, 1 } } };
	struct policy *policy = NULL;
	if (policy_parse(&c, &sources, &policy) == 0) {
		look_at_names(&policy->blocked);
		look_at_digests(&policy->blocked_keys);
		look_at_digests(&policy->debian_keys);
		policy_free(policy);
	} else {
		must(c.err.type == PROBLEM_MALFORMED);
	}
	ctx_done(&c);
	return 0;
}
