/* libunbound in threads of its own, because signatures of a hostile zone can hold it up for half a second at once (KeyTrap): each
 * "lane" is a thread with contexts of its own, and lookups for the validations of one registrable domain are made in one lane at
 * a time, which others then avoid, and so many at once; more of them wait for their turn (dns_turns.h). So who makes them slow does it to
 * few, and to no connection. All calls come from one thread, the engine's. */
#ifndef CAIRN_VA_DNS_LANES_H
#define CAIRN_VA_DNS_LANES_H

#include <stdatomic.h>

#include "lib/base/ctx.h"

#define DNS_LANES 4
/* Descriptors that all of it may have open at most: two contexts a lane with their sockets by UDP and TCP (outgoing-range, outgoing-num-tcp of
 * resolver_config.c) and pipes, and what waits for them. */
#define DNS_LANES_FILES (DNS_LANES * (2 * (400 + 16 + 8) + 8))

/* Which of a lane's contexts asks: a lookup for a name that is being looked up in the same one joins that, and shares its end. Neither
 * remembers an answer or a failure: what a subscriber has just written or mended must be seen. */
enum dns_time { DNS_FIRST_TIME, DNS_SECOND_TIME, DNS_TIMES };

struct dns_question {
	const char *name;
	int type;
	const char *type_text;
	enum dns_time time;
	const char *
	    whose; /* the name that is validated, needed for the call only; NULL: a lookup of our own, which waits for no turn */
};

/* A lookup on its way: it belongs to its lane from dns_lanes_ask until dns_lanes_take, but for the first member and where it is. */
struct dns_job {
	void *arg;           /* the asker's */
	struct arena *arena; /* of all that is here */
	struct dns_question question;
	/* what libunbound found out */
	bool failed; /* it could not even begin: a fault of ours */
	int rcode;
	struct bytes packet; /* empty: none came */
	int security;
	const char *why_bogus; /* NULL, or as it says */
	const char *reason;    /* of a SERVFAIL; NULL when it said none */
	/* the lane's */
	struct dns_lanes *all;
	struct dns_lane *lane;     /* NULL: it waits for its turn, or gets none */
	int64_t held_us;           /* for how long the lane had been held up when it came there */
	struct dns_parent *parent; /* whose place it has, or waits for; NULL: it needs none, or gets none */
	struct dns_job *next;
	struct dns_job **at; /* what points at it in its list */
};

struct dns_lanes;

/* Contexts with this configuration, which need no file once it returned. FAIL: SERVER_INTERNAL. */
int dns_lanes_new(struct ctx *c, const char *config, struct dns_lanes **ret) MUST_CHECK;
/* Ends the threads and forgets all jobs. NULL is fine. */
void dns_lanes_free(struct dns_lanes *all);
/* Makes the threads. FAIL: SERVER_INTERNAL. */
int dns_lanes_start(struct ctx *c, struct dns_lanes *all) MUST_CHECK;

/* A job for its lane; never refused. The name is copied. */
struct dns_job *dns_lanes_ask(struct dns_lanes *all, const struct dns_question *question, void *arg);
/* Its arg is NULL from now on. It comes back by dns_lanes_take when libunbound has done with it, and keeps its place until then; at once
 * forgotten if it waits for a place of its own domain. False: it was never asked, for want of room, which is a fault of ours. */
bool dns_lanes_give_up(struct dns_job *job);

/* For how long its lane has been held up, by whomever, since the job came there; so long it may have answers that were not read. */
int64_t dns_lanes_held_us(const struct dns_job *job);

/* Readable while a job has come back. */
int dns_lanes_fd(const struct dns_lanes *all);
/* The jobs that came back, oldest first; the caller ends each by dns_job_end, after it has asked what follows from it. */
struct dns_job *dns_lanes_take(struct dns_lanes *all);
void dns_job_end(struct dns_job *job);

#endif
