/* The CAA sets of onion services in a finalize request (RFC 9799 6.4; B-38). */
#ifndef CAIRN_RA_ONION_CAA_H
#define CAIRN_RA_ONION_CAA_H

#include "lib/rpc/messages.h"

/* The set of the service that a name in lower case belongs to; sets: the member onionCAA of the request, or NULL. It is not verified
 * here, and borrows from sets. ONION_CAA_REQUIRED when there is none, MALFORMED when it is not of the form. */
int onion_caa_find(struct ctx *c, const json_t *sets, const char *name, struct onion_caa *ret) MUST_CHECK;

#endif
