/* What the URLs that stand in certificates lead to: fetched as a relying party fetches, and held against what should come (D-15). */
#ifndef CAIRN_HTTP_SERVED_H
#define CAIRN_HTTP_SERVED_H

#include <stdatomic.h>

#include "lib/base/config.h"
#include "lib/crypto/cert.h"

/* The last two stand in the issuer's own certificate: of who signed it. */
enum served_kind { SERVED_CERTIFICATE, SERVED_CRL, SERVED_OCSP, SERVED_PARENT, SERVED_PARENT_CRL };

struct served {
	enum served_kind kind;
	const char *url;
	const struct cert_info
	    *issuer; /* whose certificate should come, who signed the CRL, whose certificates the responder knows */
	const atomic_bool *stop; /* true: the transfer ends within a second or so; NULL: nobody stops it */
};

struct served_list {
	struct served *v;
	size_t n;
};

/* All URLs that the configuration has an issuer write into certificates, and those of http in its own; a list in the arena, which borrows what
 * is given. */
struct served_list served_by(
    struct arena *a, const struct config_issuer *config, const struct cert_info *issuer, const atomic_bool *stop);

/* By GET, or for OCSP by a POST that asks of a certificate that never was. UNAVAILABLE with a sentence of what is wrong: no answer within the
 * time of c, another status than 200 (redirects are not followed), another content type, or octets that are not the issuer's certificate; not
 * its CRL of this URL, well signed and in force; not a response of OCSP; not a CA's certificate whose key signed the issuer's. Where this names no
 * certificate of who signed it, the signature of that one's CRL is not looked at. */
int served_check(struct ctx *c, const struct served *served) MUST_CHECK;

#endif
