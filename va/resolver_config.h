/* The resolvers and local zones of the configuration as text for libunbound, and which of them serves a name. Pure. */
#ifndef CAIRN_VA_RESOLVER_CONFIG_H
#define CAIRN_VA_RESOLVER_CONFIG_H

#include "lib/base/config.h"

/* FAIL: MALFORMED for a zone that is no domain name or a forwarder that is no ADDRESS@PORT. */
int resolver_config_encode(struct ctx *c, const struct config_va *config, const char **ret_text) MUST_CHECK;

/* Who answers for the name. */
struct resolver_route {
	const char *resolver; /* "local", ADDRESS@PORT, or "recursive" */
	bool dnssec;          /* answers are validated */
	const char *zone;     /* that is forwarded; "." without; NULL: local */
	const char *anchor;   /* the closest zone above the name whose key is known, if they are */
};
struct resolver_route resolver_route(const struct config_va *config, const char *name);

#endif
