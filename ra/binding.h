/* External account bindings (RFC 8555 7.3.4): the inner JWS of a newAccount request against the key it names. */
#ifndef CAIRN_RA_BINDING_H
#define CAIRN_RA_BINDING_H

#include "lib/crypto/jwk.h"
#include "lib/rpc/messages.h"

/* Checks the binding of a request that was signed by the key `outer`; ret_key: the external account key that made it.
 * attempt: of limits_for_binding, what a look at the key takes of a limit until the account is there.
 * Nothing else is used up yet. MALFORMED: not a JWS of this kind, or its payload is no JWK. UNAUTHORIZED: for another URL or
 * another key, or not made by a key of ours, which is said in the same words whether the kid or the MAC is wrong. */
int binding_check(
    struct ctx *c, const json_t *binding, const struct jwk *outer, const char *attempt, struct id *ret_key) MUST_CHECK;

#endif
