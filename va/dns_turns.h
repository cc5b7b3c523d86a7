/* Whose turn it is to look something up: so many lookups are under way at once for one registrable domain, and for the names below one
 * name; the others of that domain wait. Counted by exact names, so that no domain takes another's places. One thread's. */
#ifndef CAIRN_VA_DNS_TURNS_H
#define CAIRN_VA_DNS_TURNS_H

#include "va/dns_list.h"

/* Far fewer than a context has sockets, as those of a zone that stays silent keep theirs until libunbound gives up. A silent zone
 * within a domain leaves others of the domain half of its own. */
#define DNS_DOMAIN_MOST 32
#define DNS_PARENT_MOST 16
/* Where so many are under way for all, as when dozens of domains stay silent, no domain gets more than what one validation needs at once. */
#define DNS_JOBS_CROWD 640
#define DNS_DOMAIN_FEW 4
#define DNS_JOBS_MOST 16384 /* under way for all domains */

/* While something is under way for it. */
struct dns_domain {
	struct dns_domain *next;
	struct dns_domain *next_held; /* while it is held back: only a crowd keeps one of its jobs waiting */
	bool held;
	struct dns_lane *lane; /* where all of them are; NULL: not chosen yet */
	struct dns_parent *parents;
	uint64_t hash;
	size_t jobs; /* under way */
	char name[];
};

enum dns_turn { DNS_TURN_NOW, DNS_TURN_LATER, DNS_TURN_NEVER };

struct dns_turns;

struct dns_turns *dns_turns_new(void);
/* Frees those that wait, too. NULL is fine. */
void dns_turns_free(struct dns_turns *t);

/* Seeded: nobody chooses what it comes to. */
uint64_t dns_turns_hash(const struct dns_turns *t, const char *name);
/* For a validation of the name (or address) `whose`. LATER: it waits, for an end of another of its domain or of the crowd. NEVER: DNS_JOBS_MOST are under way. */
enum dns_turn dns_turns_ask(struct dns_turns *t, struct dns_job *job, const char *whose);
/* NULL for one that never asked for a turn, or never gets one. */
struct dns_domain *dns_turns_domain(const struct dns_job *job);
/* The job had its turn. ret gets all whose turn it is now, those that waited longest first: of its domain, and where this was the end of
 * a crowd of others too, which take turns. So whoever still waits can't have a turn, and nobody who asks anew passes him. */
void dns_turns_end(struct dns_turns *t, struct dns_job *job, struct dns_list *ret);
/* The job waits no longer. */
void dns_turns_leave(struct dns_turns *t, struct dns_job *job);

#endif
