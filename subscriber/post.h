/* HTTP POST to a witness: http or https, no redirects, bounded in time and octets. */
#ifndef CAIRN_SUBSCRIBER_POST_H
#define CAIRN_SUBSCRIBER_POST_H

#include "lib/base/ctx.h"

/* UNAVAILABLE: there was no whole answer. ca: PEM of who certifies the server; none: as the system trusts. */
int post(struct ctx *c, const char *url, struct bytes ca, struct bytes body, long *ret_status,
    struct bytes *ret_reply) MUST_CHECK;

#endif
