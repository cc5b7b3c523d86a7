/* Where http-01 goes and which redirects it follows (A-105, C-11). Pure: no lookup, no connection. Used when a
 * validation runs and again when its record is judged. */
#ifndef CAIRN_POLICY_REDIRECT_H
#define CAIRN_POLICY_REDIRECT_H

#include "lib/base/ip.h"

#define REDIRECTS_MAX 10
#define REDIRECT_URL_MAX 2000 /* octets of a Location */
#define REDIRECT_TARGET_MAX \
	8192 /* of the URL that it comes to: relative ones grow with each hop, escapes are three for one */

/* One place to fetch from. All texts are in the arena. */
struct target {
	bool https;
	const char *host; /* lower case, without brackets and without a dot at the end */
	bool host_is_ip;
	struct ip ip; /* when host_is_ip */
	uint16_t port;
	const char *path; /* with the query, never empty, only printable ASCII */
	const char *url;  /* the whole in one normal form, so that equal targets have equal texts */
};

/* Ports that a redirect may name: 80, 443 and these two, which are for development. */
struct redirect_ports {
	uint16_t http;
	uint16_t https;
};

/* http://HOST/.well-known/acme-challenge/TOKEN on `port`. host must be a DNS name of printable ASCII, or an address in the
 * form of ip_encode. */
void target_first(struct arena *a, const char *host, uint16_t port, const char *token, struct target *ret);

/* The target of a Location header seen at `from`. FAIL: CONNECTION with a sentence for the subscriber: scheme, port,
 * credentials, a broken or too long URL. */
int redirect_resolve(struct ctx *c, const struct target *from, struct bytes location,
    const struct redirect_ports *ports, struct target *ret) MUST_CHECK;

/* A DNS name as it may stand in a URL: labels of letters, digits, hyphens and underscores, the last one no number. */
bool host_is_name(const char *host);

/* 301, 302, 307, 308 (C-11). */
bool redirect_status(int64_t status);

#endif
