/* tls-alpn-01 of one validation (RFC 8737; B-1..B-6), for names and addresses (RFC 8738 6; B-8): the name is resolved, an
 * address is chosen and checked, one handshake is made. What happened goes into the result; the verdict is drawn from it by
 * policy/decide_alpn.c. */
#ifndef CAIRN_VA_TLSALPN01_H
#define CAIRN_VA_TLSALPN01_H

#include "va/dcv.h"
#include "va/handshake.h"
#include "va/host.h"

struct tlsalpn01 {
	struct dcv dcv;
	const char *server_name;
	struct host host;
	struct timestamp started_at;
	size_t next_ip;
	struct handshake handshake;
};

/* Its row of va/dcv.c. */
void tlsalpn01_start(struct dcv *dcv);
void tlsalpn01_tick(struct dcv *dcv, int64_t now_us);
void tlsalpn01_abandon(struct dcv *dcv);

#endif
