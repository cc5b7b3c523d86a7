/* What an answer about DS says of a name: whether a zone begins there, and whether that zone is signed (RFC 4035 5.2, RFC 5155
 * 8.9). The answer must have verified; here nothing is. Pure. */
#ifndef CAIRN_POLICY_DNS_CUT_H
#define CAIRN_POLICY_DNS_CUT_H

#include "lib/base/ctx.h"

enum dns_cut {
	DNS_CUT_NONE,     /* no zone begins there, as far as the answer shows */
	DNS_CUT_SIGNED,   /* one that is signed: there are DS records */
	DNS_CUT_UNSIGNED, /* one that is not: the denial shows a delegation without DS */
};

/* -1: the packet is cut off, or no answer about DS of this name. */
int dns_cut_parse(struct arena *a, struct bytes packet, const char *name, enum dns_cut *ret) MUST_CHECK;

#endif
