#include "va/resolver_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/base/ip.h"

/* In one place, so that no file is needed: IANA's trust anchors of the root, KSK-2017 and KSK-2024, for all lookups (C-20). */
static const char *const root_anchors[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

/* By UDP from random ports, and by TCP where an answer was cut off. Answers live for a short time only (a subscriber repairs a record and tries again); errors shorter still. No address
 * is too private to be asked: that the operator named it is enough. */
static const char head[] = "server:\n"
                           "\tdirectory: \"\"\n"
                           "\tmodule-config: \"validator iterator\"\n"
                           "\tdo-not-query-localhost: no\n"
                           "\tcache-max-ttl: 60\n"
                           "\tcache-max-negative-ttl: 5\n"
                           "\tinfra-host-ttl: 60\n"
                           "\tmsg-cache-size: 16m\n"
                           "\trrset-cache-size: 32m\n"
                           "\toutgoing-range: 512\n"
                           "\toutgoing-num-tcp: 32\n"
                           "\tedns-buffer-size: 1232\n"
                           "\tharden-dnssec-stripped: yes\n"
                           "\tval-permissive-mode: no\n";

/* The root, or labels of 1 to 63 characters (RFC 1035 2.3.4), with or without a dot at the end. */
static bool is_zone(const char *zone)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	if (strcmp(zone, ".") == 0) {
		return true;
	}
	size_t n = strlen(zone);
	const char *at = zone;
	while (*at != '\0') {
		size_t label = strspn(at, allowed);
		if (label == 0 || label > 63 || (at[label] != '.' && at[label] != '\0')) {
			return false;
		}
		at += label + (at[label] == '.' ? 1 : 0);
	}
	return n > 0 && n <= 253 + (size_t) (zone[n - 1] == '.' ? 1 : 0);
}

static bool is_root(const char *zone)
{
	return strcmp(zone, ".") == 0;
}

/* "192.0.2.1@53" or "2001:db8::1@53" */
static bool is_forwarder(const char *text)
{
	char address[64];
	const char *at = strchr(text, '@');
	if (at == NULL || (size_t) (at - text) >= sizeof(address) || strspn(at + 1, "0123456789") != strlen(at + 1)) {
		return false;
	}
	memcpy(address, text, (size_t) (at - text));
	address[at - text] = '\0';
	struct ip ip;
	long port = strlen(at + 1) > 5 ? 0 : strtol(at + 1, NULL, 10);
	return ip_parse(address, &ip) == 0 && port > 0 && port <= 65535;
}

static bool validates(const struct config_resolver *r)
{
	return r->dnssec == NULL || strcmp(r->dnssec, "off") != 0;
}

/* Takes a decimal number and the blank behind it. -1: it is none, or too large. */
static int take_number(const char **text, long most, long *ret)
{
	size_t n = strspn(*text, "0123456789");
	if (n == 0 || n > 5 || (*text)[n] != ' ') {
		return -1;
	}
	long number = strtol(*text, NULL, 10);
	*text += n + 1;
	*ret = number;
	return number <= most ? 0 : -1;
}

/* Key tag, algorithm, and a digest by SHA-256 or SHA-384 in hexadecimal (RFC 4034 5.3; C-21). */
static bool is_anchor(const char *text)
{
	long number = 0;
	long type = 0;
	if (take_number(&text, 65535, &number) != 0 || take_number(&text, 255, &number) != 0 ||
	    take_number(&text, 255, &type) != 0) {
		return false;
	}
	size_t n = strspn(text, "0123456789abcdefABCDEF");
	return text[n] == '\0' && ((type == 2 && n == 64) || (type == 4 && n == 96));
}

static bool same_zone(const char *a, const char *b)
{
	size_t n = strlen(a) - (strlen(a) > 1 && a[strlen(a) - 1] == '.');
	size_t m = strlen(b) - (strlen(b) > 1 && b[strlen(b) - 1] == '.');
	return n == m && strncasecmp(a, b, n) == 0;
}

/* The root's anchors count unless the operator switched validation off for the root. */
static bool root_validates(const struct config_va *config)
{
	for (size_t i = 0; i < config->resolvers.n; i++) {
		if (is_root(config->resolvers.v[i].zone) && !validates(&config->resolvers.v[i])) {
			return false;
		}
	}
	return true;
}

static int add_local_zone(struct ctx *c, struct buffer *b, const struct config_local_zone *z)
{
	struct ip ip;
	if (!is_zone(z->zone) || is_root(z->zone) || ip_parse(z->address, &ip) != 0) {
		return FAIL(c, MALFORMED, "local_zones: \"%s\" with \"%s\" is not a zone and an address", z->zone, z->address);
	}
	buffer_printf(b, "\tlocal-zone: \"%s\" redirect\n\tlocal-data: \"%s 60 IN %s %s\"\n", z->zone, z->zone,
	    ip.v6 ? "AAAA" : "A", ip_encode(c->arena, &ip));
	return 0;
}

/* libunbound answers "test." and its like itself unless told that somebody serves them. */
static void add_no_default(struct buffer *b, const struct config_va *config, const char *zone)
{
	for (size_t i = 0; i < config->local_zones.n; i++) {
		if (same_zone(config->local_zones.v[i].zone, zone)) {
			return;
		}
	}
	buffer_printf(b, "\tlocal-zone: \"%s\" nodefault\n", zone);
}

static int add_anchors(struct ctx *c, struct buffer *b, const struct config_resolver *r)
{
	for (size_t i = 0; i < r->trust_anchors.n; i++) {
		const char *anchor = r->trust_anchors.v[i];
		if (!is_anchor(anchor) || is_root(r->zone) || !validates(r)) { /* C-22: the root's are IANA's */
			return FAIL(c, MALFORMED,
			    "resolvers: trust anchor \"%s\" of \"%s\" is not KEYTAG ALGORITHM TYPE DIGEST of a zone below the "
			    "root with dnssec: require",
			    anchor, r->zone);
		}
		buffer_printf(b, "\ttrust-anchor: \"%s IN DS %s\"\n", r->zone, anchor);
	}
	return 0;
}

static int add_resolver_options(struct ctx *c, struct buffer *b, const struct config_va *config)
{
	for (size_t i = 0; i < config->resolvers.n; i++) {
		const struct config_resolver *r = &config->resolvers.v[i];
		if (!is_zone(r->zone) || !is_forwarder(r->forward)) {
			return FAIL(c, MALFORMED, "resolvers: \"%s\" forwarded to \"%s\" is not a zone and ADDRESS@PORT", r->zone,
			    r->forward);
		}
		TRY(add_anchors(c, b, r));
		if (!is_root(r->zone)) {
			add_no_default(b, config, r->zone);
			if (!validates(r)) {
				buffer_printf(b, "\tdomain-insecure: \"%s\"\n", r->zone);
			}
		} else {
			add_no_default(b, config, "test.");
		}
	}
	return 0;
}

/* All forwarders of a zone stand in one clause, at its first appearance. */
static void add_forward(struct buffer *b, const struct config_resolver_list *list, size_t at)
{
	const char *zone = list->v[at].zone;
	for (size_t i = 0; i < at; i++) {
		if (same_zone(list->v[i].zone, zone)) {
			return;
		}
	}
	buffer_printf(b, "forward-zone:\n\tname: \"%s\"\n", zone);
	for (size_t i = at; i < list->n; i++) {
		if (same_zone(list->v[i].zone, zone)) {
			buffer_printf(b, "\tforward-addr: %s\n", list->v[i].forward);
		}
	}
}

int resolver_config_encode(struct ctx *c, const struct config_va *config, const char **ret_text)
{
	struct buffer b;
	buffer_init(&b, c->arena, 1024);
	buffer_add_text(&b, head);
	for (size_t i = 0; root_validates(config) && i < COUNT_OF(root_anchors); i++) {
		buffer_printf(&b, "\ttrust-anchor: \"%s\"\n", root_anchors[i]);
	}
	for (size_t i = 0; i < config->local_zones.n; i++) {
		TRY(add_local_zone(c, &b, &config->local_zones.v[i]));
	}
	TRY(add_resolver_options(c, &b, config));
	for (size_t i = 0; i < config->resolvers.n; i++) {
		add_forward(&b, &config->resolvers, i);
	}
	*ret_text = (const char *) buffer_bytes(&b).p;
	return 0;
}

/* Length of the zone when the name lies in it, else -1. The root has length 0. */
static int match(const char *zone, const char *name)
{
	size_t n = strlen(name);
	size_t z = strlen(zone);
	z -= z > 0 && zone[z - 1] == '.';
	n -= n > 0 && name[n - 1] == '.';
	if (z == 0) {
		return 0;
	}
	bool inside = z <= n && strncasecmp(name + n - z, zone, z) == 0 && (z == n || name[n - z - 1] == '.');
	return inside ? (int) z : -1;
}

struct resolver_route resolver_route(const struct config_va *config, const char *name)
{
	struct resolver_route route = { "recursive", root_validates(config) };
	int best = -1;
	for (size_t i = 0; i < config->local_zones.n; i++) {
		if (match(config->local_zones.v[i].zone, name) >= 0) {
			return (struct resolver_route) { "local", false };
		}
	}
	for (size_t i = 0; i < config->resolvers.n; i++) {
		const struct config_resolver *r = &config->resolvers.v[i];
		int length = match(r->zone, name);
		if (length > best) {
			best = length;
			bool anchored = r->trust_anchors.n > 0 || root_validates(config);
			route = (struct resolver_route) { r->forward, validates(r) && anchored };
		}
	}
	return route;
}
