#include "cli/audit_rows.h"

#include "lib/seal/audit_erased.h"
#include "lib/db/db.h"

struct read_params {
	struct id after;
	struct id before;
	struct id_list authorizations;
	int64_t most;
};
static const struct field read_param[] = {
	FIELD(struct read_params, after),
	FIELD(struct read_params, before),
	FIELD(struct read_params, authorizations),
	FIELD(struct read_params, most),
};
static const struct fields read_params_fields = FIELDS(struct read_params, read_param);

static const struct field record_field[] = {
	FIELD(struct replay_record, id),
	FIELD(struct replay_record, authorization_id),
	FIELD(struct replay_record, account_id),
	FIELD(struct replay_record, identifier_type),
	FIELD(struct replay_record, identifier_value),
	FIELD(struct replay_record, wildcard),
	FIELD(struct replay_record, method),
	FIELD(struct replay_record, perspective),
	FIELD(struct replay_record, passed),
	FIELD(struct replay_record, problem),
	FIELD(struct replay_record, detail),
	FIELD_STRUCT(struct replay_record, caa, &caa_result_fields),
	FIELD(struct replay_record, token_sha256),
	FIELD(struct replay_record, answer_sha256),
	FIELD(struct replay_record, proof),
	FIELD(struct replay_record, ended_at),
	FIELD(struct replay_record, commitments),
	FIELD(struct replay_record, salt),
	FIELD(struct replay_record, resolutions),
	FIELD(struct replay_record, attempts),
	FIELD(struct replay_record, quorum),
	FIELD(struct replay_record, asked),
	FIELD(struct replay_record, agree),
	FIELD(struct replay_record, regions),
};
static const struct fields record_fields = FIELDS(struct replay_record, record_field);

static const struct statement read_statement = {
	.name = "audit_read",
	.sql =
	    "SELECT v.id, v.authorization_id, v.account_id, v.identifier_type, v.identifier_value, v.wildcard, v.method, "
	    "v.perspective, v.passed, v.problem, v.detail, v.caa, v.token_sha256, v.answer_sha256, v.proof::text AS proof, "
	    "v.ended_at, v.commitments, p.salt, p.resolutions, p.attempts, v.quorum, "
	    "coalesce(cardinality(v.round), 0) AS asked, agreeing.agree, agreeing.regions "
	    "FROM log.validation v LEFT JOIN log.validation_private p ON p.id = v.id LEFT JOIN LATERAL (SELECT count(*) AS "
	    "agree, count(DISTINCT w.region) AS regions FROM log.validation w WHERE w.id = ANY (v.round) AND w.passed AND "
	    "NOT "
	    "w.late) agreeing ON v.round IS NOT NULL WHERE v.id > $1 AND v.id < $2 "
	    "AND (cardinality($3) = 0 OR v.authorization_id = ANY ($3)) ORDER BY v.id LIMIT $4",
	.params = &read_params_fields,
	.row = &record_fields,
	.repeatable = true,
};

int audit_read(struct ctx *c, const struct audit_range *range, struct replay_record_list *ret)
{
	struct read_params params = { range->after, range->before, range->authorizations, AUDIT_BATCH };
	return db_rows(c, &read_statement, &params, &ret->v, &ret->n);
}

struct order_params {
	struct id order_id;
	struct bytes serial;
};
static const struct field order_param[] = {
	FIELD(struct order_params, order_id),
	FIELD(struct order_params, serial),
};
static const struct fields order_params_fields = FIELDS(struct order_params, order_param);

struct order_row {
	struct id_list authorizations;
};
static const struct field order_row_field[] = { FIELD(struct order_row, authorizations) };
static const struct fields order_row_fields = FIELDS(struct order_row, order_row_field);

static const struct statement order_statement = {
	.name = "audit_order",
	.sql = "SELECT log.authorizations_of($1, $2) AS authorizations",
	.params = &order_params_fields,
	.row = &order_row_fields,
	.repeatable = true,
};

int audit_find_order(struct ctx *c, struct id order_id, struct bytes serial, struct id_list *ret)
{
	struct order_params params = { order_id, serial };
	struct order_row row = { { NULL, 0 } };
	bool found = false;
	TRY(db_row(c, &order_statement, &params, &row, &found));
	if (!found || row.authorizations.n == 0) {
		return serial.n > 0 ? FAIL(c, NOT_FOUND,
		                          "There is no such certificate of an order here (cairn audit why tells of others)")
		                    : FAIL(c, NOT_FOUND, "There is no such order here");
	}
	*ret = row.authorizations;
	return 0;
}

const struct statement *const audit_statements[] = { &read_statement, &order_statement, &audit_erasures_statement };
const size_t audit_statements_n = COUNT_OF(audit_statements);
