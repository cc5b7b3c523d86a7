#include "ra/evidence.h"

#include <string.h>

#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "ra/ra.h"
#include "ra/recent.h"

/* The private fields as they are stored and committed to: JSON objects with one list each. */
struct resolutions_text {
	struct resolution_list resolutions;
};
static const struct field resolutions_text_field[] = {
	FIELD_STRUCTS(struct resolutions_text, resolutions, &resolution_fields),
};
static const struct fields resolutions_text_fields = FIELDS(struct resolutions_text, resolutions_text_field);

struct attempts_text {
	struct connection_attempt_list attempts;
};
static const struct field attempts_text_field[] = {
	FIELD_STRUCTS(struct attempts_text, attempts, &connection_attempt_fields),
};
static const struct fields attempts_text_fields = FIELDS(struct attempts_text, attempts_text_field);

/* What both kinds of record have in common. */
struct evidence {
	const char *problem;
	const char *detail;
	const char *error;
	const char *dnssec;
	const char *caa;
	struct bytes commitments;
	struct bytes salt;
	const char *resolutions;
	const char *attempts;
};

/* What was answered, as a validation is proved by: a digest and how many octets it is of. */
struct answer {
	struct bytes sha256; /* empty: nothing was */
	int64_t octets;
};

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

/* Which rule a method follows (C-3, F-42), and where its answer stands in the record. */
static const struct method {
	const char *name;
	const char *rule;         /* for names */
	const char *address_rule; /* for addresses */
	struct answer (*answer)(struct arena *a, const struct validation_result *result);
} methods[] = {
	{ "http-01", "BR 3.2.2.4.19", "BR 3.2.2.5.6", http_answer }, { "dns-01", "BR 3.2.2.4.7", NULL, txt_answer },
	{ "tls-alpn-01", "BR 3.2.2.4.20", "BR 3.2.2.5.7", http_answer }, /* the certificate stands in place of the body */
	{ "dns-account-01", "BR 3.2.2.4.21 (draft-ietf-acme-dns-account-label-00)", NULL, txt_answer }, /* B-27 */
};

/* A method that is not of the table proves nothing (acme.proof_by), but a failure by it is recorded. */
static const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (strcmp(methods[i].name, name) == 0) {
			return &methods[i];
		}
	}
	static const struct method other = { "", "RFC 8555", "RFC 8738", http_answer };
	return &other;
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

static struct evidence evidence_of(struct ctx *c, const struct validation_result *result)
{
	struct arena *a = c->arena;
	struct resolutions_text resolutions = { result->resolutions };
	struct attempts_text attempts = { result->attempts };
	struct evidence e = {
		.dnssec = evidence_dnssec(&result->resolutions),
		.resolutions = text_of(a, fields_to_json(a, &resolutions_text_fields, &resolutions)),
		.attempts = text_of(a, fields_to_json(a, &attempts_text_fields, &attempts)),
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
	    "$16, $17, $18, $19, $20, $21, $22, nullif($23, -1), $24, $25::jsonb) AS ended",
	.params = &record_params_fields,
	.row = &recorded_row_fields,
	.repeatable = true, /* the validation's id tells a second run, which gives the outcome of the first */
};

/* The profile decides how long an authorization lasts; the default one, as authorizations are not bound to a profile. */
static struct timestamp authz_expires(struct timestamp validated_at)
{
	return timestamp_add_s(validated_at, ra_profile_find(NULL)->authorization_life_s);
}

int evidence_record(struct ctx *c, const struct job *job, const struct validation_result *result, int64_t retry_s,
    struct job_end *ret_end)
{
	struct evidence e = evidence_of(c, result);
	const struct method *method = method_find(job->type);
	struct answer answer = method->answer(c->arena, result);
	struct record_params params = {
		.id = result->validation_id,
		.authz_id = job->authz_id,
		.holder = ra_get()->instance,
		.request_id = job->request_id,
		.rule = strcmp(job->identifier.type, "ip") == 0 ? method->address_rule : method->rule,
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
		.authz_expires = authz_expires(result->ended_at),
		.retry_s = result->passed ? -1 : retry_s,
		.fault = result->fault,
		.limits = limits_for_validation(c->arena, &ra_get()->limits, job->account_id, &job->identifier),
	};
	(void) challenge_id_split(job->challenge_id, &params.n);
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
};
static const struct fields caa_params_fields = FIELDS(struct caa_params, caa_param);

const struct statement ra_record_caa_statement = {
	.name = "record_caa",
	.sql = "SELECT acme.record_caa($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, $14, $15)",
	.params = &caa_params_fields,
	.repeatable = true,
};

int evidence_record_caa(struct ctx *c, struct id authz_id, const struct validation_result *result)
{
	struct evidence e = evidence_of(c, result);
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
	};
	return db_run(c, &ra_record_caa_statement, &params);
}

struct postpone_params {
	struct id authz_id;
	const char *holder;
	int64_t retry_s;
};
static const struct field postpone_param[] = {
	FIELD(struct postpone_params, authz_id),
	FIELD(struct postpone_params, holder),
	FIELD(struct postpone_params, retry_s),
};
static const struct fields postpone_params_fields = FIELDS(struct postpone_params, postpone_param);

/* A fault of ours: nothing is concluded, the job is due again (design 4.2). */
const struct statement ra_postpone_challenge_statement = {
	.name = "postpone_challenge",
	.sql = "UPDATE acme.authz SET lease_until = clock_timestamp() + make_interval(secs => $3) "
	       "WHERE id = $1 AND lease_holder = $2",
	.params = &postpone_params_fields,
	.repeatable = true,
};

int evidence_postpone(struct ctx *c, const struct job *job, int64_t retry_s)
{
	struct postpone_params params = {
		.authz_id = job->authz_id,
		.holder = ra_get()->instance,
		.retry_s = retry_s,
	};
	return db_run(c, &ra_postpone_challenge_statement, &params);
}
