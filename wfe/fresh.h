/* Authorizations that a newOrder by way of this front end made a moment ago: clients read each of them at once, and what
 * was written is known. Each is served at most once, for two seconds, and not after anything that may change it was asked
 * for here; so a client that asks again sees the database. All functions are safe from all threads. */
#ifndef CAIRN_WFE_FRESH_H
#define CAIRN_WFE_FRESH_H

#include "lib/base/ctx.h"

#define FRESH_OCTETS_MAX ((size_t) 4096)

struct fresh {
	struct id account_id; /* who asks must be that one */
	struct bytes json;    /* the object as it is answered */
};

/* Keeps an authorization that is committed and pending, until this moment at the latest. */
void fresh_keep(struct id id, const struct fresh *authorization, struct timestamp expires_at);

/* The authorization, in the arena of c, if it is here; it is then here no more. */
bool fresh_take(struct ctx *c, struct id id, struct fresh *ret);

/* Before anything is asked for that may change it. */
void fresh_drop(struct id id);

#endif
