/* What the keys of cairn-va must be together, and by the rules of mode webpki. */
#include <string.h>
#include <strings.h>

#include "lib/base/config_check.h"
#include "lib/base/ip.h"

#define VALIDATE_CALL_S 60     /* the deadline of va.Validate in lib/rpc/methods.def */
#define VALIDATION_RESERVE_S 3 /* VALIDATION_RESERVE_MS of ra/main.c */
#define LEASE_RESERVE_S 5      /* that of ra/jobs.c */

static int refuse(struct ctx *c, const char *key, const char *value, const char *why)
{
	return FAIL(c, MALFORMED, "%s: \"%s\" %s", key, value, why);
}

static bool is_below_test(const char *zone)
{
	size_t n = strlen(zone);
	n -= n > 0 && zone[n - 1] == '.' ? 1 : 0;
	return n >= 4 && strncasecmp(zone + n - 4, "test", 4) == 0 && (n == 4 || zone[n - 5] == '.');
}

/* C-20, C-22: what proves control in public is validated from IANA's anchors of the root, without an exception. Names
 * below test. belong to nobody and are in no certificate then. */
static int check_lookups(struct ctx *c, const struct config_va *va)
{
	if (va->root_servers.n > 0) {
		return FAIL(c, MALFORMED, "va.root_servers: only for policy.mode private");
	}
	if (va->root_trust_anchors.n > 0) {
		return FAIL(c, MALFORMED, "va.root_trust_anchors: only for policy.mode private");
	}
	for (size_t i = 0; i < va->resolvers.n; i++) {
		const struct config_resolver *r = &va->resolvers.v[i];
		if (r->dnssec != NULL && strcmp(r->dnssec, "off") == 0) {
			return refuse(
			    c, "va.resolvers.zone", r->zone, "has dnssec: off, which policy.mode webpki allows for no zone");
		}
		if (r->trust_anchors.n > 0) {
			return refuse(c, "va.resolvers.zone", r->zone,
			    "has trust_anchors of its own; in policy.mode webpki the root's count and no others");
		}
	}
	for (size_t i = 0; i < va->local_zones.n; i++) {
		if (!is_below_test(va->local_zones.v[i].zone)) {
			return refuse(c, "va.local_zones.zone", va->local_zones.v[i].zone,
			    "is answered without a look into the DNS, which policy.mode webpki allows below test. only");
		}
	}
	return 0;
}

/* BR 3.2.2.4.19, 3.2.2.4.20, C-11: hosts of the internet, on the ports that the rules name. */
static int check_hosts(struct ctx *c, const struct config_va *va)
{
	if (va->allow_networks.n > 0) {
		return refuse(c, "va.allow_networks", va->allow_networks.v[0],
		    "opens a network that is not public to validation; only for policy.mode private");
	}
	if (va->http01_port != 80 || va->tlsalpn01_port != 443) {
		return FAIL(c, MALFORMED,
		    "va.http01_port, va.tlsalpn01_port: other ports than 80 and 443 are only for policy.mode private");
	}
	return 0;
}

/* C-25 */
static int check_probe(struct ctx *c, const struct config_va *va)
{
	return va->dnssec_probe[0] != '\0' ? 0 : FAIL(c, MALFORMED, "va.dnssec_probe: policy.mode webpki needs one");
}

/* A validation, and the one of the perspectives behind it, ends within its call and the lease of its job. */
static int check_times(struct ctx *c, const struct config *config)
{
	int64_t most_s = config->ra.validation_lease_s - LEASE_RESERVE_S;
	most_s = (most_s < VALIDATE_CALL_S ? most_s : VALIDATE_CALL_S) - VALIDATION_RESERVE_S;
	most_s /= config->va.perspectives.n > 0 ? 2 : 1;
	return config->va.timeout_s <= most_s ? 0
	                                      : FAIL(c, MALFORMED,
	                                            "va.timeout_s: is more than the %lld s that ra.validation_lease_s and "
	                                            "va.perspectives leave it",
	                                            (long long) most_s);
}

/* What is opened must be so; a part of it may be closed again. */
static int check_networks(struct ctx *c, const struct config_va *va)
{
	struct ip_reach reach;
	TRY(ip_reach_parse(c, &va->allow_networks, &va->deny_networks, &reach));
	for (size_t i = 0; i < reach.allowed.n; i++) {
		for (size_t k = 0; k < reach.denied.n; k++) {
			if (network_covers(&reach.denied.v[k], &reach.allowed.v[i])) {
				return FAIL(c, MALFORMED,
				    "va.allow_networks: \"%s\" lies in \"%s\" of va.deny_networks, which comes first, so it would open "
				    "nothing; one of them has to go",
				    va->allow_networks.v[i], va->deny_networks.v[k]);
			}
		}
	}
	return 0;
}

int config_check_va(struct ctx *c, const struct config *config)
{
	TRY(check_times(c, config));
	TRY(check_networks(c, &config->va));
	if (config_is_webpki(&config->policy)) {
		TRY(check_lookups(c, &config->va));
		TRY(check_hosts(c, &config->va));
		TRY(check_probe(c, &config->va));
	}
	return 0;
}
