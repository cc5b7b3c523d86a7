/* TLS with hosts that are validated: whoever they are, they get a connection, and none of them takes more of our processor than
 * another. For http-01 behind a redirect to https, and for tls-alpn-01. */
#ifndef CAIRN_VA_STRANGER_H
#define CAIRN_VA_STRANGER_H

#include <openssl/ssl.h>

#include "lib/base/ctx.h"

/* TLS 1.2 or newer, with all ciphers, keys and digests that cost little, however old. -1: OpenSSL can't. */
int stranger_tls_set(SSL_CTX *tls) MUST_CHECK;

#endif
