/* Certificates as one object: the degenerate SignedData of RFC 5652, which signs nothing ("certs-only", RFC 8551 3.2.2). */
#ifndef CAIRN_CRYPTO_PKCS7_H
#define CAIRN_CRYPTO_PKCS7_H

#include "lib/base/ctx.h"

/* DER, with the certificates in the order given. */
struct bytes pkcs7_certs_only(struct arena *a, const struct bytes_list *certificates);

#endif
