#include "va/resolver_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/base/ip.h"

/* In one place, so that no file is needed: IANA's trust anchors of the root, KSK-2017 and KSK-2024, for all lookups (C-20). */
static const char *const iana_anchors[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

/* SHA-1 does not count beside SHA-2 (RFC 4509 3; C-21), and a zone is signed by each algorithm that its DS records name.
 * By UDP from random ports, and by TCP where an answer was cut off. Nothing is remembered
 * beyond the second but what servers are like (a subscriber repairs a record and tries again; failures: dns_lanes.c); these two
 * limits are libunbound's for the whole process. Which addresses are asked is said by add_closed. Sizes are of one context of one lane (dns_lanes.h). */
static const char head[] = "server:\n"
                           "\tdirectory: \"\"\n"
                           "\tmodule-config: \"validator iterator\"\n"
                           "\tdo-not-query-localhost: no\n"
                           "\tcache-max-ttl: 0\n"
                           "\tcache-max-negative-ttl: 0\n"
                           "\tinfra-host-ttl: 1\n"
                           "\trrset-cache-size: 8m\n"
                           "\tkey-cache-size: 1m\n"
                           "\tinfra-cache-numhosts: 2000\n"
                           "\trrset-cache-slabs: 1\n"
                           "\tkey-cache-slabs: 1\n"
                           "\tinfra-cache-slabs: 1\n"
                           "\toutgoing-range: 400\n"
                           "\toutgoing-num-tcp: 16\n"
                           "\tedns-buffer-size: 1232\n"
                           "\tqname-minimisation: yes\n"
                           "\tharden-glue: yes\n"
                           "\tharden-below-nxdomain: yes\n"
                           "\taggressive-nsec: no\n" /* what was denied of others hides no CAA that came since */
                           "\tunwanted-reply-threshold: 10000\n"
                           "\tharden-dnssec-stripped: yes\n"
                           "\tharden-algo-downgrade: yes\n"
                           "\tval-permissive-mode: no\n"
                           "\tval-bogus-ttl: 2\n"
                           "\tval-nsec3-keysize-iterations: \"1024 150 2048 150 4096 150\"\n"
                           "\tlog-servfail: yes\n";

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
static int forwarder_parse(const char *text, struct ip *ret)
{
	char address[64];
	const char *at = strchr(text, '@');
	if (at == NULL || (size_t) (at - text) >= sizeof(address) || strspn(at + 1, "0123456789") != strlen(at + 1)) {
		return -1;
	}
	memcpy(address, text, (size_t) (at - text));
	address[at - text] = '\0';
	long port = strlen(at + 1) > 5 ? 0 : strtol(at + 1, NULL, 10);
	return port > 0 && port <= 65535 ? ip_parse(address, ret) : -1;
}

static bool is_forwarder(const char *text)
{
	struct ip ip;
	return forwarder_parse(text, &ip) == 0;
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

/* The root's keys: IANA's, or those that the operator gave for a root of his own. */
static int add_root_anchors(struct ctx *c, struct buffer *b, const struct config_va *config)
{
	const struct text_list *own = &config->root_trust_anchors;
	for (size_t i = 0; i < own->n; i++) {
		if (!is_anchor(own->v[i]) || !root_validates(config)) {
			return FAIL(c, MALFORMED,
			    "root_trust_anchors: \"%s\" is not KEYTAG ALGORITHM TYPE DIGEST, or nothing is validated from the root",
			    own->v[i]);
		}
		buffer_printf(b, "\ttrust-anchor: \". IN DS %s\"\n", own->v[i]);
	}
	for (size_t i = 0; own->n == 0 && root_validates(config) && i < COUNT_OF(iana_anchors); i++) {
		buffer_printf(b, "\ttrust-anchor: \"%s\"\n", iana_anchors[i]);
	}
	return 0;
}

/* Names are resolved from there; with resolvers for all names there is nothing to be resolved from the root. */
static int add_root_servers(struct ctx *c, struct buffer *b, const struct config_va *config)
{
	const struct text_list *servers = &config->root_servers;
	for (size_t i = 0; servers->n > 0 && i < config->resolvers.n; i++) {
		if (is_root(config->resolvers.v[i].zone)) {
			return FAIL(c, MALFORMED, "root_servers: there is a resolver for all names as well; one of them has to go");
		}
	}
	buffer_add_text(b, servers->n > 0 ? "stub-zone:\n\tname: \".\"\n" : "");
	for (size_t i = 0; i < servers->n; i++) {
		if (!is_forwarder(servers->v[i])) {
			return FAIL(c, MALFORMED, "root_servers: \"%s\" is not ADDRESS@PORT", servers->v[i]);
		}
		buffer_printf(b, "\tstub-addr: %s\n", servers->v[i]);
	}
	return 0;
}

/* All that has no resolver of its own is forwarded. */
static bool has_forwarder(const struct config_va *config)
{
	bool has = false;
	for (size_t i = 0; i < config->resolvers.n; i++) {
		has = has || is_root(config->resolvers.v[i].zone);
	}
	return has;
}

/* Then the operator's servers know about all names, those that are reserved too. */
static bool has_own_root(const struct config_va *config)
{
	return config->root_servers.n > 0 || has_forwarder(config);
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
	if (has_own_root(config)) {
		add_no_default(b, config, "test.");
	}
	/* Who forges an answer has to guess the case of each letter of the name too. A server that does not repeat it is asked again, and
	 * believed when all answers are the same. Between a forwarder and us there is the operator's own network. */
	buffer_printf(b, "\tuse-caps-for-id: %s\n", has_forwarder(config) ? "no" : "yes");
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
		}
	}
	return 0;
}

static void add_open(struct network_list *open, const char *forwarder)
{
	struct ip ip;
	if (forwarder_parse(forwarder, &ip) == 0) {
		open->v[open->n++] = (struct network) { ip, ip.v6 ? 128 : 32 };
	}
}

/* A delegation may name any address as that of its server: no query follows it where validation may not go. What the operator
 * named is asked wherever it is. */
static int add_closed(struct ctx *c, struct buffer *b, const struct config_va *config)
{
	struct ip_reach reach;
	TRY(ip_reach_parse(c, &config->allow_networks, &config->deny_networks, &reach));
	struct network_list open = { ARENA_ARRAY(c->arena, config->resolvers.n + config->root_servers.n, struct network),
		0 };
	for (size_t i = 0; i < config->resolvers.n; i++) {
		add_open(&open, config->resolvers.v[i].forward);
	}
	for (size_t i = 0; i < config->root_servers.n; i++) {
		add_open(&open, config->root_servers.v[i]);
	}
	struct network_list closed = ip_closed(c->arena, &reach, &open);
	for (size_t i = 0; i < closed.n; i++) {
		buffer_printf(b, "\tdo-not-query-address: %s/%u\n", ip_encode(c->arena, &closed.v[i].first), closed.v[i].bits);
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
	TRY(add_root_anchors(c, &b, config));
	TRY(add_closed(c, &b, config));
	for (size_t i = 0; i < config->local_zones.n; i++) {
		TRY(add_local_zone(c, &b, &config->local_zones.v[i]));
	}
	TRY(add_resolver_options(c, &b, config));
	for (size_t i = 0; i < config->resolvers.n; i++) {
		add_forward(&b, &config->resolvers, i);
	}
	TRY(add_root_servers(c, &b, config));
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
	struct resolver_route route = { "recursive", root_validates(config), ".", "." };
	int best = -1;
	int closest = 0;
	for (size_t i = 0; i < config->local_zones.n; i++) {
		if (match(config->local_zones.v[i].zone, name) >= 0) {
			return (struct resolver_route) { "local", false, NULL, NULL };
		}
	}
	for (size_t i = 0; i < config->resolvers.n; i++) {
		const struct config_resolver *r = &config->resolvers.v[i];
		int length = match(r->zone, name);
		if (length > best) {
			best = length;
			bool anchored = r->trust_anchors.n > 0 || root_validates(config);
			route = (struct resolver_route) { r->forward, validates(r) && anchored, r->zone, route.anchor };
		}
		if (length > closest && r->trust_anchors.n > 0) {
			closest = length;
			route.anchor = r->zone;
		}
	}
	return route;
}
