#include <ctype.h>
#include <string.h>

#include "cli/limits.h"
#include "cli/operator.h"
#include "lib/base/ip.h"

#define CONTACT_KEY 64

static bool is_account(const char *text, size_t n)
{
	struct id id;
	return id_parse((struct bytes) { (const uint8_t *) text, n }, &id) == 0;
}

/* In lower case, or NULL. */
static const char *name_of(struct arena *a, const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:/*";
	char *name = arena_alloc(a, strlen(text) + 1);
	memcpy(name, text, strlen(text) + 1);
	for (char *p = name; *p != '\0'; p++) {
		*p = (char) tolower((unsigned char) *p);
	}
	return name[0] != '\0' && strspn(name, allowed) == strlen(name) ? name : NULL;
}

static struct identifier identifier_of(const char *name)
{
	struct ip ip;
	return (struct identifier) { ip_parse(name, &ip) == 0 ? "ip" : "dns", name };
}

static int set_key(struct ctx *c, const char *typed, const char **ret)
{
	const struct text_list names = operator_list(c->arena, typed);
	struct identifier_list list = { ARENA_ARRAY(c->arena, names.n, struct identifier), names.n };
	for (size_t i = 0; i < names.n; i++) {
		const char *name = name_of(c->arena, names.v[i]);
		if (name == NULL) {
			return FAIL(c, MALFORMED, "\"%s\" is no name", names.v[i]);
		}
		list.v[i] = identifier_of(name);
	}
	*ret = limits_set(c->arena, &list);
	return 0;
}

static int address_key(struct ctx *c, enum limit_key by, const char *typed, const char **ret)
{
	struct ip ip;
	struct network_list networks;
	const struct text_list one = { &typed, 1 };
	if (strchr(typed, '/') != NULL) {
		TRY(networks_parse(c, &one, &networks));
		*ret = typed;
		return 0;
	}
	if (ip_parse(typed, &ip) != 0) {
		return FAIL(c, MALFORMED, "\"%s\" is no address", typed);
	}
	*ret = by == LIMIT_BY_NETWORK ? limits_network(c->arena, typed) : ip_encode(c->arena, &ip);
	return 0;
}

/* What stands in acme.limit_use: nobody can make it from a contact but cairn-subscriber. */
static int contact_key(struct ctx *c, const char *typed, const char **ret)
{
	if (strlen(typed) != CONTACT_KEY || strspn(typed, "0123456789abcdef") != CONTACT_KEY) {
		return FAIL(c, MALFORMED, "\"%s\": contacts are named by the 64 digits of their keyed hash", typed);
	}
	*ret = typed;
	return 0;
}

static int range_key(struct ctx *c, const char *typed, const char **ret)
{
	*ret = limits_range(c->arena, arena_text_n(c->arena, typed, strcspn(typed, "/")));
	return *ret != NULL ? 0 : FAIL(c, MALFORMED, "\"%s\" is no IPv6 address or network", typed);
}

/* Certificates are counted by registered domain and by network, whichever name or address in it was typed. */
static const char *domain_of(struct arena *a, const psl_ctx_t *psl, const char *typed)
{
	const char *name = name_of(a, typed);
	if (name == NULL) {
		return NULL;
	}
	const char *network = limits_network(a, arena_text_n(a, name, strcspn(name, "/")));
	if (network != NULL || strchr(name, '/') != NULL) {
		return network;
	}
	const struct identifier identifier = identifier_of(name);
	return limits_domain(a, psl, &identifier);
}

/* Validations are counted by name, with or without the wildcard label. */
static const char *base_of(struct arena *a, const char *typed)
{
	const char *name = name_of(a, typed);
	return name != NULL && strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

/* ACCOUNT, or ACCOUNT/NAME where the limit has that. */
static int account_key(struct ctx *c, const psl_ctx_t *psl, enum limit_kind kind, const char *typed, const char **ret)
{
	enum limit_key by = limit_info(kind)->key;
	const char *key = strncmp(typed, "https://", 8) == 0 ? strrchr(typed, '/') + 1 : typed;
	const char *slash = strchr(key, '/');
	size_t n = slash == NULL ? strlen(key) : (size_t) (slash - key);
	if (!is_account(key, n)) {
		return FAIL(c, MALFORMED, "\"%s\": accounts are named by their 22 characters", typed);
	}
	if (slash == NULL) {
		*ret = key;
		return 0;
	}
	const char *name = by == LIMIT_BY_ACCOUNT_DOMAIN ? domain_of(c->arena, psl, slash + 1)
	                   : by == LIMIT_BY_ACCOUNT_NAME ? base_of(c->arena, slash + 1)
	                                                 : NULL;
	if (name == NULL) {
		return FAIL(c, MALFORMED, "\"%s\" is no key of %s", typed, limit_info(kind)->name);
	}
	*ret = arena_printf(c->arena, "%.*s/%s", (int) n, key, name);
	return 0;
}

int limits_key(struct ctx *c, const psl_ctx_t *psl, enum limit_kind kind, const char *typed, const char **ret)
{
	switch (limit_info(kind)->key) {
	case LIMIT_BY_SET:
		return set_key(c, typed, ret);
	case LIMIT_BY_ADDRESS:
	case LIMIT_BY_NETWORK:
		return address_key(c, limit_info(kind)->key, typed, ret);
	case LIMIT_BY_CONTACT:
		return contact_key(c, typed, ret);
	case LIMIT_BY_RANGE:
		return range_key(c, typed, ret);
	case LIMIT_BY_DOMAIN:
		*ret = domain_of(c->arena, psl, typed);
		return *ret != NULL ? 0 : FAIL(c, MALFORMED, "\"%s\" is no name and no network", typed);
	case LIMIT_BY_ACCOUNT:
	case LIMIT_BY_ACCOUNT_DOMAIN:
	case LIMIT_BY_ACCOUNT_NAME:
	default:
		return account_key(c, psl, kind, typed, ret);
	}
}
