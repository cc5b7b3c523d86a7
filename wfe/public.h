/* What anybody may read without asking the API: a page, the root certificate, issuer certificates and CRLs. Requests for
 * these are never recorded (G-30, G-32, G-34). */
#ifndef CAIRN_WFE_PUBLIC_H
#define CAIRN_WFE_PUBLIC_H

#include "wfe/front.h"

/* Serves GET and HEAD of / and of the root's certificate and CRL, which the API's listener has too; false: another path. */
bool public_serve_page(struct http_request *r, const struct front *front);

/* Reads root certificate and root CRL, which stand in files as the root is not online. SERVER_INTERNAL. They live
 * in the arena of the front. */
int public_read_root(struct ctx *c, const struct config_wfe *config, struct front *front) MUST_CHECK;

/* The handler of the plain HTTP listener: that, and what relying parties fetch (wfe/relying.h). Nothing of
 * ACME. arg is the struct front. */
void public_serve(struct http_request *r, void *arg);

#endif
