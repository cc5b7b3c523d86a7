#include "policy/policy.h"

#include <string.h>

#include "lib/crypto/digest.h"
#include "policy/dns_name.h"
#include "policy/list_lines.h"
#include "policy/profiles.h"

/* ---- lists of digests ---- */

/* Of a hexadecimal digit. */
static unsigned value_of(char digit)
{
	return digit <= '9' ? (unsigned) (digit - '0') : (unsigned) ((digit | 0x20) - 'a' + 10);
}

/* Digests in hexadecimal, one a line: of the width of the set, or longer ones, whose last octets count. */
static int parse_digests(struct ctx *c, const struct file *file, size_t longest, struct digest_set *set)
{
	struct list_lines lines = list_lines_of(file);
	char line[LIST_LINE_MAX + 1];
	for (;;) {
		bool found = false;
		TRY(list_lines_next(c, &lines, line, &found));
		if (!found) {
			return 0;
		}
		size_t n = strlen(line);
		bool good = (n == 2 * set->width || n == 2 * longest) && strspn(line, "0123456789abcdefABCDEF") == n;
		if (!good) {
			return list_lines_fail(c, &lines,
			    arena_printf(c->arena, "a line has %zu hexadecimal digits, and nothing behind them but a # comment",
			        2 * set->width));
		}
		const char *digits = line + n - 2 * set->width;
		uint8_t *to = set->v + set->n++ * set->width;
		for (size_t i = 0; i < set->width; i++) {
			to[i] = (uint8_t) (value_of(digits[2 * i]) << 4 | value_of(digits[2 * i + 1]));
		}
	}
}

enum list_kind { LIST_NAMES, LIST_SPKI, LIST_DEBIAN, LIST_KINDS };

static bool starts(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name);
	size_t w = strlen(with);
	return n > w && strcmp(name + n - w, with) == 0;
}

static enum list_kind kind_of(const char *name)
{
	if (ends(name, ".names")) {
		return LIST_NAMES;
	}
	if (ends(name, ".spki")) {
		return LIST_SPKI;
	}
	/* Debian's packages say blacklist.RSA-2048, later makers of such lists also blocklist */
	return starts(name, "blacklist.") || starts(name, "blocklist.") ? LIST_DEBIAN : LIST_KINDS;
}

static int parse_key_lists(
    struct ctx *c, struct arena *a, const struct file_list *files, size_t longest, struct digest_set *set)
{
	size_t most = 0;
	for (size_t i = 0; i < files->n; i++) {
		most += list_lines_count(&files->v[i]);
	}
	set->v = ARENA_ARRAY(a, most * set->width, uint8_t);
	for (size_t i = 0; i < files->n; i++) {
		TRY(parse_digests(c, &files->v[i], longest, set));
	}
	digest_set_sort(set);
	return 0;
}

static int parse_lists(struct ctx *c, const struct file_list *files, struct policy *p)
{
	struct file_list kinds[LIST_KINDS];
	for (size_t k = 0; k < LIST_KINDS; k++) {
		kinds[k] = (struct file_list) { ARENA_ARRAY(c->arena, files->n, struct file), 0 };
	}
	for (size_t i = 0; i < files->n; i++) {
		enum list_kind kind = kind_of(files->v[i].name);
		if (kind == LIST_KINDS) { /* a list that is passed over because of its name would let everything through */
			return FAIL(c, MALFORMED, "%s: is no list: their names end in .names or .spki or begin with blacklist.",
			    files->v[i].path);
		}
		kinds[kind].v[kinds[kind].n++] = files->v[i];
	}
	p->blocked_keys.width = SHA256_SIZE;
	p->debian_keys.width = DEBIAN_DIGEST_SIZE;
	TRY(blocklist_parse(c, p->arena, &kinds[LIST_NAMES], &p->blocked));
	TRY(parse_key_lists(c, p->arena, &kinds[LIST_SPKI], SHA256_SIZE, &p->blocked_keys));
	return parse_key_lists(c, p->arena, &kinds[LIST_DEBIAN], DEBIAN_WHOLE_SIZE, &p->debian_keys);
}

/* ---- configuration ---- */

/* The names of a key of the configuration, in lower case. */
static int copy_names(struct ctx *c, struct arena *a, const char *key, const struct text_list *in, struct text_list *to)
{
	for (size_t i = 0; i < in->n; i++) {
		const char *name = dns_name_lower(a, in->v[i]);
		struct ruling form = dns_name_form(c->arena, name);
		bool root = strcmp(name, ".") == 0 && strcmp(key, "policy.internal_names") == 0;
		if (form.rule != RULE_NONE && !root) {
			return FAIL(c, MALFORMED, "%s: \"%s\": %s", key, in->v[i], form.why);
		}
		to->v[to->n++] = name;
	}
	return 0;
}

/* A zone that the operator gives a resolver or an address for is known to the operator. */
static void add_zone(struct arena *a, const char *zone, struct text_list *to)
{
	size_t n = strlen(zone);
	n -= n > 1 && zone[n - 1] == '.' ? 1 : 0;
	to->v[to->n++] = dns_name_lower(a, arena_text_n(a, zone, n));
}

static int read_zones(struct ctx *c, const struct config *config, struct policy *p)
{
	const struct config_va *va = &config->va;
	const struct text_list *named = &config->policy.internal_names;
	p->internal_zones.v = ARENA_ARRAY(p->arena, named->n + va->resolvers.n + va->local_zones.n, const char *);
	TRY(copy_names(c, p->arena, "policy.internal_names", named, &p->internal_zones));
	for (size_t i = 0; i < va->resolvers.n; i++) {
		add_zone(p->arena, va->resolvers.v[i].zone, &p->internal_zones);
	}
	for (size_t i = 0; i < va->local_zones.n; i++) {
		add_zone(p->arena, va->local_zones.v[i].zone, &p->internal_zones);
	}
	return 0;
}

/* C-1: a method that this software does not have, or that is not allowed any more, keeps it from starting. */
static int read_challenges(struct ctx *c, const struct text_list *configured, struct policy *p)
{
	for (size_t i = 0; i < configured->n; i++) {
		if (challenge_kind_find(configured->v[i]) == NULL) {
			return FAIL(c, MALFORMED, "policy.challenges: this server has no challenge \"%s\"; it has %s",
			    configured->v[i], challenge_types(c->arena));
		}
	}
	for (size_t k = 0; k < IDENTIFIER_KINDS; k++) {
		p->offered[k] = challenge_offered_for(configured, (enum identifier_kind) k);
	}
	return 0;
}

/* What the objects of such challenges say is what is looked for (B-28), and a ready order never outlives what made it ready. */
static int check_standing(struct ctx *c, const struct config *config)
{
	const struct text_list *names = &config->acme.caa_identities; /* whom CAA may name as well (C-35) */
	if (!challenge_standing_configured(&config->policy.challenges)) {
		return 0;
	}
	if (names->n == 0 || names->n > CHALLENGE_ISSUERS_MAX) {
		return FAIL(
		    c, MALFORMED, "policy.challenges: dns-persist-01 needs 1 to %d acme.caa_identities", CHALLENGE_ISSUERS_MAX);
	}
	for (size_t i = 0; i < names->n; i++) {
		if (dns_name_form(c->arena, names->v[i]).rule != RULE_NONE) {
			return FAIL(c, MALFORMED,
			    "policy.challenges: for dns-persist-01 acme.caa_identities have to be domain names in lower case, "
			    "without a dot at the end; \"%s\" is not",
			    names->v[i]);
		}
	}
	for (size_t i = 0; i < config->policy.profiles.n; i++) {
		const struct config_profile *profile = &config->policy.profiles.v[i];
		if (profile->order_life_s > CHALLENGE_STANDING_S) { /* B-32 */
			return FAIL(c, MALFORMED,
			    "policy.challenges: for dns-persist-01 the order_life of profile %s may be 10d at most", profile->name);
		}
	}
	return 0;
}

/* D-36: said at the start, and not when the first order comes to its end. */
static int check_lives(struct ctx *c, const struct config_profile_list *profiles, struct timestamp now)
{
	int64_t most_s = profile_life_max_s(POLICY_WEBPKI, now);
	for (size_t i = 0; i < profiles->n; i++) {
		const struct config_profile *one = &profiles->v[i];
		if (!one->withdrawn && one->life_s > most_s) {
			return FAIL(c, MALFORMED,
			    "policy.profiles.life: \"%s\" of the profile %s: mode webpki allows %lld days today", one->life,
			    one->name, (long long) (most_s / 86400));
		}
	}
	return 0;
}

/* Tokens and nonces last as long as their order, by the Baseline Requirements 30 days at most (3.2.2.4.19, Appendix B 2.b; B-5, B-37). */
static int check_tokens(struct ctx *c, const struct config *config)
{
	bool webpki = config_is_webpki(&config->policy);
	bool needed = webpki || challenge_signed_configured(&config->policy.challenges);
	for (size_t i = 0; needed && i < config->policy.profiles.n; i++) {
		const struct config_profile *profile = &config->policy.profiles.v[i];
		if (profile->order_life_s > CHALLENGE_TOKEN_S) {
			return FAIL(c, MALFORMED, "policy.profiles.order_life: %s allows 30d at most, and %s has more",
			    webpki ? "mode webpki" : "onion-csr-01", profile->name);
		}
	}
	return 0;
}

static int read_config(struct ctx *c, const struct config *config, struct policy *p)
{
	const struct config_policy *from = &config->policy;
	TRY(read_challenges(c, &from->challenges, p));
	TRY(check_standing(c, config));
	TRY(check_tokens(c, config));
	struct network_list networks;
	p->webpki = config_is_webpki(from);
	p->permitted_suffixes.v = ARENA_ARRAY(p->arena, from->permitted_suffixes.n, const char *);
	p->blocked.configured.v = ARENA_ARRAY(p->arena, from->blocked_names.n, const char *);
	TRY(copy_names(c, p->arena, "policy.permitted_suffixes", &from->permitted_suffixes, &p->permitted_suffixes));
	TRY(copy_names(c, p->arena, "policy.blocked_names", &from->blocked_names, &p->blocked.configured));
	TRY(networks_parse(c, &from->permitted_networks, &networks));
	p->permitted_networks.v = ARENA_ARRAY(p->arena, networks.n, struct network);
	for (size_t i = 0; i < networks.n; i++) {
		p->permitted_networks.v[p->permitted_networks.n++] = networks.v[i];
	}
	if (p->webpki && from->internal_names.n > 0) {
		return FAIL(c, MALFORMED, "policy.internal_names: mode webpki allows none");
	}
	return read_zones(c, config, p);
}

static void add_own_keys(const struct bytes_list *spkis, struct policy *p)
{
	p->own_keys = (struct digest_set) { ARENA_ARRAY(p->arena, spkis->n * SHA256_SIZE, uint8_t), 0, SHA256_SIZE };
	for (size_t i = 0; i < spkis->n; i++) {
		sha256_of(spkis->v[i], p->own_keys.v + p->own_keys.n++ * SHA256_SIZE);
	}
	digest_set_sort(&p->own_keys);
}

static int parse(struct ctx *c, const struct policy_sources *from, struct policy *p)
{
	p->psl = psl_builtin();
	const struct file *suffixes = &from->files.suffixes;
	if (suffixes->path != NULL) {
		TRY(zones_suffixes_parse(c, p->arena, suffixes->path, suffixes->content, &p->psl));
	}
	TRY(parse_lists(c, &from->files.lists, p));
	TRY(name_constraints_read(c, p->arena, &from->issuers, &p->issuers));
	TRY(read_config(c, from->config, p));
	if (p->webpki) {
		TRY(check_lives(c, &from->config->policy.profiles, from->now));
	}
	add_own_keys(&from->spkis, p);
	return 0;
}

int policy_parse(struct ctx *c, const struct policy_sources *from, struct policy **ret)
{
	struct arena *a = arena_new();
	struct policy *p = ARENA_NEW(a, struct policy);
	p->arena = a;
	if (parse(c, from, p) != 0) {
		policy_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (policy != NULL) {
		arena_free(policy->arena);
	}
}
