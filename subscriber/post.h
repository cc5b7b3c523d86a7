/* HTTP POST to a witness or a hook: http or https, no redirects, bounded in time and octets. */
#ifndef CAIRN_SUBSCRIBER_POST_H
#define CAIRN_SUBSCRIBER_POST_H

#include "lib/base/ctx.h"

struct post_to {
	const char *who;  /* for errors, which never have the URL in them, as some are secrets */
	const char *url;  /* http or https */
	struct bytes ca;  /* PEM of who certifies the server; none: as the system trusts */
	const char *type; /* of the body */
};

/* UNAVAILABLE: there was no whole answer within ten seconds and the deadline of c. */
int post(
    struct ctx *c, const struct post_to *to, struct bytes body, long *ret_status, struct bytes *ret_reply) MUST_CHECK;

#endif
