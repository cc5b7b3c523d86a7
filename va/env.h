/* What all validations of one engine share. Set up once; used by the loop thread only. */
#ifndef CAIRN_VA_ENV_H
#define CAIRN_VA_ENV_H

#include <curl/curl.h>

#include "lib/base/config.h"
#include "lib/base/ip.h"
#include "policy/redirect.h"

#define VA_SPARES_MAX 64

struct handshakes;
struct plains;
struct resolver;
struct uplink;
struct validation;

struct va_env {
	const struct config_va *config;
	struct resolver *resolver;
	struct uplink *uplink;
	struct handshakes *handshakes;
	struct plains *plains;
	CURLM *multi;
	CURL *spares[VA_SPARES_MAX]; /* handles of fetches that ended; they keep options, but no connection */
	size_t n_spares;
	struct ip_reach reach;
	struct redirect_ports ports;
	struct validation *ended; /* validations that the loop has to conclude */
};

#endif
