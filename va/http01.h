/* http-01 of one validation (RFC 8555 8.3; A-103..A-109): for each hop the name is resolved, an address is chosen and
 * checked, the file is fetched; redirects lead to the next hop. What happened goes into the result; the verdict is drawn
 * from it by va/decide.h. */
#ifndef CAIRN_VA_HTTP01_H
#define CAIRN_VA_HTTP01_H

#include "va/dcv.h"
#include "va/fetch.h"
#include "va/resolve.h"

struct http01_host {
	struct lookup *lookups[2]; /* AAAA, A; NULL once answered */
	struct lookup_answer answers[2];
	struct ip ips[2]; /* that validation may connect to: the first IPv6 and the first IPv4 */
	size_t n_ips;
	struct text_list all; /* as they were answered */
	const char *refused;  /* an address that was left out, with the reason */
};

struct http01 {
	struct dcv dcv;
	struct target target;
	const char *visited[REDIRECTS_MAX + 1];
	size_t redirects;
	struct http01_host host;
	struct timestamp hop_at;
	int64_t hurry_at_us; /* then one address family is enough */
	size_t next_ip;
	struct fetch *fetch;
};

/* Its row of va/dcv.c. tick: a name server that leaves one of the two lookups unanswered does not hold up the other. */
void http01_start(struct dcv *dcv);
void http01_tick(struct dcv *dcv, int64_t now_us);
void http01_abandon(struct dcv *dcv);

#endif
