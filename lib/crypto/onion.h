/* Names of onion services (RFC 7686; RFC 9799 2; B-35). In version 3 the label before "onion" is the base32 of the service's Ed25519
 * key, a checksum and the version, so that the name alone tells who may speak for it. Pure. */
#ifndef CAIRN_CRYPTO_ONION_H
#define CAIRN_CRYPTO_ONION_H

#include "lib/base/bytes.h"

#define ONION_KEY_SIZE 32

struct onion {
	const char *service; /* "KEY.onion", whatever stands before it; borrows from the name */
	uint8_t key[ONION_KEY_SIZE];
};

/* The name is "onion" or lies below it. In lower case. */
bool onion_is(const char *name);

/* The service to which a name in lower case belongs. NULL, or why it belongs to none, as the end of a sentence. */
const char *onion_parse(const char *name, struct onion *ret) MUST_CHECK;

/* The signature of the message verifies by the service's key (RFC 8032). */
bool onion_verify(const struct onion *onion, struct bytes message, struct bytes signature);

#endif
