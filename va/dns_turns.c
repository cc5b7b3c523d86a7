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
	size_t jobs;                  /* under way */
	struct dns_domain *held;      /* back by the crowd alone, the first of them is next */
	struct dns_domain **held_end; /* where the next one is to be added */
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
	t->held_end = &t->held;
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
	while (*at != p && *at != NULL) {
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

static bool is_crowd(const struct dns_turns *t)
{
	return t->jobs >= DNS_JOBS_CROWD;
}

/* There is a place for the domain, and for the names below this one. */
static bool has_place(const struct dns_parent *p, bool crowd)
{
	return p->domain->jobs < (crowd ? DNS_DOMAIN_FEW : DNS_DOMAIN_MOST) && (crowd || p->jobs < DNS_PARENT_MOST);
}

/* The parent whose job is next; NULL: none waits, or those that do have no place. */
static struct dns_parent *find_next(const struct dns_domain *d, bool crowd)
{
	struct dns_parent *p = d->parents;
	while (p != NULL && (p->waiting.first == NULL || !has_place(p, crowd))) {
		p = p->next;
	}
	return p;
}

static void hold_back(struct dns_turns *t, struct dns_domain *d)
{
	d->held = true;
	d->next_held = NULL;
	*t->held_end = d;
	t->held_end = &d->next_held;
}

static void let_go(struct dns_turns *t, struct dns_domain *d)
{
	struct dns_domain **at = &t->held;
	while (*at != d) {
		at = &(*at)->next_held;
	}
	*at = d->next_held;
	t->held_end = *at == NULL ? at : t->held_end;
	d->held = false;
}

/* After each change of the domain: whether the end of a crowd would be its turn. */
static void note_held(struct dns_turns *t, struct dns_domain *d)
{
	bool held = find_next(d, false) != NULL;
	if (held && !d->held) {
		hold_back(t, d);
	} else if (!held && d->held) {
		let_go(t, d);
	}
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
	if (!has_place(p, is_crowd(t))) {
		job->parent = p;
		dns_list_add(&p->waiting, job);
		note_held(t, p->domain);
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

/* Parents take turns. False: none of the domain has a turn. */
static bool take_next(struct dns_turns *t, struct dns_domain *d, bool crowd, struct dns_list *ret)
{
	struct dns_parent *p = find_next(d, crowd);
	if (p == NULL) {
		return false;
	}
	struct dns_job *job = p->waiting.first;
	dns_list_remove(&p->waiting, job);
	dns_list_add(ret, job);
	count(t, p);
	unlink_parent(p);
	add_last(d, p);
	return true;
}

/* Domains take turns too, until there is a crowd again. */
static void end_crowd(struct dns_turns *t, struct dns_list *ret)
{
	while (!is_crowd(t) && t->held != NULL) {
		struct dns_domain *d = t->held;
		let_go(t, d);
		(void) take_next(t, d, false, ret);
		note_held(t, d);
	}
}

void dns_turns_end(struct dns_turns *t, struct dns_job *job, struct dns_list *ret)
{
	struct dns_parent *p = job->parent;
	t->jobs--;
	p->domain->jobs--;
	p->jobs--;
	dns_list_init(ret);
	while (take_next(t, p->domain, true, ret)) { /* what it may have in a crowd too, before others */
	}
	note_held(t, p->domain);
	end_crowd(t, ret);
	forget_idle(t, p);
}

void dns_turns_leave(struct dns_turns *t, struct dns_job *job)
{
	struct dns_parent *p = job->parent;
	dns_list_remove(&p->waiting, job);
	note_held(t, p->domain);
	forget_idle(t, p);
}
