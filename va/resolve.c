#include "va/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/base/ip.h"
#include "lib/base/log.h"
#include "lib/crypto/digest.h"
#include "policy/caa.h"
#include "policy/dns_answer.h"
#include "policy/dns_trouble.h"
#include "va/dns_lanes.h"
#include "va/probe.h"
#include "va/resolver_config.h"
#include "policy/txt.h"

#define DNS_HEADER_SIZE 12
/* One validation keeps no more than this of what hostile zones can make it collect. */
#define EVIDENCE_MAX ((size_t) 256 * 1024)

enum security { INSECURE, BOGUS, SECURE }; /* libunbound's third argument from the end */

struct resolver {
	struct dns_lanes *lanes;
	const struct config_va *config;
	struct probe *probe;
};

struct lookup {
	struct resolver *resolver;
	struct arena *arena;
	struct lookup_wanted wanted;
	struct dns_job *job;
	struct timestamp started_at;
	int64_t started_us;
};

/* What libunbound found out; the packet and the texts are its own. */
struct found {
	int rcode;
	struct bytes packet;
	int security;
	const char *why_bogus;
	const char *reason;
};

static const char *const rcode_names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

static const char *type_text(enum lookup_type type)
{
	static const struct {
		enum lookup_type type;
		const char *text;
	} types[] = { { LOOKUP_A, "A" }, { LOOKUP_TXT, "TXT" }, { LOOKUP_AAAA, "AAAA" }, { LOOKUP_CAA, "CAA" },
		{ LOOKUP_DS, "DS" }, { LOOKUP_SOA, "SOA" } };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i].type == type) {
			return types[i].text;
		}
	}
	die("lookup of an unknown type");
}

/* By what this process validates from now on, for whoever has to show it later (C-25). */
static void tell(struct ctx *c, const struct config_va *config, const char *text)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(bytes_of_text(text), digest);
	bool own = config->root_trust_anchors.n > 0;
	log_event(c, LOG_INFO, "names are resolved", "libunbound", ub_version(), "root_anchors",
	    own ? config->root_trust_anchors.v[0] : "IANA 20326 38696", "configuration_sha256",
	    base64url_encode(c->arena, (struct bytes) { digest, sizeof(digest) }), NULL);
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
	r->probe = probe_new(config);
	if (dns_lanes_new(c, text, &r->lanes) != 0) {
		resolver_free(r);
		return -1;
	}
	tell(c, config, text);
	*ret = r;
	return 0;
}

int resolver_start(struct ctx *c, struct resolver *r)
{
	return dns_lanes_start(c, r->lanes);
}

void resolver_free(struct resolver *r)
{
	if (r != NULL) {
		dns_lanes_free(r->lanes);
		probe_free(r->probe);
		free(r);
	}
}

int resolver_fd(const struct resolver *r)
{
	return dns_lanes_fd(r->lanes);
}

int64_t resolver_due_us(const struct resolver *r)
{
	return probe_due_us(r->probe);
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
static const char *refusal(const struct lookup *l, const struct found *found, const struct dns_answer *parsed)
{
	struct arena *a = l->arena;
	int rcode = parsed->rcode;
	if (found->security == BOGUS) {
		return "DNSSEC validation failed";
	}
	if (rcode != 0 && rcode != DNS_RCODE_NXDOMAIN) {
		bool known = rcode > 0 && (size_t) rcode < COUNT_OF(rcode_names);
		return known ? rcode_names[rcode] : arena_printf(a, "RCODE %d", rcode);
	}
	if (found->packet.n > LOOKUP_PACKET_MAX || parsed->rdata.n > LOOKUP_ANSWERS_MAX) {
		return "the answer is too large";
	}
	if (parsed->aliases > LOOKUP_ALIASES_MAX) {
		return "too many aliases in a row";
	}
	return arena_used(a) > EVIDENCE_MAX ? "the answers for this validation are too large together" : NULL;
}

/* Printable characters only, at most 200. */
static const char *plain(struct arena *a, const char *text)
{
	const char *copy = arena_printf(a, "%.200s", text);
	for (char *at = (char *) (uintptr_t) copy; *at != '\0'; at++) {
		*at = *at < ' ' || *at > '~' ? '?' : *at;
	}
	return copy;
}

/* A failure that the zone's owner can mend gets its extended error. */
static void explain(const struct lookup *l, const struct found *found, struct resolution *r)
{
	bool bogus = found->security == BOGUS;
	const char *whole = bogus ? found->why_bogus : found->reason; /* a cut one may lack its end */
	if (r->error != NULL && (bogus || (r->rcode != 0 && r->rcode != DNS_RCODE_NXDOMAIN))) {
		r->reason = whole == NULL && !bogus ? NULL : plain(l->arena, whole == NULL ? "" : whole);
		r->ede = dns_trouble_ede(bogus, whole);
	}
}

/* Key tag, algorithm, digest type and digest (RFC 4034 5.3). */
static const char *ds_text(struct arena *a, struct bytes rdata)
{
	struct buffer b;
	if (rdata.n < 5) {
		return "malformed";
	}
	buffer_init(&b, a, 2 * rdata.n + 16);
	buffer_printf(&b, "%u %u %u ", rdata.p[0] << 8 | rdata.p[1], rdata.p[2], rdata.p[3]);
	for (size_t i = 4; i < rdata.n; i++) {
		buffer_printf(&b, "%02X", rdata.p[i]);
	}
	return (const char *) buffer_bytes(&b).p;
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
	if (type == LOOKUP_DS) {
		return ds_text(a, rdata);
	}
	return ip_of_bytes(rdata, &ip) == 0 ? ip_encode(a, &ip) : "malformed";
}

static void take_answers(const struct lookup *l, const struct dns_answer *parsed, struct lookup_answer *ret)
{
	if (l->wanted.type == LOOKUP_SOA) { /* that there is one is all that is wanted */
		return;
	}
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
	ret->record.error = refusal(l, found, &parsed);
	ret->record.rcode = parsed.rcode;
	explain(l, found, &ret->record);
	ret->record.canonical_name = parsed.canonical_name;
	if (strcmp(ret->record.dnssec, "off") != 0 && found->security != INSECURE) {
		ret->record.dnssec = found->security == BOGUS ? "bogus" : "secure";
	}
	if (ret->record.error == NULL) {
		take_answers(l, &parsed, ret);
	}
}

static void read_job(const struct lookup *l, const struct dns_job *job, struct lookup_answer *ret)
{
	/* Without an answer there is nothing behind it but the head of one that says so. */
	const uint8_t no_answer[DNS_HEADER_SIZE] = { [2] = 0x81, [3] = (uint8_t) (0x80 | (job->rcode & 0xf)) };
	struct found found = { job->rcode, job->packet, job->security, job->why_bogus, job->reason };
	if (job->failed) {
		begin_record(l, ret);
		ret->record.error = "the resolver failed";
		ret->fault = true;
		return;
	}
	if (job->rcode != 0 || job->packet.n == 0) {
		found.rcode = job->rcode == 0 ? DNS_RCODE_SERVFAIL : job->rcode;
		found.packet = (struct bytes) { no_answer, sizeof(no_answer) };
	}
	read_found(l, &found, ret);
}

/* A call may give up other lookups that have come back with this one. */
void resolver_deliver(struct resolver *r)
{
	probe_run(r->probe, r, clock_monotonic_us());
	for (struct dns_job *job = dns_lanes_take(r->lanes); job != NULL;) {
		struct dns_job *next = job->next;
		struct lookup *l = job->arg;
		if (l != NULL) {
			struct lookup_answer answer;
			read_job(l, job, &answer);
			l->wanted.done(l->wanted.arg, &answer);
		}
		dns_job_end(job);
		job = next;
	}
}

struct lookup *lookup_start(struct resolver *r, struct arena *a, const struct lookup_wanted *wanted)
{
	struct lookup *l = ARENA_NEW(a, struct lookup);
	*l = (struct lookup) {
		.resolver = r, .arena = a, .wanted = *wanted, .started_at = clock_now(), .started_us = clock_monotonic_us()
	};
	l->wanted.name = arena_text(a, wanted->name);
	const struct dns_question question = {
		.name = l->wanted.name,
		.type = (int) wanted->type,
		.type_text = type_text(wanted->type),
		.time = wanted->again ? DNS_SECOND_TIME : DNS_FIRST_TIME,
		.whose = wanted->whose,
	};
	l->job = dns_lanes_ask(r->lanes, &question, l);
	return l;
}

void lookup_abandon(struct lookup *l, struct lookup_answer *ret)
{
	bool sent = l->job->lane != NULL; /* else it still waited for its turn */
	int64_t held_us = dns_lanes_held_us(l->job);
	bool room = dns_lanes_give_up(l->job);
	begin_record(l, ret);
	bool held = held_us > ret->record.duration_us / 2; /* by others' signatures: nothing follows from the silence */
	ret->fault = !room;
	ret->record.error = sent ? dns_trouble_late() : "no turn in time";
	ret->record.ede = sent && !held ? dns_trouble_ede(false, NULL) : dns_trouble_not_asked();
}
