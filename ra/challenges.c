/* Responses to challenges and the end of authorizations (RFC 8555 7.5). */
#include <stdatomic.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/base64.h"
#include "ra/jobs.h"
#include "lib/rpc/handlers.h"
#include "policy/challenges.h"
#include "ra/limits.h"
#include "ra/ra.h"

/* Calls that may be held back at once: a slow host must not take all workers (design 4.2). */
static atomic_int held;

struct start_params {
	struct id authz_id;
	int64_t n;
	struct id account_id;
	struct bytes thumbprint;
	const char *thumbprint_text;
	const char *holder;
	int64_t lease_s;
	struct id request_id;
	struct bytes response;      /* to a challenge that is tried first */
	struct text_list responded; /* types of which that is a part */
	const char *limits;         /* of another try */
};
static const struct field start_param[] = {
	FIELD(struct start_params, authz_id),
	FIELD(struct start_params, n),
	FIELD(struct start_params, account_id),
	FIELD(struct start_params, thumbprint),
	FIELD(struct start_params, thumbprint_text),
	FIELD(struct start_params, holder),
	FIELD(struct start_params, lease_s),
	FIELD(struct start_params, request_id),
	FIELD(struct start_params, response),
	FIELD(struct start_params, responded),
	FIELD(struct start_params, limits),
};
static const struct fields start_params_fields = FIELDS(struct start_params, start_param);

struct started_row {
	const char *identifier_type;
	const char *identifier_value;
	bool wildcard;
	const char *type;
	const char *token;
	const char *key_authorization;
	int64_t attempts;
	struct bytes response;
};
static const struct field started_row_field[] = {
	FIELD(struct started_row, identifier_type),
	FIELD(struct started_row, identifier_value),
	FIELD(struct started_row, wildcard),
	FIELD(struct started_row, type),
	FIELD(struct started_row, token),
	FIELD(struct started_row, key_authorization),
	FIELD(struct started_row, attempts),
	FIELD(struct started_row, response),
};
static const struct fields started_row_fields = FIELDS(struct started_row, started_row_field);

/* A response to a challenge (RFC 8555 7.5.1): a pending authorization, none of whose challenges is being validated, gets a
 * lease by compare-and-set: a durable job. */
const struct statement ra_start_challenge_statement = {
	.name = "start_challenge",
	.sql = "UPDATE acme.authz a SET tried = $2, key_authorization = a.tokens[$2] || '.' || $5, lease_holder = $6, "
	       "lease_until = clock_timestamp() + make_interval(secs => $7), request_id = $8, "
	       "response = CASE WHEN a.challenge_types[$2] = ANY ($10) THEN $9 END FROM acme.account k "
	       "WHERE a.id = $1 AND $2 BETWEEN 1 AND cardinality(a.tokens) AND a.account_id = $3 AND a.tried IS NULL "
	       "AND (a.challenge_types[$2] <> ALL ($10) OR octet_length($9) > 0) "
	       "AND a.ended IS NULL AND a.expires_at > now() AND k.id = $3 AND k.thumbprint = $4 AND k.status = 'valid' "
	       "RETURNING a.identifier_type, a.identifier_value, a.wildcard, a.challenge_types[$2] AS type, "
	       "a.tokens[$2] AS token, a.key_authorization, a.attempts, a.response",
	.params = &start_params_fields,
	.row = &started_row_fields,
};

/* Another response to a challenge that failed and waits to be tried again. A response that the client sent along is
 * judged once: no such challenge is tried again, so there is none in the row. */
const struct statement ra_retry_challenge_statement = {
	.name = "retry_challenge",
	.sql = "SELECT identifier_type, identifier_value, wildcard, type, token, key_authorization, attempts "
	       "FROM acme.retry_challenge($1, $2, $3, $4, $5, $6, $7, $8, $11::jsonb)",
	.params = &start_params_fields,
	.row = &started_row_fields,
};

struct runs_params {
	struct id authz_id;
	int64_t n;
	struct id account_id;
	struct bytes thumbprint;
};
static const struct field runs_param[] = {
	FIELD(struct runs_params, authz_id),
	FIELD(struct runs_params, n),
	FIELD(struct runs_params, account_id),
	FIELD(struct runs_params, thumbprint),
};
static const struct fields runs_params_fields = FIELDS(struct runs_params, runs_param);

struct runs_row {
	bool runs;
};
static const struct field runs_row_field[] = { FIELD(struct runs_row, runs) };
static const struct fields runs_row_fields = FIELDS(struct runs_row, runs_row_field);

const struct statement ra_challenge_runs_statement = {
	.name = "challenge_runs",
	.sql = "SELECT acme.challenge_runs($1, $2, $3, $4) AS runs",
	.params = &runs_params_fields,
	.row = &runs_row_fields,
	.repeatable = true,
};

struct read_params {
	struct id id;
};
static const struct field read_param[] = { FIELD(struct read_params, id) };
static const struct fields read_params_fields = FIELDS(struct read_params, read_param);

const struct statement ra_read_authorization_statement = {
	.name = "read_authorization",
	.sql = "SELECT " AUTHORIZATION_COLUMNS " FROM front.authz WHERE id = $1",
	.params = &read_params_fields,
	.row = &authorization_row_fields,
	.repeatable = true,
};

int ra_read_authorization(struct ctx *c, struct id id, struct authorization *ret)
{
	struct read_params params = { id };
	struct authorization_row row;
	bool found = false;
	TRY(db_row(c, &ra_read_authorization_statement, &params, &row, &found));
	if (!found) {
		return FAIL(c, NOT_FOUND, "There is no such authorization");
	}
	*ret = authorization_of_row(c->arena, &row);
	return 0;
}

/* How long this call may be held back. */
static int64_t hold_ms(const struct ctx *c, const struct start_challenge_request *in)
{
	int64_t ms = in->hold_ms < ra_get()->config->ra.hold_ms ? in->hold_ms : ra_get()->config->ra.hold_ms;
	return ctx_left_ms(c, ms);
}

/* With a job: sends it on its way; waits for the outcome of the challenge as long as it may. */
static struct job_end run_and_wait(const struct job *job, struct id challenge, int64_t wait_ms)
{
	struct job_end end = { 0 };
	bool may_wait = atomic_fetch_add(&held, 1) < ra_get()->config->ra.process.workers / 2;
	if (!may_wait) {
		wait_ms = 0;
	}
	if (job != NULL) {
		end = jobs_run(job, wait_ms);
	} else if (wait_ms > 0) {
		end = jobs_wait(challenge, wait_ms);
	}
	atomic_fetch_sub(&held, 1);
	return end;
}

/* What front.authz shows of an authorization that was just made valid: of its challenges, the one that did it. */
static void show_valid(struct ctx *c, const struct job *job, const struct job_end *end, struct authorization *ret)
{
	struct challenge *challenge = ARENA_NEW(c->arena, struct challenge);
	*challenge = (struct challenge) {
		.id = job->challenge_id,
		.type = job->type,
		.status = "valid",
		.token = challenge_token(job->token),
		.validated_at = { end->validated_at.us - end->validated_at.us % 1000000 },
	};
	*ret = (struct authorization) {
		.id = job->authz_id,
		.account_id = job->account_id,
		.identifier = job->identifier,
		.wildcard = job->wildcard,
		.status = "valid",
		.expires_at = end->expires_at,
		.challenges = { challenge, 1 },
	};
}

/* A challenge that waits although it was responded to lacks what its method needs; nothing was tried (RFC 9799 3.2). */
static int check_response(struct ctx *c, const struct start_challenge_request *in, const struct authorization *authz)
{
	for (size_t i = 0; i < authz->challenges.n; i++) {
		const struct challenge *challenge = &authz->challenges.v[i];
		const struct challenge_kind *kind = challenge_kind_find(challenge->type);
		if (in->response.n == 0 && kind != NULL && kind->signed_request && strcmp(challenge->status, "pending") == 0 &&
		    id_equal(challenge->id, in->challenge_id)) {
			return FAIL(c, MALFORMED, "The response to %s has to have a member \"csr\"", challenge->type);
		}
	}
	return 0;
}

/* Nothing was started: why, or what is under way. */
static int answer_unstarted(struct ctx *c, const struct start_challenge_request *in, const struct start_params *started,
    struct authorization *ret)
{
	struct runs_params params = { started->authz_id, started->n, started->account_id, started->thumbprint };
	struct runs_row row;
	bool found = false;
	TRY(db_row(c, &ra_challenge_runs_statement, &params, &row, &found));
	if (row.runs) {
		(void) run_and_wait(NULL, in->challenge_id, hold_ms(c, in));
	}
	TRY(ra_read_authorization(c, started->authz_id, ret));
	return check_response(c, in, ret);
}

/* Where authorizations are held for tests of clients, the lease is the time of that, of nobody, and who takes lapsed
 * jobs begins the validation. */
static bool held_for_test(struct start_params *params)
{
	int64_t s = ra_get()->config->test.hold_authorizations_s;
	if (s > 0) {
		params->holder = "held for a test";
		params->lease_s = s;
	}
	return s > 0;
}

static int try_again(struct ctx *c, struct start_params *params, struct started_row *ret, bool *ret_started)
{
	params->limits =
	    limits_for_step(c->arena, &ra_get()->limits, LIMIT_CHALLENGE_RETRIES_PER_ACCOUNT, params->account_id);
	int result = db_row(c, &ra_retry_challenge_statement, params, ret, ret_started);
	return result == 0 ? 0 : limits_refused(c);
}

int ra_start_challenge_serve(struct ctx *c, const struct start_challenge_request *in, struct authorization *ret)
{
	struct start_params params = {
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.thumbprint_text = base64url_encode(c->arena, in->thumbprint),
		.holder = ra_get()->instance,
		.lease_s = ra_get()->config->ra.validation_lease_s,
		.request_id = c->request_id,
		.response = in->response,
		.responded = challenge_signed_types(c->arena),
	};
	params.authz_id = challenge_id_split(in->challenge_id, &params.n);
	bool hold = held_for_test(&params);
	struct started_row row;
	bool started = false;
	TRY(db_row(c, &ra_start_challenge_statement, &params, &row, &started));
	if (!started) {
		TRY(try_again(c, &params, &row, &started));
	}
	if (!started) {
		return answer_unstarted(c, in, &params, ret);
	}
	if (hold) {
		return ra_read_authorization(c, params.authz_id, ret);
	}
	struct job job = {
		.challenge_id = in->challenge_id,
		.authz_id = params.authz_id,
		.account_id = in->account_id,
		.identifier = { row.identifier_type, row.identifier_value },
		.wildcard = row.wildcard,
		.type = row.type,
		.token = row.token,
		.key_authorization = row.key_authorization,
		.response = row.response,
		.attempts = row.attempts,
		.request_id = c->request_id,
	};
	struct job_end end = run_and_wait(&job, in->challenge_id, hold_ms(c, in));
	if (end.made_valid) {
		show_valid(c, &job, &end, ret);
		return 0;
	}
	return ra_read_authorization(c, params.authz_id, ret);
}

struct deactivate_params {
	struct id authorization_id;
	struct id account_id;
	struct bytes thumbprint;
	const char *process;
	struct id request_id;
};
static const struct field deactivate_param[] = {
	FIELD(struct deactivate_params, authorization_id),
	FIELD(struct deactivate_params, account_id),
	FIELD(struct deactivate_params, thumbprint),
	FIELD(struct deactivate_params, process),
	FIELD(struct deactivate_params, request_id),
};
static const struct fields deactivate_params_fields = FIELDS(struct deactivate_params, deactivate_param);

const struct statement ra_deactivate_authorization_statement = {
	.name = "deactivate_authorization",
	.sql = "SELECT acme.deactivate_authz($1, $2, $3, $4, $5)",
	.params = &deactivate_params_fields,
	.repeatable = true,
};

int ra_deactivate_authorization_serve(
    struct ctx *c, const struct deactivate_authorization_request *in, struct authorization *ret)
{
	struct deactivate_params params = {
		.authorization_id = in->authorization_id,
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.process = ra_get()->instance,
		.request_id = c->request_id,
	};
	TRY(db_run(c, &ra_deactivate_authorization_statement, &params));
	return ra_read_authorization(c, in->authorization_id, ret);
}
