/* One TLS handshake with one address that was checked before, for tls-alpn-01 (RFC 8737 3; B-1, B-2, B-6): bounded in
 * octets and time, and nothing but the handshake is ever sent. All of one engine share one set of sockets, which the loop
 * watches as one. */
#ifndef CAIRN_VA_HANDSHAKE_H
#define CAIRN_VA_HANDSHAKE_H

#include <openssl/ssl.h>

#include "lib/rpc/messages.h"
#include "policy/decide.h"
#include "va/env.h"

#define HANDSHAKE_OCTETS_MAX 65536      /* that are read */
#define HANDSHAKE_CHAIN_MAX 32768       /* of all certificates */
#define HANDSHAKE_CERTIFICATE_MAX 16384 /* of the one that is looked at and kept */

/* What all handshakes of an engine share. FAIL: SERVER_INTERNAL. */
struct handshakes;
int handshakes_new(struct ctx *c, struct handshakes **ret) MUST_CHECK;
/* NULL is fine. */
void handshakes_free(struct handshakes *all);
/* Readable when handshakes_serve has something to do. */
int handshakes_fd(const struct handshakes *all);
void handshakes_serve(struct handshakes *all);

/* In the arena: the attempt's texts. */
typedef void handshake_done(void *arg, enum failure failure, const struct connection_attempt *attempt);

struct handshake_request {
	const char *host;        /* as it is recorded */
	const char *server_name; /* for SNI */
	const struct ip *ip;
	uint16_t port;
	int64_t connect_ms;
	int64_t total_ms;
};

/* One under way; its owner keeps it where it is. Members are for handshake.c. */
struct handshake {
	struct handshakes *all;
	struct arena *arena;
	handshake_done *done;
	void *arg;
	bool running;
	SSL *ssl; /* NULL: not connected, as most of its memory is of use from then on only */
	int fd;
	struct ip ip;
	bool connected;
	bool waits_to_send;
	size_t received;
	int64_t started_us;
	int64_t connect_until_us;
	int64_t until_us;
	struct connection_attempt attempt;
};

/* done runs once, maybe before this returns; then h may be used again. */
void handshake_start(struct handshake *h, struct handshakes *all, struct arena *a,
    const struct handshake_request *request, handshake_done *done, void *arg);
bool handshake_running(const struct handshake *h);
/* Called now and then: sees to its time. */
void handshake_tick(struct handshake *h, int64_t now_us);
/* Ends it as if its time were up, with a call of done. No effect when nothing is under way. */
void handshake_abandon(struct handshake *h);

#endif
