#include "cli/revoke_rows.h"

#define WAVE_BATCH 500

static const struct field selector_field[] = {
	FIELD(struct revoke_selector, serial),
	FIELD(struct revoke_selector, der),
	FIELD(struct revoke_selector, spki_sha256),
	FIELD(struct revoke_selector, account_id),
};
static const struct fields selector_fields = FIELDS(struct revoke_selector, selector_field);

static const struct statement find_statement = {
	.name = "find_revocable",
	.sql = "SELECT certificates, accounts, expired, missing FROM acme.find_revocable($1, $2, $3, $4)",
	.params = &selector_fields,
	.row = &incident_found_fields,
	.repeatable = true,
};

struct look_params {
	struct id_list certificates;
	int64_t reason;
};
static const struct field look_param[] = {
	FIELD(struct look_params, certificates),
	FIELD(struct look_params, reason),
};
static const struct fields look_params_fields = FIELDS(struct look_params, look_param);

static const struct field look_field[] = {
	FIELD(struct revoke_look, certificates),
	FIELD(struct revoke_look, before),
	FIELD(struct revoke_look, accounts),
	FIELD(struct revoke_look, keys),
	FIELD(struct revoke_look, sample),
};
static const struct fields look_fields = FIELDS(struct revoke_look, look_field);

static const struct statement look_statement = {
	.name = "look_at_revocation",
	.sql = "SELECT certificates, before, accounts, keys, sample FROM acme.look_at_revocation($1, $2)",
	.params = &look_params_fields,
	.row = &look_fields,
	.repeatable = true,
};

static const struct field facts_field[] = {
	FIELD(struct revoke_facts, occasion),
	FIELD(struct revoke_facts, because),
	FIELD(struct revoke_facts, source),
	FIELD(struct revoke_facts, evidence),
	FIELD(struct revoke_facts, since),
};
const struct fields revoke_facts_fields = FIELDS(struct revoke_facts, facts_field);

struct batch_params {
	struct id_list certificates;
	int64_t reason;
	const char *actor;
	struct revoke_facts facts;
};
static const struct field batch_param[] = {
	FIELD(struct batch_params, certificates),
	FIELD(struct batch_params, reason),
	FIELD(struct batch_params, actor),
	FIELD_STRUCT(struct batch_params, facts, &revoke_facts_fields),
};
static const struct fields batch_params_fields = FIELDS(struct batch_params, batch_param);

struct count_row {
	int64_t n;
};
static const struct field count_row_field[] = { FIELD(struct count_row, n) };
static const struct fields count_row_fields = FIELDS(struct count_row, count_row_field);

static const struct statement batch_statement = {
	.name = "revoke_batch",
	.sql = "SELECT acme.revoke_batch($1, $2, $3, $4) AS n",
	.params = &batch_params_fields,
	.row = &count_row_fields,
	.repeatable = true,
};

struct key_params {
	struct bytes spki_sha256;
	const char *actor;
	struct revoke_facts facts;
};
static const struct field key_param[] = {
	FIELD(struct key_params, spki_sha256),
	FIELD(struct key_params, actor),
	FIELD_STRUCT(struct key_params, facts, &revoke_facts_fields),
};
static const struct fields key_params_fields = FIELDS(struct key_params, key_param);

struct key_row {
	bool blocked;
	int64_t certificates;
};
static const struct field key_row_field[] = {
	FIELD(struct key_row, blocked),
	FIELD(struct key_row, certificates),
};
static const struct fields key_row_fields = FIELDS(struct key_row, key_row_field);

static const struct statement key_statement = {
	.name = "block_key_by_operator",
	.sql = "SELECT blocked, certificates FROM acme.block_key_by_operator($1, $2, $3)",
	.params = &key_params_fields,
	.row = &key_row_fields,
	.repeatable = true,
};

struct ahead_params {
	struct id_list certificates;
	struct timestamp until;
	const char *actor;
	struct revoke_facts facts;
};
static const struct field ahead_param[] = {
	FIELD(struct ahead_params, certificates),
	FIELD(struct ahead_params, until),
	FIELD(struct ahead_params, actor),
	FIELD_STRUCT(struct ahead_params, facts, &revoke_facts_fields),
};
static const struct fields ahead_params_fields = FIELDS(struct ahead_params, ahead_param);

static const struct statement ahead_statement = {
	.name = "block_keys_ahead",
	.sql = "SELECT acme.block_keys_ahead($1, $2, $3, $4)",
	.params = &ahead_params_fields,
	.repeatable = true,
};

struct note_params {
	const char *kind;
	const char *actor;
	struct revoke_facts facts;
	int64_t reason;
	int64_t certificates;
};
static const struct field note_param[] = {
	FIELD(struct note_params, kind),
	FIELD(struct note_params, actor),
	FIELD_STRUCT(struct note_params, facts, &revoke_facts_fields),
	FIELD(struct note_params, reason),
	FIELD(struct note_params, certificates),
};
static const struct fields note_params_fields = FIELDS(struct note_params, note_param);

static const struct statement note_statement = {
	.name = "note_revocation",
	.sql = "SELECT acme.note_revocation($1, $2, $3::jsonb || jsonb_build_object('reason', $4::int8, 'certificates', "
	       "$5::int8))",
	.params = &note_params_fields,
};

struct order_params {
	struct id id;
	struct id_list certificates;
	const char *url;
	const char *source;
	struct timestamp opens;
	struct timestamp closes;
	int64_t waves;
	const char *actor;
	int64_t reason;
	const char *occasion;
	const char *because;
	struct timestamp due_at;
};
static const struct field order_param[] = {
	FIELD(struct order_params, id),
	FIELD(struct order_params, certificates),
	FIELD(struct order_params, url),
	FIELD(struct order_params, source),
	FIELD(struct order_params, opens),
	FIELD(struct order_params, closes),
	FIELD(struct order_params, waves),
	FIELD(struct order_params, actor),
	FIELD(struct order_params, reason),
	FIELD(struct order_params, occasion),
	FIELD(struct order_params, because),
	FIELD(struct order_params, due_at),
};
static const struct fields order_params_fields = FIELDS(struct order_params, order_param);

static const struct statement order_statement = {
	.name = "order_revocation",
	.sql = "SELECT acme.order_revocation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	.params = &order_params_fields,
};

struct waves_params {
	struct id id;
	int64_t most;
	const char *actor;
};
static const struct field waves_param[] = {
	FIELD(struct waves_params, id),
	FIELD(struct waves_params, most),
	FIELD(struct waves_params, actor),
};
static const struct fields waves_params_fields = FIELDS(struct waves_params, waves_param);

static const struct field state_field[] = {
	FIELD(struct revoke_state, revoked),
	FIELD(struct revoke_state, due),
	FIELD(struct revoke_state, waiting),
	FIELD(struct revoke_state, next_at),
	FIELD(struct revoke_state, due_at),
};
static const struct fields state_fields = FIELDS(struct revoke_state, state_field);

static const struct statement waves_statement = {
	.name = "revoke_waves",
	.sql = "SELECT revoked, due, waiting, next_at, due_at FROM acme.revoke_waves($1, $2, $3)",
	.params = &waves_params_fields,
	.row = &state_fields,
	.repeatable = true,
};

static const struct field order_field[] = {
	FIELD(struct revoke_order, id),
	FIELD(struct revoke_order, reason),
	FIELD(struct revoke_order, occasion),
	FIELD(struct revoke_order, because),
	FIELD(struct revoke_order, ordered_at),
	FIELD(struct revoke_order, ordered_by),
	FIELD(struct revoke_order, due_at),
	FIELD(struct revoke_order, ended_at),
	FIELD(struct revoke_order, called_off),
	FIELD(struct revoke_order, certificates),
	FIELD(struct revoke_order, left),
};
const struct fields revoke_order_fields = FIELDS(struct revoke_order, order_field);

static const struct statement list_statement = {
	.name = "list_revocations",
	.sql = "SELECT id, reason, occasion, because, ordered_at, ordered_by, due_at, ended_at, called_off, certificates, "
	       "\"left\" FROM acme.list_revocations()",
	.row = &revoke_order_fields,
	.repeatable = true,
};

const struct statement *const revoke_statements[] = {
	&find_statement,
	&incident_find_serials_statement,
	&incident_find_issued_statement,
	&look_statement,
	&batch_statement,
	&key_statement,
	&ahead_statement,
	&note_statement,
	&order_statement,
	&waves_statement,
	&list_statement,
};
const size_t revoke_statements_n = COUNT_OF(revoke_statements);

int revoke_find(struct ctx *c, const struct revoke_selector *s, struct incident_found *ret)
{
	bool found = false;
	return db_row(c, &find_statement, s, ret, &found);
}

int revoke_look(struct ctx *c, const struct id_list *certificates, int64_t reason, struct revoke_look *ret)
{
	const struct look_params params = { *certificates, reason };
	bool found = false;
	return db_row(c, &look_statement, &params, ret, &found);
}

int revoke_batch(struct ctx *c, const struct id_list *certificates, int64_t reason, const char *actor,
    const struct revoke_facts *facts, int64_t *ret_n)
{
	const struct batch_params params = { *certificates, reason, actor, *facts };
	struct count_row row;
	bool found = false;
	TRY(db_row(c, &batch_statement, &params, &row, &found));
	*ret_n = row.n;
	return 0;
}

int revoke_key(struct ctx *c, struct bytes spki_sha256, const char *actor, const struct revoke_facts *facts,
    bool *ret_blocked, int64_t *ret_n)
{
	const struct key_params params = { spki_sha256, actor, *facts };
	struct key_row row;
	bool found = false;
	TRY(db_row(c, &key_statement, &params, &row, &found));
	*ret_blocked = row.blocked;
	*ret_n = row.certificates;
	return 0;
}

int revoke_block_ahead(struct ctx *c, const struct id_list *certificates, struct timestamp until, const char *actor,
    const struct revoke_facts *facts)
{
	const struct ahead_params params = { *certificates, until, actor, *facts };
	return db_run(c, &ahead_statement, &params);
}

int revoke_note(struct ctx *c, const char *kind, const char *actor, const struct revoke_facts *facts, int64_t reason,
    int64_t certificates)
{
	const struct note_params params = { kind, actor, *facts, reason, certificates };
	return db_run(c, &note_statement, &params);
}

int revoke_order(struct ctx *c, const struct incident_wish *wish, const struct id_list *certificates,
    const struct revoke_why *why, struct id *ret_id)
{
	const struct order_params params = {
		.id = id_new(),
		.certificates = *certificates,
		.url = wish->url,
		.source = wish->source,
		.opens = wish->opens,
		.closes = wish->closes,
		.waves = wish->waves,
		.actor = why->actor,
		.reason = why->occasion->reason,
		.occasion = why->occasion->word,
		.because = why->because,
		.due_at = timestamp_add_s(clock_now(), why->occasion->within_s),
	};
	TRY(db_run(c, &order_statement, &params));
	*ret_id = params.id;
	return 0;
}

int revoke_waves(struct ctx *c, struct id id, const char *actor, struct revoke_state *ret)
{
	const struct waves_params params = { id, WAVE_BATCH, actor };
	bool found = false;
	return db_row(c, &waves_statement, &params, ret, &found);
}

int revoke_list(struct ctx *c, struct revoke_order_list *ret)
{
	return db_rows(c, &list_statement, NULL, (void *) &ret->v, &ret->n);
}
