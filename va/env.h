/* What all validations of one engine share. Set up once; used by the loop thread only. */
#ifndef CAIRN_VA_ENV_H
#define CAIRN_VA_ENV_H

#include <curl/curl.h>

#include "lib/base/config.h"
#include "lib/base/ip.h"
#include "va/redirect.h"

struct resolver;
struct validation;

struct va_env {
	const struct config_va *config;
	struct resolver *resolver;
	CURLM *multi;
	struct network_list allowed;
	struct redirect_ports ports;
	struct validation *ended; /* validations that the loop has to conclude */
};

#endif
