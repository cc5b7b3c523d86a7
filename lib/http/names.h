/* Host names of our own services and the addresses behind them. One thread of its own looks them up, since the system's
 * resolver may block for as long as it likes; what it found is remembered by the process and looked up again after some
 * seconds of use. An answer of before goes on being used while the resolver fails. */
#ifndef CAIRN_HTTP_NAMES_H
#define CAIRN_HTTP_NAMES_H

#include <sys/socket.h>

#include "lib/base/ctx.h"

#define NAMES_PLACES_MAX 8

/* One of the addresses behind a name; its port is 0. */
struct name_place {
	struct sockaddr_storage at;
	socklen_t n;
};

/* Waits at most wait_ms for the first answer; 0: does not wait. FAIL: UNAVAILABLE, also when the answer is not there yet:
 * asked again a moment later it may be. */
int names_find(struct ctx *c, const char *host, int64_t wait_ms, struct name_place ret[NAMES_PLACES_MAX],
    size_t *ret_n) MUST_CHECK;

#endif
