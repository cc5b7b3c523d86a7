#include "policy/grants.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "policy/dns_name.h"

static int refuse(struct ctx *c, const char *pattern, const char *why)
{
	return FAIL(c, MALFORMED, "\"%s\" is no pattern of names: %s", pattern, why);
}

/* All bits behind the first `bits` are zero. */
static bool is_network(const uint8_t *address, size_t octets, unsigned bits)
{
	for (size_t i = 0; i < octets * 8; i++) {
		if (i >= bits && (address[i / 8] >> (7 - i % 8) & 1) != 0) {
			return false;
		}
	}
	return true;
}

/* "ADDRESS" or "ADDRESS/BITS". */
static int parse_network(struct ctx *c, const char *pattern, const char **ret)
{
	static const char digits[] = "0123456789";
	uint8_t octets[16];
	const char *slash = strchr(pattern, '/');
	const char *address = slash == NULL ? pattern : arena_text_n(c->arena, pattern, (size_t) (slash - pattern));
	bool v4 = strchr(address, ':') == NULL;
	if (inet_pton(v4 ? AF_INET : AF_INET6, address, octets) != 1) {
		return refuse(c, pattern, "it is not an address");
	}
	unsigned long most = v4 ? 32 : 128;
	unsigned long bits = most;
	if (slash != NULL) {
		size_t n = strlen(slash + 1);
		bits = n > 0 && n <= 3 && strspn(slash + 1, digits) == n ? strtoul(slash + 1, NULL, 10) : most + 1;
	}
	if (bits > most) {
		return refuse(c, pattern, "the number behind the slash is not one of bits");
	}
	if (!is_network(octets, v4 ? 4 : 16, (unsigned) bits)) {
		return refuse(c, pattern, "the address has bits beyond those of its network");
	}
	*ret = arena_printf(c->arena, "%s/%lu", address, bits);
	return 0;
}

static int parse_name(struct ctx *c, const char *pattern, const char **ret)
{
	const char *name = dns_name_lower(c->arena, pattern);
	const char *base = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	bool below = base[0] == '.';
	base += below ? 1 : 0;
	struct ruling form = below && base[0] == '\0' ? ACCEPTED : dns_name_form(c->arena, base);
	if (form.rule != RULE_NONE) {
		return refuse(c, pattern, form.why);
	}
	*ret = name;
	return 0;
}

/* Names have neither a colon nor a slash, and their last label is not a number. */
static bool is_address(const char *pattern)
{
	const char *dot = strrchr(pattern, '.');
	const char *last = dot == NULL ? pattern : dot + 1;
	return strpbrk(pattern, ":/") != NULL || (last[0] != '\0' && strspn(last, "0123456789") == strlen(last));
}

int grants_names_parse(struct ctx *c, const struct text_list *patterns, struct grants_names *ret)
{
	size_t n = patterns->n;
	if (n > GRANTS_PATTERNS_MAX) {
		return FAIL(c, MALFORMED, "There are more than %d patterns", GRANTS_PATTERNS_MAX);
	}
	struct grants_names parsed = { { ARENA_ARRAY(c->arena, n, const char *), 0 },
		{ ARENA_ARRAY(c->arena, n, const char *), 0 } };
	for (size_t i = 0; i < n; i++) {
		bool address = is_address(patterns->v[i]);
		struct text_list *to = address ? &parsed.networks : &parsed.names;
		TRY(address ? parse_network(c, patterns->v[i], &to->v[to->n]) : parse_name(c, patterns->v[i], &to->v[to->n]));
		to->n++;
	}
	*ret = parsed;
	return 0;
}
