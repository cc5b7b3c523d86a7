/* Officers' certificates and signatures: CMS (RFC 5652), detached, without signed attributes, RSA by PKCS#1 v1.5 with SHA-256, so that
 * the signature is one of the statement itself and the database can verify it too. `openssl cms -sign -noattr` makes the same. */
#ifndef CAIRN_CLI_DISCLOSE_SIGN_H
#define CAIRN_CLI_DISCLOSE_SIGN_H

#include <openssl/x509.h>

#include "lib/base/ctx.h"

struct officer_cert {
	X509 *x509; /* the arena's */
	struct bytes der;
	struct bytes modulus;
};

/* The one certificate in the file. MALFORMED: not one, or its key is not RSA of 3072 to 8192 bits with the exponent 65537. */
int officer_cert_read(struct ctx *c, const char *path, struct officer_cert *ret) MUST_CHECK;

struct officer_signature {
	struct bytes cms;       /* DER */
	struct bytes signature; /* the octets in it */
};

/* Signs with the key in the file, which must be that of the certificate. */
int officer_sign(struct ctx *c, const struct officer_cert *cert, const char *key_path, const char *statement,
    struct officer_signature *ret) MUST_CHECK;

/* What was signed elsewhere, DER. UNAUTHORIZED: it is not by this certificate under this statement. */
int officer_signature_of(struct ctx *c, const struct officer_cert *cert, struct bytes der, const char *statement,
    struct officer_signature *ret) MUST_CHECK;

/* The same from a file. */
int officer_signature_read(struct ctx *c, const struct officer_cert *cert, const char *path, const char *statement,
    struct officer_signature *ret) MUST_CHECK;

#endif
