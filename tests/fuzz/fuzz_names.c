/* An identifier, type and value on two lines: whatever is accepted has the form that a certificate needs, and is accepted
 * again. */
#include <stdlib.h>
#include <string.h>

#include "policy/dns_name.h"
#include "policy/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const modes[] = { "private", "webpki" };
static struct policy *policies[2];

static void make_policies(void)
{
	static const char *any[] = { "." };
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		struct ctx c;
		ctx_init(&c);
		const struct config config = { .policy = { .mode = modes[i], .internal_names = { any, i == 0 ? 1 : 0 } } };
		if (policy_parse(&c, &(struct policy_sources) { .config = &config }, &policies[i]) != 0) {
			abort();
		}
		for (size_t k = 0; k < IDENTIFIER_KINDS; k++) {
			policies[i]->offered[k] = true;
		}
		ctx_done(&c);
	}
}

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void look_at_name(struct arena *a, const char *name)
{
	const char *base = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	must(strlen(base) <= DNS_NAME_MAX && strchr(base, '*') == NULL);
	must(strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(base));
	must(strstr(base, "..") == NULL && base[0] != '.' && base[strlen(base) - 1] != '.');
	must(dns_name_form(a, base).rule == RULE_NONE);
}

static void check(const struct policy *policy, const struct identifier *one)
{
	static const struct config_profile profile = { .max_names = 1, .life_s = 86400 };
	struct ctx c;
	ctx_init(&c);
	struct identifier copy = *one;
	struct identifier_list list;
	if (names_check(&c, policy, &profile, &(struct identifier_list) { &copy, 1 }, &list) == 0) {
		must(list.n == 1 && c.err.rule == NULL);
		must(names_check_again(&c, policy, &profile, &list) == 0);
		if (strcmp(list.v[0].type, "dns") == 0) {
			look_at_name(c.arena, list.v[0].value);
		} else {
			struct ip ip;
			must(ip_parse(list.v[0].value, &ip) == 0 && strcmp(ip_encode(c.arena, &ip), list.v[0].value) == 0);
		}
	} else {
		must(c.err.rule != NULL && c.err.subproblems.n == 1 && c.err.detail != NULL);
	}
	ctx_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (policies[0] == NULL) {
		make_policies();
	}
	struct ctx c;
	ctx_init(&c);
	const char *text = arena_text_n(c.arena, data, size);
	const char *newline = strchr(text, '\n');
	if (newline != NULL) {
		const struct identifier one = { arena_text_n(c.arena, text, (size_t) (newline - text)), newline + 1 };
		for (size_t i = 0; i < COUNT_OF(policies); i++) {
			check(policies[i], &one);
		}
	}
	ctx_done(&c);
	return 0;
}
