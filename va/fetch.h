/* One GET by https, where a redirect led there, to one address that was checked before: libcurl never resolves a name here, follows no redirect,
 * keeps no connection, sends no cookie, takes no proxy, and reads a bounded header and body. */
#ifndef CAIRN_VA_FETCH_H
#define CAIRN_VA_FETCH_H

#include <curl/curl.h>

#include "lib/rpc/messages.h"
#include "policy/decide.h"
#include "va/env.h"

#define FETCH_OCTETS_MAX \
	(256 * 1024) /* TLS, chunks' extensions and all else counted, give or take what comes in a tick */

struct fetch_request {
	const struct target *target;
	const struct ip *ip;
	bool name_only; /* Host is the name without the port; by http alone */
	const char *user_agent;
	int64_t connect_ms;
	int64_t total_ms;
};

struct fetch;

/* Runs once, in the loop thread; the attempt's texts are in the arena. */
typedef void fetch_done(void *arg, enum failure failure, const struct connection_attempt *attempt);

/* -1: a fault of ours. done is never called from within. */
int fetch_start(struct va_env *env, struct arena *a, const struct fetch_request *request, fetch_done *done, void *arg,
    struct fetch **ret) MUST_CHECK;

/* Called by the loop when libcurl says that a transfer ended. */
void fetch_finish(CURL *easy, CURLcode code);

/* Called now and then while it runs: ends it when far more came than is of use. Then done has run. */
void fetch_tick(struct fetch *f);

/* Handles that were kept for the next fetch. */
void fetch_free_spares(struct va_env *env);

/* Ends it as if its time were up, with a call of done. */
void fetch_abandon(struct fetch *f);

#endif
