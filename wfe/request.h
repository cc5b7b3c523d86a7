/* The signed request of RFC 8555 6.2-6.5, in two steps: what can be read without acting, and what spends, looks up and
 * verifies. The order of the checks: content type, form of the JWS, nonce, url, key, signature, status of the account,
 * payload. */
#ifndef CAIRN_WFE_REQUEST_H
#define CAIRN_WFE_REQUEST_H

#include "wfe/routes.h"

#define REQUEST_BODY_MAX ((size_t) 65536)

/* Content type and form of the body of a POST into q->jws; sets q->parsed. UNSUPPORTED_MEDIA_TYPE, or what jws_parse
 * says. Does nothing for other methods. */
int request_parse(struct acme *q) MUST_CHECK;

/* Nonce, url, key, signature, account and payload. After it q->account or q->jwk is who signed, and q->payload what. */
int request_verify(struct acme *q) MUST_CHECK;

/* Reads the payload by a field table. MALFORMED for a member of the wrong type; unknown members are ignored. */
int request_payload(struct acme *q, const struct fields *fields, void *to) MUST_CHECK;

/* The account in the kid, which must be byte for byte an account URL of this server. */
int request_parse_kid(struct acme *q, const char *kid, struct id *ret_id) MUST_CHECK;

/* NOT_FOUND unless found, UNAUTHORIZED unless it is the account that signed. what: "order". */
int request_check_owner(struct acme *q, const char *what, bool found, struct id owner) MUST_CHECK;

#endif
