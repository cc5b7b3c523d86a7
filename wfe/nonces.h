/* Nonces of RFC 8555 6.5 on top of the sealed ones of lib/crypto/nonce.h. */
#ifndef CAIRN_WFE_NONCES_H
#define CAIRN_WFE_NONCES_H

#include "wfe/front.h"

/* Spends the nonce, where it was made; from now on it is used, whatever becomes of the request. BAD_NONCE: it was
 * not good, its maker does not answer, or the switch for tests chose to refuse it. */
int nonces_spend(struct ctx *c, const struct front *front, const char *nonce) MUST_CHECK;

/* Spends the nonce of a body that is no acceptable JWS, if one can be found in it. */
void nonces_spend_broken(struct ctx *c, const struct front *front, struct bytes body);

/* Once, before the RPC server starts: the nonces that RedeemNonce redeems for the other front ends. */
void nonces_answer(struct nonce_box *box);

#endif
