/* What relying parties fetch by the URLs in certificates: issuers and CRLs, from the database, with what lets caches keep them; and the lists
 * of all CRLs that root programs want (CCADB). */
#ifndef CAIRN_WFE_RELYING_H
#define CAIRN_WFE_RELYING_H

#include "lib/http/server.h"

/* How long an answer is good, and by what it is known again. */
struct caching {
	int64_t max_age_s;
	const char *tag;           /* with its quotes; NULL: from the octets */
	struct timestamp modified; /* none: not told */
};

/* 200 with the octets, or 304 when the client has them (RFC 9110 13.1). */
void relying_reply(struct http_request *r, const char *type, struct bytes octets, const struct caching *caching);

/* Answers GET and HEAD of /aia/ISSUER.der, of the path of a CRL's URL, /crl/ISSUER.crl, /crl/ISSUER/SHARD.crl, /crl/ISSUER.json and
 * /crls.json; *ret_found is false for another path. NOT_FOUND when there is no such object. */
int relying_serve(struct http_request *r, bool *ret_found) MUST_CHECK;

#endif
