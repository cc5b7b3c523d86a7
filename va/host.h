/* From a host's name to the addresses that validation may connect to: both lookups, the record of them, and
 * the choice. Lives in the arena of the validation, runs in the loop thread. */
#ifndef CAIRN_VA_HOST_H
#define CAIRN_VA_HOST_H

#include "lib/base/ip.h"
#include "va/env.h"
#include "va/resolve.h"

struct host {
	struct va_env *env;
	struct arena *arena;
	struct validation_result *result; /* lookups are recorded here */
	void (*on_end)(void *arg);
	void *arg;
	const char *whose; /* as in lookup_wanted */
	const char *name;
	struct lookup *lookups[2]; /* AAAA, A; NULL once answered */
	struct lookup_answer answers[2];
	struct ip ips[2]; /* that validation may connect to: the first IPv6 and the first IPv4 */
	size_t n_ips;
	struct text_list all; /* as they were answered */
	const char *refused;  /* an address that was left out, with the reason */
	int64_t hurry_at_us;  /* then one address family is enough */
	bool fault;           /* ours: nothing is to be concluded from there being no address */
};

/* The first six members are filled in by the caller. on_end is called once, maybe before this returns, unless the lookups
 * are abandoned first; they may take left_ms. */
void host_resolve(struct host *h, const char *name, int64_t left_ms);
/* An address that stands in place of a name. No lookup, no call of on_end. */
void host_take_ip(struct host *h, const char *text, const struct ip *ip);

bool host_resolving(const struct host *h);
/* Called now and then: a name server that leaves one of the two lookups unanswered does not hold up the other. */
void host_tick(struct host *h, int64_t now_us);
/* What is under way is ended and recorded as it stands; on_end is not called. */
void host_abandon(struct host *h);

/* Without an address: why, as a sentence of `enum failure` and what goes on behind it. */
const char *host_error(const struct host *h);

#endif
