#include "cli/crl_rows.h"

static const struct field stand_field[] = {
	FIELD(struct crl_stand, issuer),
	FIELD(struct crl_stand, shard),
	FIELD(struct crl_stand, url),
	FIELD(struct crl_stand, open),
	FIELD(struct crl_stand, number),
	FIELD(struct crl_stand, this_update),
	FIELD(struct crl_stand, next_update),
	FIELD(struct crl_stand, entries),
	FIELD(struct crl_stand, octets),
	FIELD(struct crl_stand, why),
	FIELD(struct crl_stand, made_ms),
	FIELD(struct crl_stand, pending),
	FIELD(struct crl_stand, age_s),
};
const struct fields crl_stand_fields = FIELDS(struct crl_stand, stand_field);

struct choice_params {
	const char *issuer;
	int64_t shard;
	int64_t number;
	const char *actor;
};
static const struct field list_param[] = { FIELD(struct choice_params, issuer), FIELD(struct choice_params, shard) };
static const struct fields list_params = FIELDS(struct choice_params, list_param);
static const struct field read_param[] = {
	FIELD(struct choice_params, issuer),
	FIELD(struct choice_params, shard),
	FIELD(struct choice_params, number),
};
static const struct fields read_params = FIELDS(struct choice_params, read_param);
static const struct field ask_param[] = {
	FIELD(struct choice_params, issuer),
	FIELD(struct choice_params, shard),
	FIELD(struct choice_params, actor),
};
static const struct fields ask_params = FIELDS(struct choice_params, ask_param);

static const struct statement list_statement = {
	.name = "crl_list",
	.sql = "SELECT issuer, shard, url, open, number, this_update, next_update, entries, octets, why, made_ms, pending, "
	       "extract(epoch FROM now() - this_update)::int8 AS age_s FROM ca.list_crls($1, nullif($2, -1))",
	.params = &list_params,
	.row = &crl_stand_fields,
	.repeatable = true,
};

struct der_row {
	struct bytes der;
};
static const struct field der_field[] = { FIELD(struct der_row, der) };
static const struct fields der_fields = FIELDS(struct der_row, der_field);

static const struct statement read_statement = {
	.name = "crl_read",
	.sql = "SELECT der FROM ca.read_crl($1, $2, nullif($3, 0))",
	.params = &read_params,
	.row = &der_fields,
	.repeatable = true,
};

struct asked_row {
	int64_t n;
};
static const struct field asked_field[] = { FIELD(struct asked_row, n) };
static const struct fields asked_fields = FIELDS(struct asked_row, asked_field);

/* Repeatable: who asks twice gets one. */
static const struct statement ask_statement = {
	.name = "crl_ask",
	.sql = "SELECT ca.ask_crls($1, nullif($2, -1), $3) AS n",
	.params = &ask_params,
	.row = &asked_fields,
	.repeatable = true,
};

const struct statement *const crl_statements[] = { &list_statement, &read_statement, &ask_statement };
const size_t crl_statements_n = COUNT_OF(crl_statements);

int crl_list(struct ctx *c, const struct crl_choice *choice, struct crl_stand_list *ret)
{
	const struct choice_params params = { .issuer = choice->issuer, .shard = choice->shard };
	TRY(db_rows(c, &list_statement, &params, (void *) &ret->v, &ret->n));
	return ret->n > 0 ? 0 : FAIL(c, NOT_FOUND, "There is no such CRL");
}

int crl_read(struct ctx *c, const struct crl_choice *choice, int64_t number, struct bytes *ret)
{
	const struct choice_params params = { .issuer = choice->issuer, .shard = choice->shard, .number = number };
	struct der_row row;
	bool found = false;
	TRY(db_row(c, &read_statement, &params, &row, &found));
	if (!found) {
		return FAIL(c, NOT_FOUND, "There is no such CRL");
	}
	*ret = row.der;
	return 0;
}

int crl_ask(struct ctx *c, const struct crl_choice *choice, const char *actor, int64_t *ret_n)
{
	const struct choice_params params = { .issuer = choice->issuer, .shard = choice->shard, .actor = actor };
	struct asked_row row;
	bool found = false;
	TRY(db_row(c, &ask_statement, &params, &row, &found));
	*ret_n = row.n;
	return 0;
}
