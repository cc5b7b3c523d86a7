/* Where a request came from: the peer, or what a trusted proxy says of it. */
#ifndef CAIRN_WFE_REMOTE_H
#define CAIRN_WFE_REMOTE_H

#include "lib/base/arena.h"

struct remote {
	const char *address; /* canonical text */
	uint16_t port;       /* 0: not known */
};

/* The peer itself, unless it lies in one of the networks: then the last address of `forwarded` (X-Forwarded-For, may be
 * NULL) that does not. A header that holds anything but addresses is not believed. */
struct remote remote_find(
    struct arena *a, struct remote peer, const char *forwarded, const struct text_list *trusted_networks);

/* The first address of its network, which has 24 bits of IPv4 or 48 of IPv6; another text as it is. */
const char *remote_network(struct arena *a, const char *address);

#endif
