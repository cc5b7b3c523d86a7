#include "va/uplink.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "va/dial.h"
#include "va/resolver_config.h"

#define LOOK_US 1500000  /* a server that is there is asked three times in it */
#define AGAIN_US 3000000 /* between looks at what is down */

/* One zone that a resolver answers for. */
struct way {
	const char *zone;
	bool expected;
	bool before; /* it answered once */
	enum uplink_state state;
	int64_t begun_us; /* of the look that state is of */
	struct resolution record;
	struct arena *record_arena;
	struct lookup *lookup; /* under way */
	struct arena *arena;
	int64_t asked_us;
};

struct uplink {
	const struct config_va *config;
	struct route {
		bool had;
		bool lost;
		int64_t looked_us;
	} routes[2]; /* IPv4, IPv6 */
	size_t n;
	struct way ways[]; /* the resolvers' zones, and the root */
};

struct uplink *uplink_new(const struct config_va *config)
{
	size_t n = config->resolvers.n;
	struct uplink *u = calloc(1, sizeof(*u) + (n + 1) * sizeof(u->ways[0]));
	if (u == NULL) {
		die("out of memory");
	}
	u->config = config;
	u->n = n + 1;
	for (size_t i = 0; i < n; i++) {
		u->ways[i] = (struct way) { .zone = config->resolvers.v[i].zone, .expected = true };
	}
	/* Who looks for a broken name of the internet each day has an internet. */
	bool probes = config->dnssec_probe != NULL && config->dnssec_probe[0] != '\0';
	u->ways[n] = (struct way) { .zone = ".", .expected = config->root_servers.n > 0 || probes };
	for (size_t i = 0; i < u->n; i++) {
		metric_set(METRIC_uplink, u->ways[i].zone, 1); /* until a look says otherwise */
	}
	for (size_t i = 0; i < 2; i++) {
		(void) uplink_route_lost(u, i == 1);
	}
	return u;
}

void uplink_free(struct uplink *u)
{
	if (u == NULL) {
		return;
	}
	for (size_t i = 0; i < u->n; i++) {
		arena_free(u->ways[i].arena);
		arena_free(u->ways[i].record_arena);
	}
	free(u);
}

enum uplink_state uplink_judge(bool answered, bool expected, bool before)
{
	return answered || !(expected || before) ? UPLINK_WORKS : UPLINK_IS_DOWN;
}

static void conclude(struct way *w, const struct lookup_answer *answer)
{
	const struct resolution *r = &answer->record;
	/* A signature that does not verify came from somebody. */
	bool answered = r->error == NULL || strcmp(r->dnssec, "bogus") == 0;
	enum uplink_state state = uplink_judge(answered, w->expected, w->before);
	metric_set(METRIC_uplink, w->zone, state == UPLINK_WORKS ? 1 : 0);
	if (state != w->state && (state == UPLINK_IS_DOWN || w->state == UPLINK_IS_DOWN)) {
		bool down = state == UPLINK_IS_DOWN;
		log_event(NULL, down ? LOG_ERROR : LOG_INFO,
		    down ? "our own resolver or network does not work: validations wait"
		         : "our own resolver and network work again",
		    "zone", w->zone, "resolver", r->resolver, "error", r->error, "reason", r->reason, NULL);
	}
	arena_free(w->record_arena);
	w->record_arena = w->arena;
	w->record = *r;
	w->before = w->before || answered;
	w->state = state;
	w->begun_us = w->asked_us;
	w->lookup = NULL;
	w->arena = NULL;
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	conclude(arg, answer);
}

static void ask(struct way *w, struct resolver *r)
{
	w->arena = arena_new();
	w->asked_us = clock_monotonic_us();
	const struct lookup_wanted wanted = { w->zone, LOOKUP_SOA, on_answer, w, true, NULL };
	w->lookup = lookup_start(r, w->arena, &wanted);
}

static void end_overdue(struct way *w)
{
	struct lookup_answer answer;
	if (w->lookup != NULL && clock_monotonic_us() - w->asked_us > LOOK_US) {
		lookup_abandon(w->lookup, &answer);
		conclude(w, &answer);
	}
}

/* NULL: nobody has to be asked about this name. */
static struct way *way_of(struct uplink *u, const char *name)
{
	const char *zone = name == NULL ? "." : resolver_route(u->config, name).zone;
	for (size_t i = 0; zone != NULL && i < u->n; i++) {
		if (strcmp(u->ways[i].zone, zone) == 0) {
			return &u->ways[i];
		}
	}
	return NULL;
}

enum uplink_state uplink_look(
    struct uplink *u, struct resolver *r, const char *name, int64_t since_us, const struct resolution **ret_record)
{
	struct way *w = way_of(u, name);
	*ret_record = NULL;
	if (w == NULL) {
		return UPLINK_WORKS;
	}
	end_overdue(w);
	if (w->begun_us >= since_us && w->record_arena != NULL) {
		*ret_record = &w->record;
		return w->state;
	}
	if (w->lookup == NULL) {
		ask(w, r);
	}
	return UPLINK_ASKED;
}

bool uplink_route_lost(struct uplink *u, bool v6)
{
	struct route *route = &u->routes[v6 ? 1 : 0];
	bool has = dial_has_route(v6);
	route->had = route->had || has;
	route->lost = route->had && !has;
	route->looked_us = clock_monotonic_us();
	if (route->had) {
		metric_set(METRIC_uplink_route, v6 ? "IPv6" : "IPv4", has ? 1 : 0);
	}
	return route->lost;
}

/* When this way wants to be looked after again. */
static int64_t serve_way(struct way *w, struct resolver *r)
{
	end_overdue(w);
	if (w->state == UPLINK_IS_DOWN && w->lookup == NULL && clock_monotonic_us() >= w->asked_us + AGAIN_US) {
		ask(w, r);
	}
	return w->lookup != NULL            ? w->asked_us + LOOK_US + 1
	       : w->state == UPLINK_IS_DOWN ? w->asked_us + AGAIN_US
	                                    : INT64_MAX;
}

int64_t uplink_serve(struct uplink *u, struct resolver *r)
{
	int64_t due_us = INT64_MAX;
	for (size_t i = 0; i < u->n; i++) {
		int64_t way_us = serve_way(&u->ways[i], r);
		due_us = way_us < due_us ? way_us : due_us;
	}
	for (size_t i = 0; i < 2; i++) {
		struct route *route = &u->routes[i];
		if (route->lost && clock_monotonic_us() >= route->looked_us + AGAIN_US) {
			(void) uplink_route_lost(u, i == 1);
		}
		due_us = route->lost && route->looked_us + AGAIN_US < due_us ? route->looked_us + AGAIN_US : due_us;
	}
	return due_us;
}
