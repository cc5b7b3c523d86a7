#include "ra/evidence.h"

#include <string.h>

#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/onion.h"
#include "policy/challenges.h"
#include "policy/kept.h"
#include "policy/profiles.h"
#include "policy/quorum.h"
#include "ra/evidence_rows.h"
#include "ra/kept.h"
#include "ra/ra.h"
#include "ra/recent.h"

/* The body of the last answer. */
static struct answer http_answer(struct arena *a, const struct validation_result *result)
{
	(void) a;
	struct answer answer = { { NULL, 0 }, 0 };
	if (result->attempts.n > 0) {
		const struct connection_attempt *last = &result->attempts.v[result->attempts.n - 1];
		answer = (struct answer) { last->body_sha256, last->body_octets };
	}
	return answer;
}

/* The whole packet of the last answer about TXT. */
static struct answer txt_answer(struct arena *a, const struct validation_result *result)
{
	struct answer answer = { { NULL, 0 }, 0 };
	for (size_t i = 0; i < result->resolutions.n; i++) {
		const struct resolution *r = &result->resolutions.v[i];
		if (r->type != NULL && strcmp(r->type, "TXT") == 0 && r->raw.n > 0) {
			uint8_t *digest = arena_alloc(a, SHA256_SIZE);
			sha256_of(r->raw, digest);
			answer = (struct answer) { { digest, SHA256_SIZE }, (int64_t) r->raw.n };
		}
	}
	return answer;
}

/* Where a method's answer stands in the record (F-42): the body also for tls-alpn-01, whose certificate stands in its place, and for
 * onion-csr-01, whose CSR does. */
struct answer evidence_answer(struct arena *a, const char *method, const struct validation_result *result)
{
	const struct challenge_kind *kind = challenge_kind_find(method);
	return kind != NULL && kind->in_txt ? txt_answer(a, result) : http_answer(a, result);
}

/* Which rule it follows (C-3). A method that there is not proves nothing (acme.proof_by), but a failure by it is recorded. */
static const char *rule_of(struct arena *a, const struct job *job)
{
	const struct challenge_kind *kind = challenge_kind_find(job->type);
	if (kind == NULL) {
		return strcmp(job->identifier.type, "ip") == 0 ? "RFC 8738" : "RFC 8555";
	}
	return challenge_rule(a, kind, identifier_kind(&job->identifier));
}

const char *evidence_dnssec(const struct resolution_list *resolutions)
{
	static const char *const weakest_first[] = { "bogus", "insecure", "off" };
	for (size_t k = 0; k < COUNT_OF(weakest_first); k++) {
		for (size_t i = 0; i < resolutions->n; i++) {
			const char *state = resolutions->v[i].dnssec;
			if (state != NULL && strcmp(state, weakest_first[k]) == 0) {
				return weakest_first[k];
			}
		}
	}
	return resolutions->n > 0 ? "secure" : "off";
}

static const char *text_of(struct arena *a, struct bytes b)
{
	return arena_text_n(a, b.p, b.n);
}

static void commit(struct ctx *c, struct evidence *e)
{
	uint8_t *salt = arena_alloc(c->arena, COMMITMENT_SALT_SIZE);
	uint8_t *both = arena_alloc(c->arena, (size_t) 2 * COMMITMENT_SIZE);
	commitment_salt(salt);
	commitment_make(salt, "resolutions", bytes_of_text(e->resolutions), both);
	commitment_make(salt, "attempts", bytes_of_text(e->attempts), both + COMMITMENT_SIZE);
	e->salt = (struct bytes) { salt, COMMITMENT_SALT_SIZE };
	e->commitments = (struct bytes) { both, (size_t) 2 * COMMITMENT_SIZE };
}

struct evidence evidence_of(struct ctx *c, const struct validate_request *asked, const struct validation_result *result)
{
	struct arena *a = c->arena;
	struct kept_resolutions resolutions = { result->resolutions };
	struct kept_attempts attempts = { *asked, result->basis, result->attempts };
	struct evidence e = {
		.dnssec = evidence_dnssec(&result->resolutions),
		.resolutions = text_of(a, fields_to_json(a, &kept_resolutions_fields, &resolutions)),
		.attempts = text_of(a, fields_to_json(a, &kept_attempts_fields, &attempts)),
	};
	if (!result->passed) {
		bool named = result->problem.type != NULL;
		e.problem = named ? result->problem.type : "SERVER_INTERNAL";
		e.detail = result->problem.detail;
		struct problem_record shown = result->problem;
		shown.type = e.problem;
		e.error = text_of(a, fields_to_json(a, &problem_record_fields, &shown));
	}
	if (result->caa.checked) {
		e.caa = text_of(a, fields_to_json(a, &caa_result_fields, &result->caa));
	}
	commit(c, &e);
	return e;
}

struct record_params {
	struct id id;
	struct id authz_id;
	int64_t n;
	const char *holder;
	struct id request_id;
	const char *rule;
	const char *perspective;
	bool passed;
	const char *problem;
	const char *detail;
	const char *error;
	const char *dnssec;
	const char *caa;
	struct bytes answer_sha256;
	int64_t answer_octets;
	struct timestamp started_at;
	struct timestamp ended_at;
	struct bytes commitments;
	struct bytes salt;
	const char *resolutions;
	const char *attempts;
	struct timestamp authz_expires;
	int64_t retry_s;
	bool fault;
	const char *limits;
	bool dcv;
	struct id_list round;
	const char *quorum;
	const char *remotes;
};
static const struct field record_param[] = {
	FIELD(struct record_params, id),
	FIELD(struct record_params, authz_id),
	FIELD(struct record_params, n),
	FIELD(struct record_params, holder),
	FIELD(struct record_params, request_id),
	FIELD(struct record_params, rule),
	FIELD(struct record_params, perspective),
	FIELD(struct record_params, passed),
	FIELD(struct record_params, problem),
	FIELD(struct record_params, detail),
	FIELD(struct record_params, error),
	FIELD(struct record_params, dnssec),
	FIELD(struct record_params, caa),
	FIELD(struct record_params, answer_sha256),
	FIELD(struct record_params, answer_octets),
	FIELD(struct record_params, started_at),
	FIELD(struct record_params, ended_at),
	FIELD(struct record_params, commitments),
	FIELD(struct record_params, salt),
	FIELD(struct record_params, resolutions),
	FIELD(struct record_params, attempts),
	FIELD(struct record_params, authz_expires),
	FIELD(struct record_params, retry_s),
	FIELD(struct record_params, fault),
	FIELD(struct record_params, limits),
	FIELD(struct record_params, dcv),
	FIELD(struct record_params, round),
	FIELD(struct record_params, quorum),
	FIELD(struct record_params, remotes),
};
static const struct fields record_params_fields = FIELDS(struct record_params, record_param);

struct recorded_row {
	bool ended;
};
static const struct field recorded_row_field[] = { FIELD(struct recorded_row, ended) };
static const struct fields recorded_row_fields = FIELDS(struct recorded_row, recorded_row_field);

const struct statement ra_record_validation_statement = {
	.name = "record_validation",
	.sql =
	    "SELECT acme.record_validation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13::jsonb, $14, $15, "
	    "$16, $17, $18, $19, $20, $21, $22, nullif($23, -1), $24, $25::jsonb, $26, nullif($27, '{}'), $28, $29::jsonb) "
	    "AS ended",
	.params = &record_params_fields,
	.row = &recorded_row_fields,
	.repeatable = true, /* the validation's id tells a second run, which gives the outcome of the first */
};

/* The profile decides how long an authorization lasts; the default one, as authorizations are not bound to a profile. */
static struct timestamp authz_expires(const char *type, struct timestamp validated_at)
{
	const struct challenge_kind *kind = challenge_kind_find(type);
	int64_t life_s = ra_profile_find(NULL)->authorization_life_s;
	bool shorter = kind != NULL && kind->standing && life_s > CHALLENGE_STANDING_S; /* B-32 */
	enum policy_mode mode = config_is_webpki(&ra_get()->config->policy) ? POLICY_WEBPKI : POLICY_PRIVATE;
	struct timestamp until = profile_reuse_until(mode, validated_at, shorter ? CHALLENGE_STANDING_S : life_s);
	struct timestamp changed = quorum_stands_until(mode == POLICY_WEBPKI, validated_at);
	return until.us < changed.us ? until : changed;
}

/* There is no CAA for addresses (RFC 8659 3), and that of onion services comes with finalize (RFC 9799 6.4). */
static bool has_caa(const struct identifier *identifier)
{
	return strcmp(identifier->type, "dns") == 0 && !onion_is(identifier->value);
}

struct validate_request job_request(struct arena *a, const struct job *job)
{
	const struct config *config = ra_get()->config;
	return (struct validate_request) {
		.identifier = job->identifier,
		.wildcard = job->wildcard,
		.method = job->type,
		.token = job->token,
		.key_authorization = job->key_authorization,
		.account_url = ra_account_url(a, job->account_id),
		.former_account_urls = ra_former_account_urls(a, job->account_id),
		.caa_identities = config->acme.caa_identities,
		.check_caa = has_caa(&job->identifier),
		.response = job->response,
	};
}

static struct record_params params_of(
    struct ctx *c, const struct job *job, const struct validation_result *result, int64_t retry_s)
{
	struct validate_request asked = job_request(c->arena, job);
	asked.validation_id = result->validation_id;
	struct evidence e = evidence_of(c, &asked, result);
	struct answer answer = evidence_answer(c->arena, job->type, result);
	struct record_params params = {
		.id = result->validation_id,
		.authz_id = job->authz_id,
		.holder = ra_get()->instance,
		.request_id = job->request_id,
		.rule = rule_of(c->arena, job),
		.perspective = result->perspective,
		.passed = result->passed,
		.problem = e.problem,
		.detail = e.detail,
		.error = e.error,
		.dnssec = e.dnssec,
		.caa = e.caa,
		.answer_sha256 = answer.sha256,
		.answer_octets = answer.octets,
		.started_at = result->started_at,
		.ended_at = result->ended_at,
		.commitments = e.commitments,
		.salt = e.salt,
		.resolutions = e.resolutions,
		.attempts = e.attempts,
		.authz_expires = authz_expires(job->type, result->ended_at),
		.retry_s = result->passed ? -1 : retry_s,
		.fault = result->fault,
		.limits = limits_for_validation(c->arena, &ra_get()->limits, job->account_id, &job->identifier),
		.dcv = result->dcv,
		.round = result->round,
		.quorum = result->quorum,
		.remotes = evidence_remotes(c, &asked, &result->remotes),
	};
	(void) challenge_id_split(job->challenge_id, &params.n);
	return params;
}

int evidence_record(struct ctx *c, const struct job *job, const struct validation_result *result, int64_t retry_s,
    struct job_end *ret_end)
{
	struct record_params params = params_of(c, job, result, retry_s);
	struct recorded_row row;
	bool found = false;
	TRY(db_row(c, &ra_record_validation_statement, &params, &row, &found));
	*ret_end = (struct job_end) {
		.made_valid = row.ended && result->passed,
		.validated_at = params.ended_at,
		.expires_at = params.authz_expires,
	};
	if (ret_end->made_valid) {
		recent_keep_validation(job->authz_id, id_time(params.id));
	}
	return 0;
}

/* By no holder of a lease. */
void evidence_keep(const struct job *job, const struct validation_result *result)
{
	struct ctx c;
	ctx_init(&c);
	c.request_id = job->request_id;
	struct record_params params = params_of(&c, job, result, -1);
	params.holder = "";
	params.limits = NULL;
	(void) kept_put(&c, KEPT_VALIDATION, params.id, &params);
	ctx_done(&c);
}

struct caa_params {
	struct id id;
	struct id authz_id;
	struct id request_id;
	const char *perspective;
	bool passed;
	const char *problem;
	const char *detail;
	const char *dnssec;
	const char *caa;
	struct timestamp started_at;
	struct timestamp ended_at;
	struct bytes commitments;
	struct bytes salt;
	const char *resolutions;
	const char *attempts;
	struct id_list round;
	const char *quorum;
	const char *remotes;
};
static const struct field caa_param[] = {
	FIELD(struct caa_params, id),
	FIELD(struct caa_params, authz_id),
	FIELD(struct caa_params, request_id),
	FIELD(struct caa_params, perspective),
	FIELD(struct caa_params, passed),
	FIELD(struct caa_params, problem),
	FIELD(struct caa_params, detail),
	FIELD(struct caa_params, dnssec),
	FIELD(struct caa_params, caa),
	FIELD(struct caa_params, started_at),
	FIELD(struct caa_params, ended_at),
	FIELD(struct caa_params, commitments),
	FIELD(struct caa_params, salt),
	FIELD(struct caa_params, resolutions),
	FIELD(struct caa_params, attempts),
	FIELD(struct caa_params, round),
	FIELD(struct caa_params, quorum),
	FIELD(struct caa_params, remotes),
};
static const struct fields caa_params_fields = FIELDS(struct caa_params, caa_param);

struct caa_row {
	bool stands;
};
static const struct field caa_row_field[] = { FIELD(struct caa_row, stands) };
static const struct fields caa_row_fields = FIELDS(struct caa_row, caa_row_field);

const struct statement ra_record_caa_statement = {
	.name = "record_caa",
	.sql = "SELECT acme.record_caa($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, $14, $15, "
	       "nullif($16, '{}'), $17, $18::jsonb) AS stands",
	.params = &caa_params_fields,
	.row = &caa_row_fields,
	.repeatable = true,
};

int evidence_record_caa(
    struct ctx *c, struct id authz_id, const struct validate_request *asked, const struct validation_result *result)
{
	struct evidence e = evidence_of(c, asked, result);
	struct caa_params params = {
		.id = result->validation_id,
		.authz_id = authz_id,
		.request_id = c->request_id,
		.perspective = result->perspective,
		.passed = result->passed,
		.problem = e.problem,
		.detail = e.detail,
		.dnssec = e.dnssec,
		.caa = e.caa,
		.started_at = result->started_at,
		.ended_at = result->ended_at,
		.commitments = e.commitments,
		.salt = e.salt,
		.resolutions = e.resolutions,
		.attempts = e.attempts,
		.round = result->round,
		.quorum = result->quorum,
		.remotes = evidence_remotes(c, asked, &result->remotes),
	};
	struct caa_row row;
	bool found = false;
	if (db_row(c, &ra_record_caa_statement, &params, &row, &found) != 0) {
		if (kept_is_away(&c->err)) {
			(void) kept_put(c, KEPT_CAA, params.id, &params);
		}
		return -1;
	}
	return row.stands ? 0 : FAIL(c, UNAVAILABLE, "CAA records could not be checked just now; try again in a moment");
}

struct validation_result evidence_no_answer(
    struct arena *a, const struct validate_request *asked, struct timestamp started_at, const struct err *why)
{
	const char *perspective = ra_get()->config->va.perspective;
	const char *cause = why->cause != NULL ? why->cause : why->detail;
	/* It was there and will say so again: acme.record_validation counts these. */
	bool refused = why->type == PROBLEM_MALFORMED;
	return (struct validation_result) {
		.validation_id = asked->validation_id,
		.perspective = perspective == NULL ? "local" : perspective,
		.method = asked->method,
		.fault = true,
		.problem = { .type = problem_info(PROBLEM_SERVER_INTERNAL)->name,
		    .detail = arena_printf(a, "%s: %.300s",
		        refused ? "The validation authority can't validate this" : "No answer of the validation authority",
		        cause == NULL ? "no reason is known" : cause) },
		.basis = { .control_fault = true, .caa_fault = true },
		.started_at = started_at,
		.ended_at = clock_now(),
	};
}

struct validation_result evidence_refused(const struct validation_result *result)
{
	const char *perspective = ra_get()->config->va.perspective;
	return (struct validation_result) {
		.validation_id = id_new(),
		.perspective = perspective == NULL ? "local" : perspective,
		.method = result->method,
		.fault = true,
		.problem = { .type = problem_info(PROBLEM_SERVER_INTERNAL)->name,
		    .detail = "The database takes no record of this validation" },
		.basis = { .control_fault = true, .caa_fault = true },
		.started_at = result->started_at,
		.ended_at = result->ended_at,
	};
}
