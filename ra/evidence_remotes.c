/* What remote perspectives found, as records beside that of the first one (C-59). */
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/rpc/handlers.h"
#include "ra/evidence_rows.h"
#include "ra/kept.h"
#include "ra/ra.h"
#include "ra/validators.h"

#define ROW_OCTETS 8192 /* as many as most have */

/* The record of a remote perspective as acme.add_remotes reads it; octets are hexadecimal digits. */
struct remote_row {
	const char *id;
	const char *perspective;
	const char *address;
	const char *region;
	bool passed;
	bool dcv;
	const char *problem;
	const char *detail;
	const char *dnssec;
	const char *caa;
	const char *answer_sha256;
	int64_t answer_octets;
	struct timestamp started_at;
	struct timestamp ended_at;
	const char *commitments;
	const char *salt;
	const char *resolutions;
	const char *attempts;
};
static const struct field remote_row_field[] = {
	FIELD(struct remote_row, id),
	FIELD(struct remote_row, perspective),
	FIELD(struct remote_row, address),
	FIELD(struct remote_row, region),
	FIELD(struct remote_row, passed),
	FIELD(struct remote_row, dcv),
	FIELD(struct remote_row, problem),
	FIELD(struct remote_row, detail),
	FIELD(struct remote_row, dnssec),
	FIELD(struct remote_row, caa),
	FIELD(struct remote_row, answer_sha256),
	FIELD(struct remote_row, answer_octets),
	FIELD(struct remote_row, started_at),
	FIELD(struct remote_row, ended_at),
	FIELD(struct remote_row, commitments),
	FIELD(struct remote_row, salt),
	FIELD(struct remote_row, resolutions),
	FIELD(struct remote_row, attempts),
};
static const struct fields remote_row_fields = FIELDS(struct remote_row, remote_row_field);

static struct remote_row remote_row_of(
    struct ctx *c, const struct validate_request *asked, const struct validation_result *remote)
{
	struct arena *a = c->arena;
	struct validate_request own = *asked;
	own.validation_id = remote->validation_id;
	struct evidence e = evidence_of(c, &own, remote);
	struct answer answer = evidence_answer(a, remote->method == NULL ? "" : remote->method, remote);
	return (struct remote_row) {
		.id = hex_encode(a, (struct bytes) { remote->validation_id.b, sizeof(remote->validation_id.b) }),
		.perspective = remote->perspective,
		.address = remote->address,
		.region = remote->region,
		.passed = remote->passed,
		.dcv = remote->dcv,
		.problem = e.problem,
		.detail = e.detail,
		.dnssec = e.dnssec,
		.caa = e.caa,
		.answer_sha256 = answer.sha256.n > 0 ? hex_encode(a, answer.sha256) : NULL,
		.answer_octets = answer.octets,
		.started_at = remote->started_at,
		.ended_at = remote->ended_at,
		.commitments = hex_encode(a, e.commitments),
		.salt = hex_encode(a, e.salt),
		.resolutions = e.resolutions,
		.attempts = e.attempts,
	};
}

const char *evidence_remotes(
    struct ctx *c, const struct validate_request *asked, const struct validation_result_list *remotes)
{
	struct buffer text;
	buffer_init(&text, c->arena, remotes->n * ROW_OCTETS);
	for (size_t i = 0; i < remotes->n; i++) {
		struct remote_row row = remote_row_of(c, asked, &remotes->v[i]);
		struct bytes json = fields_to_json(c->arena, &remote_row_fields, &row);
		buffer_add_char(&text, i == 0 ? '[' : ',');
		buffer_add(&text, json.p, json.n);
	}
	buffer_add_char(&text, ']');
	return remotes->n == 0 ? NULL : (const char *) buffer_bytes(&text).p;
}

struct late_params {
	struct id own;
	const char *remotes;
};
static const struct field late_param[] = {
	FIELD(struct late_params, own),
	FIELD(struct late_params, remotes),
};
static const struct fields late_params_fields = FIELDS(struct late_params, late_param);

static const struct field late_row_field[] = { FIELD(struct record_late_response, recorded) };
static const struct fields late_row_fields = FIELDS(struct record_late_response, late_row_field);

const struct statement ra_record_late_statement = {
	.name = "record_late",
	.sql = "SELECT acme.record_late($1, $2::jsonb) AS recorded",
	.params = &late_params_fields,
	.row = &late_row_fields,
	.repeatable = true,
};

int ra_record_late_serve(struct ctx *c, const struct record_late_request *in, struct record_late_response *ret)
{
	struct validation_result remote = in->remote;
	struct validation_result_list one = { &remote, 1 };
	struct late_params params = { in->validation_id, evidence_remotes(c, &in->asked, &one) };
	bool found = false;
	int result = db_row(c, &ra_record_late_statement, &params, ret, &found);
	if (result == 0) {
		validators_note(c, &(struct validation_result) { .remotes = one });
	}
	if (result != 0 && kept_is_away(&c->err) && kept_put(c, KEPT_LATE, in->remote.validation_id, &params)) {
		ctx_forgive(c);
		*ret = (struct record_late_response) { .recorded = true };
		return 0;
	}
	return result;
}
