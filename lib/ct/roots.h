/* What a transparency log says of whose certificates it takes (RFC 6962 4.7). Pure. */
#ifndef CAIRN_CT_ROOTS_H
#define CAIRN_CT_ROOTS_H

#include "lib/base/ctx.h"

/* json: the answer to get-roots. chain: DER from an issuer's certificate up, as logs are shown it behind what it signed; one at least. Whether
 * a log with these roots takes it: one of the chain is among them, or one of them signed the last of the chain, so that the root itself may
 * be left out (H-1). Roots that can't be read are passed over, as logs take what nobody issues any more. MALFORMED: no such answer. */
int ct_roots_know(struct ctx *c, struct bytes json, const struct bytes_list *chain, bool *ret_known) MUST_CHECK;

#endif
