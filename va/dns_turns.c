#include "va/dns_turns.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/base/ip.h"
#include "lib/crypto/digest.h"

#define BUCKETS 1024
#define SEED_SIZE 16

/* Names below one name; while something is under way or waits for it. */
struct dns_parent {
	struct dns_parent *next;
	struct dns_domain *domain;
	size_t jobs; /* under way */
	struct dns_list waiting;
	char name[];
};

struct dns_turns {
	uint8_t seed[SEED_SIZE];
	size_t jobs; /* under way */
	struct dns_domain *buckets[BUCKETS];
};

static void *new_zeroed(size_t n)
{
	void *p = calloc(1, n);
	if (p == NULL) {
		die("out of memory");
	}
	return p;
}

struct dns_turns *dns_turns_new(void)
{
	struct dns_turns *t = new_zeroed(sizeof(*t));
	random_bytes(t->seed, sizeof(t->seed));
	return t;
}

uint64_t dns_turns_hash(const struct dns_turns *t, const char *name)
{
	uint8_t digest[SHA256_SIZE];
	uint64_t hash = 0;
	struct arena *a = arena_new_small();
	struct buffer b;
	buffer_init(&b, a, 128);
	buffer_add(&b, t->seed, sizeof(t->seed));
	buffer_add_text(&b, name);
	sha256_of(buffer_bytes(&b), digest);
	arena_free(a);
	memcpy(&hash, digest, sizeof(hash));
	return hash;
}

static struct dns_domain *find_domain(struct dns_turns *t, const char *name)
{
	uint64_t hash = dns_turns_hash(t, name);
	struct dns_domain **bucket = &t->buckets[hash % BUCKETS];
	for (struct dns_domain *d = *bucket; d != NULL; d = d->next) {
		if (d->hash == hash && strcmp(d->name, name) == 0) {
			return d;
		}
	}
	size_t n = strlen(name) + 1;
	struct dns_domain *d = new_zeroed(sizeof(*d) + n);
	memcpy(d->name, name, n);
	d->hash = hash;
	d->next = *bucket;
	*bucket = d;
	return d;
}

static void add_last(struct dns_domain *d, struct dns_parent *p)
{
	struct dns_parent **at = &d->parents;
	while (*at != NULL) {
		at = &(*at)->next;
	}
	p->next = NULL;
	*at = p;
}

static struct dns_parent *find_parent(struct dns_domain *d, const char *name)
{
	for (struct dns_parent *p = d->parents; p != NULL; p = p->next) {
		if (strcmp(p->name, name) == 0) {
			return p;
		}
	}
	size_t n = strlen(name) + 1;
	struct dns_parent *p = new_zeroed(sizeof(*p) + n);
	memcpy(p->name, name, n);
	p->domain = d;
	dns_list_init(&p->waiting);
	add_last(d, p);
	return p;
}

static void unlink_parent(struct dns_parent *p)
{
	struct dns_parent **at = &p->domain->parents;
	while (*at != p) {
		at = &(*at)->next;
	}
	*at = p->next;
}

static void forget_idle(struct dns_turns *t, struct dns_parent *p)
{
	struct dns_domain *d = p->domain;
	if (p->jobs > 0 || p->waiting.first != NULL) {
		return;
	}
	unlink_parent(p);
	free(p);
	if (d->parents != NULL) {
		return;
	}
	struct dns_domain **at = &t->buckets[d->hash % BUCKETS];
	while (*at != d) {
		at = &(*at)->next;
	}
	*at = d->next;
	free(d);
}

void dns_turns_free(struct dns_turns *t)
{
	for (size_t i = 0; t != NULL && i < BUCKETS; i++) {
		struct dns_domain *next_domain = NULL;
		for (struct dns_domain *d = t->buckets[i]; d != NULL; d = next_domain) {
			struct dns_parent *next = NULL;
			for (struct dns_parent *p = d->parents; p != NULL; p = next) {
				next = p->next;
				dns_list_free(&p->waiting);
				free(p);
			}
			next_domain = d->next;
			free(d);
		}
	}
	free(t);
}

/* Who waits does so for an end of his own domain's: it has one under way, or his turn is now. */
static bool has_turn(const struct dns_turns *t, const struct dns_parent *p)
{
	bool crowd = t->jobs >= DNS_JOBS_CROWD;
	return p->domain->jobs < (crowd ? DNS_DOMAIN_FEW : DNS_DOMAIN_MOST) && (crowd || p->jobs < DNS_PARENT_MOST);
}

static void count(struct dns_turns *t, struct dns_parent *p)
{
	t->jobs++;
	p->domain->jobs++;
	p->jobs++;
}

enum dns_turn dns_turns_ask(struct dns_turns *t, struct dns_job *job, const char *whose)
{
	struct ip ip;
	/* the right half of an address is nobody's domain */
	const char *domain = ip_parse(whose, &ip) == 0 ? NULL : psl_registrable_domain(psl_builtin(), whose);
	bool below = domain != NULL && domain != whose;
	struct dns_parent *p =
	    find_parent(find_domain(t, domain == NULL ? whose : domain), below ? strchr(whose, '.') + 1 : whose);
	if (!has_turn(t, p)) {
		job->parent = p;
		dns_list_add(&p->waiting, job);
		return DNS_TURN_LATER;
	}
	if (t->jobs >= DNS_JOBS_MOST) {
		forget_idle(t, p);
		return DNS_TURN_NEVER;
	}
	job->parent = p;
	count(t, p);
	return DNS_TURN_NOW;
}

struct dns_domain *dns_turns_domain(const struct dns_job *job)
{
	return job->parent == NULL ? NULL : job->parent->domain;
}

/* One place of the domain became free, so that it can be the turn of one at most. Parents take turns. */
static struct dns_job *take_next(struct dns_turns *t, struct dns_domain *d)
{
	struct dns_parent *p = d->parents;
	while (p != NULL && (p->waiting.first == NULL || !has_turn(t, p))) {
		p = p->next;
	}
	if (p == NULL) {
		return NULL;
	}
	struct dns_job *job = p->waiting.first;
	dns_list_remove(&p->waiting, job);
	count(t, p);
	unlink_parent(p);
	add_last(d, p);
	return job;
}

struct dns_job *dns_turns_end(struct dns_turns *t, struct dns_job *job)
{
	struct dns_parent *p = job->parent;
	t->jobs--;
	p->domain->jobs--;
	p->jobs--;
	struct dns_job *next = take_next(t, p->domain);
	forget_idle(t, p);
	return next;
}

void dns_turns_leave(struct dns_turns *t, struct dns_job *job)
{
	struct dns_parent *p = job->parent;
	dns_list_remove(&p->waiting, job);
	forget_idle(t, p);
}
