#include "va/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/ip.h"
#include "va/caa.h"
#include "va/dns_answer.h"
#include "va/dns_loop.h"
#include "va/resolver_config.h"
#include "va/txt.h"

#define CLASS_IN 1
#define DNS_HEADER_SIZE 12
/* One validation keeps no more than this of what hostile zones can make it collect. */
#define EVIDENCE_MAX ((size_t) 512 * 1024)

enum security { INSECURE, BOGUS, SECURE }; /* libunbound's third argument from the end */

/* Which of libunbound's contexts answers. What a subscriber has just written must be seen: a TXT record that proved control
 * a moment ago may have got a second value since, for the next name or the next order. */
enum cache { CACHE_SHORT, CACHE_NONE, CACHES };

static const char *const cache_options[CACHES] = {
	[CACHE_SHORT] = "",
	[CACHE_NONE] = "server:\n"
	               "\tcache-max-ttl: 0\n"
	               "\tcache-max-negative-ttl: 0\n"
	               "\toutgoing-range: 256\n",
};

struct resolver {
	struct dns_loop *loop;
	struct ub_ctx *ub[CACHES];
	const struct config_va *config;
	struct lookup *ready; /* answered, and nobody was told yet; oldest first */
	struct lookup **ready_end;
};

struct lookup {
	struct resolver *resolver;
	struct arena *arena;
	struct lookup_wanted wanted;
	int id;
	struct timestamp started_at;
	int64_t started_us;
	bool answered;
	struct lookup_answer answer;
	struct lookup *next; /* in the list of the ready */
};

/* What libunbound found out; the packet and the text are its own. */
struct found {
	int rcode;
	struct bytes packet;
	int security;
	const char *why_bogus;
};

static const char *const rcode_names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

static const char *type_text(enum lookup_type type)
{
	static const struct {
		enum lookup_type type;
		const char *text;
	} types[] = { { LOOKUP_A, "A" }, { LOOKUP_TXT, "TXT" }, { LOOKUP_AAAA, "AAAA" }, { LOOKUP_CAA, "CAA" } };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i].type == type) {
			return types[i].text;
		}
	}
	die("lookup of an unknown type");
}

/* libunbound reads zones to forward from a file only; this one lives in memory. */
static int load_config(struct ctx *c, struct ub_ctx *ub, const char *text)
{
	int fd = memfd_create("resolver", MFD_CLOEXEC);
	if (fd < 0) {
		return FAIL(c, SERVER_INTERNAL, "No memory file for the resolver's configuration");
	}
	size_t n = strlen(text);
	bool written = write(fd, text, n) == (ssize_t) n;
	int result = written ? ub_ctx_config(ub, arena_printf(c->arena, "/proc/self/fd/%d", fd)) : UB_READFILE;
	(void) close(fd);
	if (result != 0) {
		return FAIL(c, SERVER_INTERNAL, "The resolver refuses its configuration: %s", ub_strerror(result));
	}
	return 0;
}

/* A first answer from local data makes libunbound take up its configuration for good, while files can still be read. */
static int warm_up(struct ctx *c, struct ub_ctx *ub)
{
	struct ub_result *result = NULL;
	int error = ub_resolve(ub, "localhost", LOOKUP_A, CLASS_IN, &result);
	bool good = error == 0 && result != NULL && result->havedata;
	ub_resolve_free(result);
	if (!good) {
		return FAIL(c, SERVER_INTERNAL, "The resolver does not start: %s", ub_strerror(error));
	}
	return 0;
}

static int open_context(struct ctx *c, struct resolver *r, enum cache cache, const char *text)
{
	struct ub_ctx *ub = r->loop == NULL ? NULL : ub_ctx_create_ub_event(dns_loop_base(r->loop));
	if (ub == NULL) {
		return FAIL(c, SERVER_INTERNAL, "The resolver can't be made");
	}
	r->ub[cache] = ub;
	(void) ub_ctx_debugout(ub, NULL);
	TRY(load_config(c, ub, arena_printf(c->arena, "%s%s", text, cache_options[cache])));
	return warm_up(c, ub);
}

int resolver_new(struct ctx *c, const struct config_va *config, struct resolver **ret)
{
	const char *text = NULL;
	TRY(resolver_config_encode(c, config, &text));
	struct resolver *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	r->config = config;
	r->ready_end = &r->ready;
	r->loop = dns_loop_new();
	if (open_context(c, r, CACHE_SHORT, text) != 0 || open_context(c, r, CACHE_NONE, text) != 0) {
		resolver_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (r != NULL) {
		for (size_t i = 0; i < CACHES; i++) {
			ub_ctx_delete(r->ub[i]);
		}
		dns_loop_free(r->loop);
		free(r);
	}
}

int resolver_fd(const struct resolver *r)
{
	return dns_loop_fd(r->loop);
}

void resolver_serve(struct resolver *r)
{
	dns_loop_serve(r->loop);
}

int64_t resolver_due_us(const struct resolver *r)
{
	return r->ready == NULL ? dns_loop_due_us(r->loop) : 0;
}

static struct lookup *take_ready(struct resolver *r)
{
	struct lookup *l = r->ready;
	if (l != NULL) {
		r->ready = l->next;
		r->ready_end = r->ready == NULL ? &r->ready : r->ready_end;
	}
	return l;
}

void resolver_deliver(struct resolver *r)
{
	dns_loop_time(r->loop, clock_monotonic_us());
	for (const struct lookup *l = take_ready(r); l != NULL; l = take_ready(r)) {
		l->wanted.done(l->wanted.arg, &l->answer);
	}
}

static void begin_record(const struct lookup *l, struct lookup_answer *ret)
{
	struct resolver_route route = resolver_route(l->resolver->config, l->wanted.name);
	*ret = (struct lookup_answer) { .record = { .name = l->wanted.name,
		                                .type = type_text(l->wanted.type),
		                                .resolver = route.resolver,
		                                .dnssec = route.dnssec ? "insecure" : "off",
		                                .started_at = l->started_at,
		                                .duration_us = clock_monotonic_us() - l->started_us } };
}

/* Why nothing can be concluded, or NULL. */
static const char *refusal(const struct lookup *l, const struct found *found, int rcode, size_t n)
{
	struct arena *a = l->arena;
	if (found->security == BOGUS) {
		const char *why = found->why_bogus == NULL ? "" : found->why_bogus;
		return arena_printf(a, "DNSSEC validation failed: %.200s", why);
	}
	if (rcode != 0 && rcode != DNS_RCODE_NXDOMAIN) {
		bool known = rcode > 0 && (size_t) rcode < COUNT_OF(rcode_names);
		return known ? rcode_names[rcode] : arena_printf(a, "RCODE %d", rcode);
	}
	if (found->packet.n > LOOKUP_PACKET_MAX || n > LOOKUP_ANSWERS_MAX) {
		return "the answer is too large";
	}
	return arena_used(a) > EVIDENCE_MAX ? "the answers for this validation are too large together" : NULL;
}

static const char *answer_text(struct arena *a, enum lookup_type type, struct bytes rdata)
{
	struct caa_record caa;
	struct ip ip;
	if (type == LOOKUP_TXT) {
		return txt_encode(a, rdata);
	}
	if (type == LOOKUP_CAA) {
		return caa_record_parse(rdata, &caa) == 0 ? caa_record_encode(a, &caa) : "malformed";
	}
	return ip_of_bytes(rdata, &ip) == 0 ? ip_encode(a, &ip) : "malformed";
}

static void take_answers(const struct lookup *l, const struct dns_answer *parsed, struct lookup_answer *ret)
{
	ret->rdata = parsed->rdata;
	ret->record.answers = (struct text_list) { ARENA_ARRAY(l->arena, ret->rdata.n, const char *), ret->rdata.n };
	for (size_t i = 0; i < ret->rdata.n; i++) {
		ret->record.answers.v[i] = answer_text(l->arena, l->wanted.type, ret->rdata.v[i]);
	}
}

static void read_found(const struct lookup *l, const struct found *found, struct lookup_answer *ret)
{
	struct dns_answer parsed = { .rcode = found->rcode };
	begin_record(l, ret);
	if (found->packet.n <= LOOKUP_PACKET_MAX && arena_used(l->arena) <= EVIDENCE_MAX) {
		ret->record.raw = arena_bytes(l->arena, found->packet.p, found->packet.n);
	}
	struct bytes packet = ret->record.raw.n > 0 ? ret->record.raw : found->packet;
	if (found->rcode == 0 &&
	    dns_answer_parse(l->arena, packet, (uint16_t) l->wanted.type, LOOKUP_ANSWERS_MAX + 1, &parsed) != 0) {
		parsed = (struct dns_answer) { .rcode = DNS_RCODE_SERVFAIL };
	}
	ret->record.error = refusal(l, found, parsed.rcode, parsed.rdata.n);
	ret->record.rcode = parsed.rcode;
	ret->record.canonical_name = parsed.canonical_name;
	if (strcmp(ret->record.dnssec, "off") != 0 && found->security != INSECURE) {
		ret->record.dnssec = found->security == BOGUS ? "bogus" : "secure";
	}
	if (ret->record.error == NULL) {
		take_answers(l, &parsed, ret);
	}
}

/* Runs inside libunbound, which is not called again before it has returned: the answer waits for resolver_deliver. */
/* NOLINTNEXTLINE(readability-non-const-parameter) libunbound's prototype */
static void on_dns_answer(void *arg, int rcode, void *packet, int n, int security, char *why_bogus, int was_limited)
{
	struct lookup *l = arg;
	struct resolver *r = l->resolver;
	/* Without an answer there is nothing behind it but the head of one that says so. */
	const uint8_t no_answer[DNS_HEADER_SIZE] = { [2] = 0x81, [3] = (uint8_t) (0x80 | (rcode & 0xf)) };
	struct found found = { rcode, { packet, n > 0 ? (size_t) n : 0 }, security, why_bogus };
	(void) was_limited;
	if (rcode != 0 || packet == NULL) {
		found.rcode = rcode == 0 ? DNS_RCODE_SERVFAIL : rcode;
		found.packet = (struct bytes) { no_answer, sizeof(no_answer) };
	}
	read_found(l, &found, &l->answer);
	l->answered = true;
	l->next = NULL;
	*r->ready_end = l;
	r->ready_end = &l->next;
}

static struct ub_ctx *context_of(const struct lookup *l)
{
	return l->resolver->ub[l->wanted.type == LOOKUP_TXT ? CACHE_NONE : CACHE_SHORT];
}

struct lookup *lookup_start(struct resolver *r, struct arena *a, const struct lookup_wanted *wanted)
{
	struct lookup *l = ARENA_NEW(a, struct lookup);
	*l = (struct lookup) {
		.resolver = r, .arena = a, .wanted = *wanted, .started_at = clock_now(), .started_us = clock_monotonic_us()
	};
	l->wanted.name = arena_text(a, wanted->name);
	if (ub_resolve_event(context_of(l), l->wanted.name, (int) wanted->type, CLASS_IN, l, on_dns_answer, &l->id) != 0) {
		return NULL;
	}
	return l;
}

static void forget_ready(struct resolver *r, const struct lookup *l)
{
	struct lookup **at = &r->ready;
	while (*at != l) {
		at = &(*at)->next;
	}
	*at = l->next;
	r->ready_end = *at == NULL ? at : r->ready_end;
}

void lookup_abandon(struct lookup *l, struct lookup_answer *ret)
{
	if (l->answered) {
		forget_ready(l->resolver, l);
	} else {
		(void) ub_cancel(context_of(l), l->id);
	}
	begin_record(l, ret);
	ret->record.error = "no answer in time";
}
