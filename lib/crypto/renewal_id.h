/* The name that a certificate has in renewalInfo and in `replaces`: base64url of the keyIdentifier of its
 * authorityKeyIdentifier, a dot, base64url of the content octets of its serial (RFC 9773 4.1, B-13). */
#ifndef CAIRN_CRYPTO_RENEWAL_ID_H
#define CAIRN_CRYPTO_RENEWAL_ID_H

#include "lib/base/ctx.h"

struct renewal_id {
	struct bytes key_id; /* 1 to 32 octets */
	struct bytes serial; /* 1 to 20 octets, as DER has them: no octet too many, not negative */
};

/* MALFORMED for anything that no certificate of ours could be named by, also for a second way to write one: a `=`, bits that
 * are not zero at an end, a leading zero too many or too few. The octets are the arena's. */
int renewal_id_parse(struct ctx *c, struct bytes text, struct renewal_id *ret) MUST_CHECK;

#endif
