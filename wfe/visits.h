/* How many requests that nobody signs come from where: a bound for each IPv4 address and each IPv6 network of 64 bits, so that
 * one of them can't keep the front end and its database busy (B-18). In the memory of each front end, in a table of fixed
 * size: when it is full those who have been quiet for longest are forgotten, and nobody is refused for somebody else. */
#ifndef CAIRN_WFE_VISITS_H
#define CAIRN_WFE_VISITS_H

#include "lib/base/config.h"

struct visits;

/* In the arena. */
struct visits *visits_new(struct arena *a, const struct config_wfe *config);

/* The same for the page of wfe/doctor.h, so many in an hour. */
struct visits *visits_new_for_doctor(struct arena *a, int64_t per_hour);

/* RATE_LIMITED, with the seconds after which the next one is welcome; an address that is none is let in. visits NULL: no bound. */
int visits_admit(struct ctx *c, struct visits *visits, const char *address) MUST_CHECK;

#endif
