#include "ra/recheck.h"

#include <string.h>

#include "lib/base/queue.h"
#include "ra/corroboration.h"
#include "ra/evidence.h"
#include "ra/jobs.h"
#include "ra/limits.h"
#include "ra/ra.h"

#define AT_ONCE 16
#define CALL_MS 60000
#define RECORD_RESERVE_MS 2000 /* of the caller's time, for the records of what ends last */

/* One look under way. */
struct look {
	const struct recheck *of;
	struct queue *answers;
	struct validate_request request;
	struct timestamp asked_at;
	struct arena *arena; /* of what follows */
	int result;
	struct err err;
	struct validation_result answer;
	const struct problem_record *refusal; /* or NULL */
};

/* In the loop's thread. There is a place for each that is under way. */
static void on_answer(void *arg, struct ctx *c, int result, const struct validation_result *answer)
{
	struct look *look = arg;
	look->result = result;
	look->err = c->err;
	if (result == 0) {
		look->answer = *answer;
	}
	look->arena = ctx_take_arena(c);
	(void) !queue_push(look->answers, look);
}

static struct validate_request request_of(struct arena *a, const struct recheck *of, struct id account_id)
{
	bool wildcard = strncmp(of->name, "*.", 2) == 0;
	struct validate_request request = {
		.validation_id = id_new(),
		.identifier = { "dns", wildcard ? of->name + 2 : of->name },
		.wildcard = wildcard,
		.method = of->method,
		.account_url = ra_account_url(a, account_id),
		.former_account_urls = ra_former_account_urls(a, account_id),
		.caa_identities = ra_get()->config->acme.caa_identities,
		.check_caa = true,
	};
	if (of->onion != NULL) {
		request.onion_caa = *of->onion;
	}
	return request;
}

static int start(struct ctx *c, struct id account_id, struct look *look)
{
	int64_t left_ms = ctx_left_ms(c, CALL_MS) - RECORD_RESERVE_MS;
	look->request = request_of(c->arena, look->of, account_id);
	look->asked_at = clock_now();
	if (left_ms <= 0 || !jobs_ask(&look->request, c->request_id, left_ms, on_answer, look)) {
		return FAIL(c, UNAVAILABLE, "CAA records could not be checked in time; try again in a moment");
	}
	return 0;
}

/* With a context of its own, which has time when that of the request is over. */
static int record(struct ctx *own, struct look *look)
{
	if (look->result != 0) {
		struct validation_result none = evidence_no_answer(own->arena, &look->request, look->asked_at, &look->err);
		ctx_limit_ms(own, RECORD_RESERVE_MS);
		(void) !evidence_record_caa(own, look->of->authz_id, &look->request, &none);
		ctx_forgive(own);
		ctx_fail(own, look->err.type, "%s", look->err.detail);
		return look->err.cause == NULL ? -1 : ctx_cause(own, "%s", look->err.cause);
	}
	look->answer =
	    corroboration_judge(&look->request.identifier, &look->answer); /* through the perspectives again (C-37) */
	ctx_limit_ms(own, RECORD_RESERVE_MS);
	TRY(evidence_record_caa(own, look->of->authz_id, &look->request, &look->answer));
	return look->answer.fault
	           ? FAIL(own, UNAVAILABLE, "CAA records could not be checked just now; try again in a moment")
	           : 0;
}

static int take(struct ctx *c, struct look *look)
{
	struct ctx own;
	ctx_init(&own);
	own.request_id = c->request_id;
	int result = record(&own, look);
	if (result != 0) {
		ctx_fail(c, own.err.type, "%s", own.err.detail);
		ctx_cause(c, "%s", own.err.cause == NULL ? own.err.detail : own.err.cause);
	} else if (!look->answer.passed) {
		struct problem_record *refusal = ARENA_NEW(c->arena, struct problem_record);
		refusal->type = arena_text(c->arena, look->answer.problem.type);
		refusal->detail = arena_text(c->arena, look->answer.problem.detail);
		look->refusal = refusal;
	}
	ctx_done(&own);
	arena_free(look->arena);
	return result;
}

/* As many as may be under way; after the first that fails only those are waited for. */
static int look_at_all(struct ctx *c, struct id account_id, struct look *looks, size_t n)
{
	size_t under_way = 0;
	int result = 0;
	for (size_t next = 0; (result == 0 && next < n) || under_way > 0;) {
		if (result == 0 && next < n && under_way < AT_ONCE) {
			result = start(c, account_id, &looks[next++]);
			under_way += result == 0;
		} else {
			under_way--;
			result = take(c, queue_pop(looks->answers)) == 0 ? result : -1;
		}
	}
	return result;
}

static int refused(struct ctx *c, const struct look *looks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct problem_record *refusal = looks[i].refusal;
		if (refusal != NULL) {
			ctx_subproblem(c, problem_by_name(refusal->type), "dns", looks[i].of->name, "%s", refusal->detail);
		}
	}
	if (c->err.subproblems.n > 0) {
		return ctx_fail(c, c->err.subproblems.v[0].type, "CAA forbids issuance for %zu of the names; see subproblems",
		    c->err.subproblems.n);
	}
	return 0;
}

static int look(struct ctx *c, struct id account_id, const struct recheck_list *list)
{
	struct queue *answers = queue_new(AT_ONCE);
	struct look *looks = ARENA_ARRAY(c->arena, list->n, struct look);
	for (size_t i = 0; i < list->n; i++) {
		looks[i] = (struct look) { .of = &list->v[i], .answers = answers };
	}
	int result = look_at_all(c, account_id, looks, list->n);
	queue_free(answers);
	if (result != 0 || refused(c, looks, list->n) == 0) { /* a fault of ours is no use of the limit */
		struct ctx own;
		ctx_init(&own);
		own.request_id = c->request_id;
		ctx_limit_ms(&own, RECORD_RESERVE_MS);
		limits_give_back(&own, LIMIT_CAA_REFUSALS_PER_ACCOUNT, account_id);
		ctx_done(&own);
		return result;
	}
	return -1;
}

int recheck_caa(struct ctx *c, struct id account_id, const struct recheck_list *list)
{
	if (list->n == 0) {
		return 0;
	}
	TRY(limits_take(
	    c, LIMIT_CAA_REFUSALS_PER_ACCOUNT, account_id)); /* before, so that many at once get no more */
	return look(c, account_id, list);
}
