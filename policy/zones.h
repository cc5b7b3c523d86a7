/* Where a name lies: under a public suffix, in a special-use domain (RFC 6761 and IANA's registry), or in neither. Pure. */
#ifndef CAIRN_POLICY_ZONES_H
#define CAIRN_POLICY_ZONES_H

#include <libpsl.h>

#include "policy/rules.h"

/* The public suffix list from the text that publicsuffix.org publishes; the arena owns it. MALFORMED, "NAME: reason",
 * unless it is whole. */
int zones_suffixes_parse(
    struct ctx *c, struct arena *a, const char *name, struct bytes text, const psl_ctx_t **ret) MUST_CHECK;

/* What speaks against the name, in lower case and without "*.", by its place alone. */
struct zone_view {
	struct ruling never;  /* in no mode */
	struct ruling webpki; /* under the Baseline Requirements */
	bool internal;        /* outside of the public DNS: in private mode the operator's word decides */
};
struct zone_view zones_look(struct arena *a, const psl_ctx_t *psl, const char *name);

/* A wildcard right below this name would cover a whole public suffix (C-13). The list's section of private domains does
 * not count: their owners are one party (BR 3.2.2.6). */
bool zones_is_public_suffix(const psl_ctx_t *psl, const char *name);

#endif
