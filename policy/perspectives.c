#include "policy/perspectives.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/quorum.h"

#define EARTH_RADIUS_KM 6371.0
#define RADIANS (3.14159265358979323846 / 180)

/* One number and the spaces behind it. */
static int degrees_parse(const char **at, double most, double *ret)
{
	size_t n = strspn(*at, "-0123456789.");
	char *end = NULL;
	double value = strtod(*at, &end);
	if (n == 0 || end != *at + n || fabs(value) > most) {
		return -1;
	}
	*at = end + strspn(end, " ");
	*ret = value;
	return 0;
}

int place_parse(const char *text, struct place *ret)
{
	struct place place;
	const char *at = text;
	if (text == NULL || degrees_parse(&at, 90, &place.latitude) != 0 || at[-1] != ' ' ||
	    degrees_parse(&at, 180, &place.longitude) != 0 || *at != '\0') {
		return -1;
	}
	*ret = place;
	return 0;
}

double place_distance_km(const struct place *a, const struct place *b)
{
	double north = sin((b->latitude - a->latitude) * RADIANS / 2);
	double east = sin((b->longitude - a->longitude) * RADIANS / 2);
	double h = north * north + cos(a->latitude * RADIANS) * cos(b->latitude * RADIANS) * east * east;
	return 2 * EARTH_RADIUS_KM * asin(sqrt(fmin(h, 1)));
}

const char *perspective_certificate_name(struct arena *a, const char *name)
{
	return arena_printf(a, "perspective-%s", name);
}

/* The first perspective and the remote ones in one form. */
struct site {
	const char *name;
	const char *region;
	const char *resolver_region;
	const char *forwarder; /* that it asks about all names; "" when it resolves by itself */
	const char *place_text;
	const char *resolver_place_text;
	struct place place;
	struct place resolver_place;
};

struct sites {
	struct site *v;
	size_t n;
};

static bool is_given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static const char *or_else(const char *text, const char *other)
{
	return is_given(text) ? text : other;
}

/* What the first perspective forwards the root to. */
static const char *root_forwarder(const struct config_va *va)
{
	for (size_t i = 0; i < va->resolvers.n; i++) {
		if (strcmp(va->resolvers.v[i].zone, ".") == 0) {
			return va->resolvers.v[i].forward;
		}
	}
	return "";
}

static struct sites sites_of(struct ctx *c, const struct config_va *va)
{
	struct sites sites = { ARENA_ARRAY(c->arena, va->perspectives.n + 1, struct site), va->perspectives.n + 1 };
	sites.v[0] = (struct site) {
		.name = va->perspective,
		.region = va->region,
		.resolver_region = or_else(va->resolver_region, va->region),
		.forwarder = root_forwarder(va),
		.place_text = va->place,
		.resolver_place_text = or_else(va->resolver_place, va->place),
	};
	for (size_t i = 0; i < va->perspectives.n; i++) {
		const struct config_perspective *p = &va->perspectives.v[i];
		sites.v[i + 1] = (struct site) {
			.name = p->name,
			.region = p->region,
			.resolver_region = or_else(p->resolver_region, p->region),
			.forwarder = p->resolver == NULL ? "" : p->resolver,
			.place_text = p->place,
			.resolver_place_text = or_else(p->resolver_place, p->place),
		};
	}
	return sites;
}

static int check_names(struct ctx *c, const struct config_va *va)
{
	for (size_t i = 0; i < va->perspectives.n; i++) {
		const struct config_perspective *p = &va->perspectives.v[i];
		bool twice = strcmp(p->name, va->perspective) == 0;
		for (size_t k = 0; k < i; k++) {
			twice = twice || strcmp(va->perspectives.v[k].name, p->name) == 0;
			if (strcmp(va->perspectives.v[k].address, p->address) == 0) {
				return FAIL(c, MALFORMED, "va.perspectives: %s and %s have the same address %s",
				    va->perspectives.v[k].name, p->name, p->address);
			}
		}
		if (twice) {
			return FAIL(c, MALFORMED, "va.perspectives: there are two perspectives of the name \"%s\"", p->name);
		}
	}
	return 0;
}

static int read_place(struct ctx *c, const struct site *site, const char *what, const char *text, struct place *ret)
{
	if (place_parse(text, ret) == 0) {
		return 0;
	}
	return FAIL(c, MALFORMED,
	    "va.perspectives: the %s of \"%s\" must be its degrees north and east, such as \"52.37 4.90\"", what,
	    site->name);
}

static int check_distance(struct ctx *c, const struct site *a, const struct site *b)
{
	double apart = place_distance_km(&a->place, &b->place);
	double resolvers_apart = place_distance_km(&a->resolver_place, &b->resolver_place);
	if (apart < PERSPECTIVE_DISTANCE_KM) {
		return FAIL(c, MALFORMED,
		    "va.perspectives: %s and %s are %.0f km apart; mode webpki needs %d km between any two perspectives",
		    a->name, b->name, apart, PERSPECTIVE_DISTANCE_KM);
	}
	if (resolvers_apart < PERSPECTIVE_DISTANCE_KM) {
		return FAIL(c, MALFORMED,
		    "va.perspectives: the resolvers of %s and %s are %.0f km apart; mode webpki needs %d km between any two",
		    a->name, b->name, resolvers_apart, PERSPECTIVE_DISTANCE_KM);
	}
	return 0;
}

/* C-53 */
static int check_places(struct ctx *c, const struct sites *sites)
{
	for (size_t i = 0; i < sites->n; i++) {
		struct site *site = &sites->v[i];
		if (!is_given(site->region)) {
			return FAIL(c, MALFORMED, "va.perspectives: mode webpki needs the region of \"%s\"", site->name);
		}
		if (strcmp(site->region, site->resolver_region) != 0) {
			return FAIL(c, MALFORMED,
			    "va.perspectives: %s is in the region of %s, its resolver in that of %s; it must be the "
			    "same region",
			    site->name, site->region, site->resolver_region);
		}
		TRY(read_place(c, site, "place", site->place_text, &site->place));
		TRY(read_place(c, site, "resolver_place", site->resolver_place_text, &site->resolver_place));
		for (size_t k = 0; k < i; k++) {
			TRY(check_distance(c, &sites->v[k], site));
		}
	}
	return 0;
}

static bool is_loopback(const char *forwarder)
{
	return strncmp(forwarder, "127.", 4) == 0 || strncmp(forwarder, "::1@", 4) == 0;
}

/* C-54: a resolver that two perspectives ask would tell both the same, true or not. */
static int check_forwarders(struct ctx *c, const struct sites *sites)
{
	for (size_t i = 0; i < sites->n; i++) {
		const char *forwarder = sites->v[i].forwarder;
		for (size_t k = 0; k < i && is_given(forwarder) && !is_loopback(forwarder); k++) {
			if (strcmp(sites->v[k].forwarder, forwarder) == 0) {
				return FAIL(c, MALFORMED,
				    "va.perspectives: %s and %s ask the same resolver %s; each perspective needs one of its own",
				    sites->v[k].name, sites->v[i].name, forwarder);
			}
		}
	}
	return 0;
}

/* C-50, C-52 */
static int check_number(struct ctx *c, const struct config_va *va, struct timestamp now)
{
	struct quorum_rule rule = quorum_rule(true, va->perspectives.n, now);
	char date[RFC3339_SIZE];
	timestamp_encode(now, false, date);
	if (va->perspectives.n < rule.least) {
		return FAIL(c, MALFORMED, "va.perspectives: mode webpki needs %zu remote perspectives on %.10s; there are %zu",
		    rule.least, date, va->perspectives.n);
	}
	size_t regions = 0;
	for (size_t i = 0; i < va->perspectives.n; i++) {
		size_t k = 0;
		while (k < i && strcmp(va->perspectives.v[k].region, va->perspectives.v[i].region) != 0) {
			k++;
		}
		regions += k == i ? 1 : 0;
	}
	if (regions < rule.regions) {
		return FAIL(c, MALFORMED,
		    "va.perspectives: mode webpki needs remote perspectives in %zu regions of registries; there are %zu",
		    rule.regions, regions);
	}
	return 0;
}

int perspectives_check(struct ctx *c, const struct config *config, struct timestamp now)
{
	const struct config_va *va = &config->va;
	if (va->remote) {
		return va->perspectives.n == 0
		           ? 0
		           : FAIL(c, MALFORMED, "va.perspectives: a remote perspective (va.remote) has none of its own");
	}
	struct sites sites = sites_of(c, va);
	TRY(check_names(c, va));
	TRY(check_forwarders(c, &sites));
	if (!config_is_webpki(&config->policy)) {
		return 0;
	}
	TRY(check_number(c, va, now));
	return check_places(c, &sites);
}
