/* One GET over plain TCP to one address that was checked before, as http-01 begins: bounded in octets and time,
 * and at little memory while a host is slow. All of one engine share one set of sockets, which the loop watches as one. What
 * redirects to https is fetched by fetch.h. */
#ifndef CAIRN_VA_PLAIN_H
#define CAIRN_VA_PLAIN_H

#include "va/fetch.h"
#include "va/http_reader.h"

/* FAIL: SERVER_INTERNAL. */
struct plains;
int plains_new(struct ctx *c, struct plains **ret) MUST_CHECK;
/* NULL is fine. */
void plains_free(struct plains *all);
/* Readable when plains_serve has something to do. */
int plains_fd(const struct plains *all);
void plains_serve(struct plains *all);

/* One under way; its owner keeps it where it is. Members are for plain.c. */
struct plain {
	struct plains *all;
	struct arena *arena;
	fetch_done *done;
	void *arg;
	bool running;
	bool connected;
	int fd;
	struct ip ip;
	struct bytes out; /* of the request, what is left to be sent */
	int64_t started_us;
	int64_t connect_until_us;
	int64_t until_us;
	struct http_reader reader;
	struct connection_attempt attempt;
};

/* done runs once, maybe before this returns; then p may be used again. */
void plain_start(struct plain *p, struct plains *all, struct arena *a, const struct fetch_request *request,
    fetch_done *done, void *arg);
bool plain_running(const struct plain *p);
/* Called now and then: sees to its time. */
void plain_tick(struct plain *p, int64_t now_us);
/* Ends it as if its time were up, with a call of done. No effect when nothing is under way. */
void plain_abandon(struct plain *p);

#endif
