/* The front ends among each other: whose nonces are whose, and the question to the one that made a nonce. Who is who
 * follows from the addresses of rpc.wfe alone, so nothing is announced or learned: the name that stands in front of a
 * nonce is a keyed hash of its maker's address. */
#ifndef CAIRN_WFE_PEERS_H
#define CAIRN_WFE_PEERS_H

#include "lib/base/config.h"
#include "lib/crypto/nonce.h"

struct peers;

/* In the arena. all: the addresses of every front end, own: which of them this one is. salt: what the front ends know
 * and clients don't, so that no nonce tells an address. FAIL: SERVER_INTERNAL when own is not among them, as the others would
 * then not find this one. */
int peers_make(struct ctx *c, struct arena *a, const struct text_list *all, const char *own, struct bytes salt,
    struct peers **ret) MUST_CHECK;

/* The name of this front end. */
const uint8_t *peers_own(const struct peers *peers);

/* Asks the maker of a nonce that is not ours to redeem it. What it says, as in redeem_nonce_response; "unknown" when it
 * is of no front end; "away" when its maker does not answer. For half a second it is then not asked again, after that by one
 * call at a time that tries whether it is back. Leaves no error in c. */
const char *peers_redeem(struct ctx *c, struct peers *peers, const char *nonce);

#endif
