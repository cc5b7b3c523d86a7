#include "va/remotes.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/base/condition.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/client.h"
#include "policy/corroborate.h"
#include "policy/perspectives.h"
#include "policy/quorum.h"
#include "va/engine.h"
#include "va/late.h"
#include "va/record.h"

#define CALL_RESERVE_MS 500 /* of the caller's deadline, for the way back */
#define CALL_BEYOND_MS 2000 /* for its own way, beyond the time that a validation may take */

_Static_assert((CONFIG_PERSPECTIVES_MAX + 1) * RECORD_MAX <= RPC_REPLY_MAX, "one answer tells all records of a round");

struct remotes {
	const struct config *config;
	bool webpki;
	struct ip_reach reach;
	struct arena *arena; /* of reach and names */
	const char **certificate_names;
	size_t rounds_max;
	struct rpc_loop *loop;
	struct late *late;
	pthread_mutex_t lock; /* of all below, and of `decided` in each round */
	pthread_cond_t fewer;
	struct round *rounds;
	size_t n_rounds;
};

/* One perspective that was asked. */
struct asked {
	struct round *round;
	size_t i;
	int64_t asked_us;
};

/* But for `decided` it belongs to the thread of the loop once all were asked. */
struct round {
	struct remotes *remotes;
	struct arena *arena; /* holds this */
	struct id request_id;
	struct id own_id; /* of the first perspective's record */
	struct validate_request request;
	struct validation_basis rules;    /* that the first one decided by */
	struct remotes_question question; /* until it is decided */
	size_t n;
	struct asked *asked;
	struct id_list ids;
	struct validation_result_list answers; /* in the order in which they came */
	struct arena **arenas;                 /* of the answers */
	size_t n_arenas;
	bool decided;
	struct timestamp started_at;
	struct round *next;
	struct round *before;
};

static const struct config_perspective *perspective(const struct remotes *r, size_t i)
{
	return &r->config->va.perspectives.v[i];
}

void remotes_free(struct remotes *r)
{
	if (r != NULL) {
		(void) pthread_mutex_destroy(&r->lock);
		(void) pthread_cond_destroy(&r->fewer);
		arena_free(r->arena);
		free(r);
	}
}

/* What is kept beyond the context that it is made in. */
static int keep(struct remotes *r)
{
	struct ctx own = { .arena = r->arena, .deadline_us = INT64_MAX };
	size_t n = r->config->va.perspectives.n;
	r->certificate_names = ARENA_ARRAY(r->arena, n, const char *);
	for (size_t i = 0; i < n; i++) {
		r->certificate_names[i] = perspective_certificate_name(r->arena, perspective(r, i)->name);
	}
	return ip_reach_parse(&own, &r->config->va.allow_networks, &r->config->va.deny_networks, &r->reach);
}

int remotes_new(struct ctx *c, const struct config *config, struct remotes **ret)
{
	TRY(perspectives_check(c, config, clock_now()));
	struct remotes *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		die("out of memory");
	}
	condition_init(&r->fewer);
	(void) pthread_mutex_init(&r->lock, NULL);
	r->config = config;
	r->webpki = config_is_webpki(&config->policy);
	r->arena = arena_new();
	if (keep(r) != 0) {
		remotes_free(r);
		return FAIL(c, MALFORMED, "va.allow_networks, va.deny_networks: one of them is no network");
	}
	*ret = r;
	return 0;
}

void remotes_start(struct remotes *r)
{
	if (r->config->va.perspectives.n > 0) {
		r->rounds_max = engine_capacity(&r->config->va);
		r->loop = rpc_loop_new();
		r->late = late_start();
	}
}

bool remotes_required(const struct remotes *r, const struct validate_request *in)
{
	return r->webpki && !r->config->va.remote && quorum_applies(&in->identifier);
}

bool remotes_wanted(const struct remotes *r, const struct validate_request *in, const struct validation_result *own)
{
	bool any = r->config->va.perspectives.n > 0 || remotes_required(r, in);
	return any && own->passed && !own->fault && quorum_applies(&in->identifier);
}

static void link_round(struct round *round)
{
	struct remotes *r = round->remotes;
	round->next = r->rounds;
	if (r->rounds != NULL) {
		r->rounds->before = round;
	}
	r->rounds = round;
}

static void round_free(struct round *round)
{
	struct remotes *r = round->remotes;
	(void) pthread_mutex_lock(&r->lock);
	if (round->before != NULL) {
		round->before->next = round->next;
	} else {
		r->rounds = round->next;
	}
	if (round->next != NULL) {
		round->next->before = round->before;
	}
	r->n_rounds--;
	(void) pthread_cond_signal(&r->fewer);
	(void) pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < round->n_arenas; i++) {
		arena_free(round->arenas[i]);
	}
	arena_free(round->arena);
}

/* Whoever gets true decides the round, and nobody after it. */
static bool decide_once(struct round *round)
{
	(void) pthread_mutex_lock(&round->remotes->lock);
	bool first = !round->decided;
	round->decided = true;
	(void) pthread_mutex_unlock(&round->remotes->lock);
	return first;
}

static struct validation_result together(const struct round *round, enum quorum_state state)
{
	static const char *const outcomes[] = {
		[QUORUM_REACHED] = "reached", [QUORUM_REFUSED] = "refused", [QUORUM_FAULT] = "fault"
	};
	const struct remotes *r = round->remotes;
	struct validation_result result = *round->question.own;
	result.remotes = round->answers;
	result.round = round->ids;
	result.quorum = arena_printf(round->arena, "%zu/%zu", quorum_agreeing(&round->answers), round->n); /* C-59 */
	result.basis.webpki = r->webpki;
	result.ended_at = clock_now();
	metric_add(METRIC_quorums, outcomes[state], 1);
	if (state == QUORUM_REACHED) {
		return result;
	}
	result.passed = false;
	result.fault = state == QUORUM_FAULT;
	if (result.fault) {
		result.problem = (struct problem_record) { .type = problem_info(PROBLEM_SERVER_INTERNAL)->name,
			.detail = "Too few of the network perspectives could be asked; it will be tried again" };
		return result;
	}
	result.problem = (struct problem_record) { .type = problem_info(corroborate_problem(&round->answers))->name,
		.detail = corroborate_detail(round->arena, &round->answers, round->n, !r->webpki) };
	return result;
}

static enum quorum_state state_of(const struct round *round)
{
	struct quorum_rule rule = quorum_rule(round->remotes->webpki, round->n, clock_now());
	return quorum_decide(&rule, round->n, &round->answers);
}

static void count(const struct validation_result *answer, int64_t us)
{
	enum metric m = answer->passed  ? METRIC_perspective_agreed
	                : answer->fault ? METRIC_perspective_failed
	                                : METRIC_perspective_refused;
	metric_add(m, answer->perspective, 1);
	metric_observe_us(METRIC_perspective_seconds, answer->perspective, us);
}

/* One that did not answer is on record as well. */
static struct validation_result no_answer(struct ctx *c, const struct corroborate_input *in)
{
	const char *why = c->err.cause != NULL ? c->err.cause : c->err.detail;
	log_error(c, LOG_WARN, "a network perspective did not answer");
	struct validation_result r = {
		.validation_id = in->id,
		.perspective = in->name,
		.method = in->decide.request->method,
		.fault = true,
		.problem = { .type = problem_info(PROBLEM_SERVER_INTERNAL)->name,
		    .detail = arena_printf(c->arena, "No answer: %s", why == NULL ? "" : why) },
		.basis = in->rules,
	};
	r.basis.control_fault = true;
	r.basis.caa_fault = true;
	return r;
}

static struct validation_result judge(
    struct round *round, struct ctx *c, size_t i, const struct validation_result *answer)
{
	const struct remotes *r = round->remotes;
	const struct config_va *va = &r->config->va;
	const struct corroborate_input in = {
		.decide = { &round->request, { (uint16_t) va->http01_port, (uint16_t) va->tlsalpn01_port }, &r->reach },
		.rules = round->rules,
		.id = round->ids.v[i],
		.name = perspective(r, i)->name,
		.resolver = perspective(r, i)->resolver,
		.webpki = r->webpki,
	};
	struct validation_result judged = answer == NULL ? no_answer(c, &in) : corroborate_judge(c->arena, &in, answer);
	if (answer != NULL && corroborate_stray(&in, &answer->resolutions) != NULL) { /* C-54 */
		metric_add(METRIC_perspective_stray, in.name, 1);
		log_event(c, LOG_WARN, "a network perspective resolves elsewhere than it is declared to", "perspective",
		    in.name, "why", judged.problem.detail, NULL);
	}
	judged.started_at = round->started_at; /* by one clock, ours */
	judged.ended_at = clock_now();
	judged.address = perspective(r, i)->address;
	if (answer != NULL) {
		judged.run = answer->run;
	}
	judged.region = perspective(r, i)->region[0] == '\0' ? NULL : perspective(r, i)->region;
	return judged;
}

/* By its field table, so that no member is forgotten. */
static struct validate_request keep_request(struct arena *a, const struct validate_request *in)
{
	struct ctx c = { .arena = a, .deadline_us = INT64_MAX };
	struct validate_request kept;
	if (fields_parse_json(&c, &validate_request_fields, fields_to_json(a, &validate_request_fields, in), &kept) != 0) {
		die("a request for a validation can't be read again: %s", c.err.detail);
	}
	return kept;
}

/* The quorum was decided without it. */
static void take_late(struct round *round, struct arena *arena, const struct validation_result *answer)
{
	metric_add(METRIC_perspective_late, answer->perspective, 1);
	if (!round->request.trial) { /* else there is no record that it could stand beside */
		const struct record_late_request report = { round->own_id, round->request, *answer };
		late_report(round->remotes->late, &report, round->request_id);
	}
	arena_free(arena);
}

static void take(struct round *round, struct arena *arena, const struct validation_result *answer)
{
	round->answers.v[round->answers.n++] = *answer;
	round->arenas[round->n_arenas++] = arena;
	enum quorum_state state = state_of(round);
	if (state != QUORUM_OPEN && decide_once(round)) {
		struct validation_result result = together(round, state);
		round->question.done(round->question.arg, &result);
	}
}

/* In the thread of the loop. */
static void on_answer(void *arg, struct ctx *c, int result, const struct validation_result *answer)
{
	const struct asked *asked = arg;
	struct round *round = asked->round;
	struct validation_result judged = judge(round, c, asked->i, result == 0 ? answer : NULL);
	count(&judged, clock_monotonic_us() - asked->asked_us);
	struct arena *arena = ctx_take_arena(c);
	(void) pthread_mutex_lock(&round->remotes->lock);
	bool decided = round->decided;
	(void) pthread_mutex_unlock(&round->remotes->lock);
	round->asked[asked->i].round = NULL;
	if (decided) {
		take_late(round, arena, &judged);
	} else {
		take(round, arena, &judged);
	}
	size_t left = 0;
	for (size_t i = 0; i < round->n; i++) {
		left += round->asked[i].round != NULL ? 1 : 0;
	}
	if (left == 0) {
		round_free(round);
	}
}

/* The lists are of the configuration. */
static struct validation_basis keep_rules(struct arena *a, const struct validation_basis *own)
{
	return (struct validation_basis) {
		.http01_port = own->http01_port,
		.tlsalpn01_port = own->tlsalpn01_port,
		.allow_networks = own->allow_networks,
		.deny_networks = own->deny_networks,
		.trust_anchor = own->trust_anchor == NULL ? NULL : arena_text(a, own->trust_anchor),
		.caa_strict = own->caa_strict,
	};
}

static struct round *round_new(struct remotes *r, const struct ctx *c, const struct remotes_question *question)
{
	struct arena *a = arena_new();
	struct round *round = ARENA_NEW(a, struct round);
	size_t n = r->config->va.perspectives.n;
	*round = (struct round) {
		.remotes = r,
		.arena = a,
		.request_id = c->request_id,
		.own_id = question->own->validation_id,
		.request = keep_request(a, question->in),
		.rules = keep_rules(a, &question->own->basis),
		.question = *question,
		.n = n,
		.asked = ARENA_ARRAY(a, n, struct asked),
		.ids = { ARENA_ARRAY(a, n, struct id), n },
		.answers = { ARENA_ARRAY(a, n, struct validation_result), 0 },
		.arenas = ARENA_ARRAY(a, n, struct arena *),
		.started_at = clock_now(),
	};
	for (size_t i = 0; i < n; i++) {
		round->ids.v[i] = id_new();
		round->asked[i] = (struct asked) { round, i, clock_monotonic_us() };
	}
	return round;
}

/* The same name, token, account and CAA identities for each of them (C-55, C-58). The last call may end the round. */
static void ask_all(struct round *round, int64_t deadline_ms)
{
	struct remotes *r = round->remotes;
	size_t n = round->n;
	struct rpc_va_validate_start start = {
		.request_id = round->request_id, .deadline_ms = deadline_ms, .max_reply = RECORD_MAX, .done = on_answer
	};
	struct validate_request request = round->request;
	for (size_t i = 0; i < n; i++) {
		start.address = perspective(r, i)->address;
		start.certificate_name = r->certificate_names[i];
		start.arg = &round->asked[i];
		request.validation_id = round->ids.v[i];
		rpc_va_validate_start_at(r->loop, &start, &request);
	}
}

int remotes_ask(struct remotes *r, struct ctx *c, const struct remotes_question *question)
{
	size_t n = r->config->va.perspectives.n;
	struct quorum_rule rule = quorum_rule(r->webpki, n, clock_now());
	if (n < rule.least) { /* C-50: the day came while this process ran */
		return FAIL(c, UNAVAILABLE, "Fewer network perspectives are configured than are needed from today");
	}
	(void) pthread_mutex_lock(&r->lock);
	bool room = r->n_rounds < r->rounds_max;
	r->n_rounds += room ? 1 : 0;
	(void) pthread_mutex_unlock(&r->lock);
	if (!room) {
		return FAIL(c, UNAVAILABLE, "The validation authority has no room for another round of perspectives");
	}
	int64_t most_ms = r->config->va.timeout_s * 1000 + CALL_BEYOND_MS;
	int64_t left_ms = ctx_left_ms(c, most_ms + CALL_RESERVE_MS) - CALL_RESERVE_MS;
	struct round *round = round_new(r, c, question);
	(void) pthread_mutex_lock(&r->lock);
	link_round(round);
	(void) pthread_mutex_unlock(&r->lock);
	ask_all(round, left_ms > 1 ? left_ms : 1);
	return 0;
}

static bool wait_until_none(struct remotes *r, int64_t deadline_ms)
{
	struct timespec until = moment_in(deadline_ms);
	(void) pthread_mutex_lock(&r->lock);
	int late = 0;
	while (r->n_rounds > 0 && late == 0) {
		late = pthread_cond_timedwait(&r->fewer, &r->lock, &until);
	}
	bool none = r->n_rounds == 0;
	(void) pthread_mutex_unlock(&r->lock);
	return none;
}

/* Who has not answered by then is recorded as one that did not, in its round or behind it: no record is lost. */
void remotes_stop(struct remotes *r, int64_t deadline_ms)
{
	if (r->loop == NULL) {
		return;
	}
	if (!wait_until_none(r, deadline_ms / 2)) {
		rpc_loop_cut(r->loop);
	}
	rpc_loop_free(r->loop);
	late_stop(r->late, deadline_ms / 2);
	r->loop = NULL;
}
