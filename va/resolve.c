#include "va/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/ip.h"
#include "va/caa.h"
#include "va/resolver_config.h"

#define CLASS_IN 1
#define RCODE_NXDOMAIN 3
/* One validation keeps no more than this of what hostile zones can make it collect. */
#define EVIDENCE_MAX ((size_t) 512 * 1024)

struct resolver {
	struct ub_ctx *ub;
	const struct config_va *config;
};

struct lookup {
	struct resolver *resolver;
	struct arena *arena;
	struct lookup_wanted wanted;
	int id;
	struct timestamp started_at;
	int64_t started_us;
};

static const char *const rcode_names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

static const char *type_text(enum lookup_type type)
{
	static const struct {
		enum lookup_type type;
		const char *text;
	} types[] = { { LOOKUP_A, "A" }, { LOOKUP_AAAA, "AAAA" }, { LOOKUP_CAA, "CAA" } };
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

int resolver_new(struct ctx *c, const struct config_va *config, struct resolver **ret)
{
	const char *text = NULL;
	TRY(resolver_config_encode(c, config, &text));
	struct resolver *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	r->config = config;
	r->ub = ub_ctx_create();
	if (r->ub == NULL) {
		free(r);
		return FAIL(c, SERVER_INTERNAL, "The resolver can't be made");
	}
	(void) ub_ctx_debugout(r->ub, NULL);
	(void) ub_ctx_async(r->ub, 1); /* a thread, not a process */
	if (load_config(c, r->ub, text) != 0 || warm_up(c, r->ub) != 0) {
		resolver_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void resolver_free(struct resolver *r)
{
	if (r != NULL) {
		ub_ctx_delete(r->ub);
		free(r);
	}
}

int resolver_fd(const struct resolver *r)
{
	return ub_fd(r->ub);
}

void resolver_process(struct resolver *r)
{
	(void) ub_process(r->ub);
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
static const char *refusal(const struct lookup *l, int error, const struct ub_result *result, size_t n)
{
	struct arena *a = l->arena;
	if (error != 0 || result == NULL) {
		return "the resolver failed";
	}
	if (result->bogus) {
		const char *why = result->why_bogus == NULL ? "" : result->why_bogus;
		return arena_printf(a, "DNSSEC validation failed: %.200s", why);
	}
	if (result->rcode != 0 && result->rcode != RCODE_NXDOMAIN) {
		bool known = result->rcode > 0 && (size_t) result->rcode < COUNT_OF(rcode_names);
		return known ? rcode_names[result->rcode] : arena_printf(a, "RCODE %d", result->rcode);
	}
	if (result->answer_len > LOOKUP_PACKET_MAX || n > LOOKUP_ANSWERS_MAX) {
		return "the answer is too large";
	}
	return arena_used(a) > EVIDENCE_MAX ? "the answers for this validation are too large together" : NULL;
}

static const char *answer_text(struct arena *a, enum lookup_type type, struct bytes rdata)
{
	struct caa_record caa;
	struct ip ip;
	if (type == LOOKUP_CAA) {
		return caa_record_parse(rdata, &caa) == 0 ? caa_record_encode(a, &caa) : "malformed";
	}
	return ip_of_bytes(rdata, &ip) == 0 ? ip_encode(a, &ip) : "malformed";
}

static void copy_answers(const struct lookup *l, const struct ub_result *result, size_t n, struct lookup_answer *ret)
{
	struct arena *a = l->arena;
	ret->rdata = (struct bytes_list) { ARENA_ARRAY(a, n, struct bytes), n };
	ret->record.answers = (struct text_list) { ARENA_ARRAY(a, n, const char *), n };
	for (size_t i = 0; i < n; i++) {
		ret->rdata.v[i] = arena_bytes(a, result->data[i], (size_t) result->len[i]);
		ret->record.answers.v[i] = answer_text(a, l->wanted.type, ret->rdata.v[i]);
	}
}

static void read_result(const struct lookup *l, int error, const struct ub_result *result, struct lookup_answer *ret)
{
	size_t n = 0;
	while (result != NULL && result->data != NULL && result->data[n] != NULL) {
		n++;
	}
	begin_record(l, ret);
	ret->record.error = refusal(l, error, result, n);
	ret->fault = error != 0 || result == NULL;
	if (ret->fault) {
		return;
	}
	ret->record.rcode = result->rcode;
	ret->record.canonical_name = arena_text(l->arena, result->canonname);
	if (strcmp(ret->record.dnssec, "off") != 0 && (result->bogus || result->secure)) {
		ret->record.dnssec = result->bogus ? "bogus" : "secure";
	}
	if (result->answer_len > 0 && result->answer_len <= LOOKUP_PACKET_MAX && arena_used(l->arena) <= EVIDENCE_MAX) {
		ret->record.raw = arena_bytes(l->arena, result->answer_packet, (size_t) result->answer_len);
	}
	if (ret->record.error == NULL) {
		copy_answers(l, result, n, ret);
	}
}

static void on_answer(void *arg, int error, struct ub_result *result)
{
	struct lookup *l = arg;
	struct lookup_answer answer;
	read_result(l, error, result, &answer);
	ub_resolve_free(result);
	l->wanted.done(l->wanted.arg, &answer);
}

struct lookup *lookup_start(struct resolver *r, struct arena *a, const struct lookup_wanted *wanted)
{
	struct lookup *l = ARENA_NEW(a, struct lookup);
	*l = (struct lookup) { r, a, *wanted, 0, clock_now(), clock_monotonic_us() };
	l->wanted.name = arena_text(a, wanted->name);
	if (ub_resolve_async(r->ub, l->wanted.name, (int) wanted->type, CLASS_IN, l, on_answer, &l->id) != 0) {
		return NULL;
	}
	return l;
}

void lookup_abandon(struct lookup *l, struct lookup_answer *ret)
{
	(void) ub_cancel(l->resolver->ub, l->id);
	begin_record(l, ret);
	ret->record.error = "no answer in time";
}
