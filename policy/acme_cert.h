/* The certificate that a tls-alpn-01 responder answers with (RFC 8737 3, RFC 8738 6; B-3, B-4, B-8): strict DER, as it comes
 * from a stranger. Pure. */
#ifndef CAIRN_POLICY_ACME_CERT_H
#define CAIRN_POLICY_ACME_CERT_H

#include "lib/base/ctx.h"

/* NULL when it proves control of the identifier, a DNS name in lower case or an address in the form of ip_encode. Else
 * what is wrong with it, to be read behind "the certificate"; only printable ASCII. */
const char *acme_cert_refusal(struct arena *a, struct bytes der, const char *identifier, const char *key_authorization);

#endif
