/* http-01 of one validation (RFC 8555 8.3; A-103..A-109): for each hop the name is resolved, an address is chosen and
 * checked, the file is fetched; redirects lead to the next hop. What happened goes into the result; the verdict is drawn
 * from it by policy/decide.h. */
#ifndef CAIRN_VA_HTTP01_H
#define CAIRN_VA_HTTP01_H

#include "va/dcv.h"
#include "va/fetch.h"
#include "va/host.h"
#include "va/plain.h"

struct http01 {
	struct dcv dcv;
	struct target target;
	const char *visited[REDIRECTS_MAX + 1];
	size_t redirects;
	struct host host;
	struct timestamp hop_at;
	size_t next_ip;
	struct plain plain;
	struct fetch *fetch; /* of a redirect to https */
	int64_t look_at_us;
};

/* Its row of va/dcv.c. */
void http01_start(struct dcv *dcv);
void http01_tick(struct dcv *dcv, int64_t now_us);
void http01_abandon(struct dcv *dcv);

#endif
