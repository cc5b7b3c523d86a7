#include "ca/crl_rows.h"

#include "ca/ca.h"
#include "ca/statements.h"

#define CRL_LEASE_S 60 /* a CRL takes seconds; a revocation waits for so long at most when an instance dies over it */

struct states_params {
	struct text_list issuers;
};
static const struct field states_param[] = { FIELD(struct states_params, issuers) };
static const struct fields states_params_fields = FIELDS(struct states_params, states_param);

static const struct field state_field[] = {
	FIELD(struct crl_state, issuer),
	FIELD(struct crl_state, shard),
	FIELD(struct crl_state, url),
	FIELD(struct crl_state, number),
	FIELD(struct crl_state, this_update),
	FIELD(struct crl_state, next_update),
	FIELD(struct crl_state, regular_update),
	FIELD(struct crl_state, entries),
	FIELD(struct crl_state, made_ms),
	FIELD(struct crl_state, changed),
	FIELD(struct crl_state, asked),
};
static const struct fields state_fields = FIELDS(struct crl_state, state_field);

const struct statement crl_states = {
	.name = "crl_states",
	.sql = "SELECT issuer, shard, url, number, this_update, next_update, regular_update, entries, made_ms, changed, "
	       "asked FROM ca.crl_states($1)",
	.params = &states_params_fields,
	.row = &state_fields,
	.repeatable = true,
};

struct begin_crl_params {
	const char *issuer;
	int64_t shard;
	int64_t least;
	const char *holder;
	int64_t lease_s;
	const char *process;
};
static const struct field begin_param[] = {
	FIELD(struct begin_crl_params, issuer),
	FIELD(struct begin_crl_params, shard),
	FIELD(struct begin_crl_params, least),
	FIELD(struct begin_crl_params, holder),
	FIELD(struct begin_crl_params, lease_s),
	FIELD(struct begin_crl_params, process),
};
static const struct fields begin_params_fields = FIELDS(struct begin_crl_params, begin_param);

static const struct field begun_field[] = {
	FIELD(struct crl_begun, number),
	FIELD(struct crl_begun, covers_until),
};
static const struct fields crl_begun_fields = FIELDS(struct crl_begun, begun_field);

/* Repeatable: a second run takes one number more. */
const struct statement begin_crl = {
	.name = "crl_begin",
	.sql = "SELECT number, covers_until FROM ca.begin_crl($1, $2, $3, $4, $5, $6)",
	.params = &begin_params_fields,
	.row = &crl_begun_fields,
	.repeatable = true,
};

/* The first two of those above. */
static const struct fields shard_fields = {
	.name = "shard", .size = sizeof(struct begin_crl_params), .v = begin_param, .n = 2
};

static const struct field revoked_field[] = {
	FIELD(struct revoked, serials),
	FIELD(struct revoked, revoked_at),
	FIELD(struct revoked, reasons),
};
static const struct fields revoked_fields = FIELDS(struct revoked, revoked_field);

const struct statement read_revoked = {
	.name = "crl_read_revoked",
	.sql = "SELECT serials, revoked_at, reasons FROM ca.read_revoked($1, $2)",
	.params = &shard_fields,
	.row = &revoked_fields,
	.repeatable = true,
};

struct fix_params {
	const char *issuer;
	int64_t shard;
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	int64_t entries;
	struct timestamp covers_until;
	const char *why;
	struct bytes tbs_sha256;
	const char *holder;
	const char *process;
};
static const struct field fix_param[] = {
	FIELD(struct fix_params, issuer),
	FIELD(struct fix_params, shard),
	FIELD(struct fix_params, number),
	FIELD(struct fix_params, this_update),
	FIELD(struct fix_params, next_update),
	FIELD(struct fix_params, entries),
	FIELD(struct fix_params, covers_until),
	FIELD(struct fix_params, why),
	FIELD(struct fix_params, tbs_sha256),
	FIELD(struct fix_params, holder),
	FIELD(struct fix_params, process),
};
static const struct fields fix_params_fields = FIELDS(struct fix_params, fix_param);

/* Not repeatable: what became of it is told by the next look at the shard, which begins anew. */
const struct statement fix_crl = {
	.name = "crl_fix",
	.sql = "SELECT ca.fix_crl($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	.params = &fix_params_fields,
};

struct publish_params {
	const char *issuer;
	int64_t shard;
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	int64_t entries;
	struct timestamp covers_until;
	const char *why;
	int64_t made_ms;
	struct bytes der;
	int64_t tbs_at;
	int64_t tbs_n;
	const char *holder;
	const char *process;
};
static const struct field publish_param[] = {
	FIELD(struct publish_params, issuer),
	FIELD(struct publish_params, shard),
	FIELD(struct publish_params, number),
	FIELD(struct publish_params, this_update),
	FIELD(struct publish_params, next_update),
	FIELD(struct publish_params, entries),
	FIELD(struct publish_params, covers_until),
	FIELD(struct publish_params, why),
	FIELD(struct publish_params, made_ms),
	FIELD(struct publish_params, der),
	FIELD(struct publish_params, tbs_at),
	FIELD(struct publish_params, tbs_n),
	FIELD(struct publish_params, holder),
	FIELD(struct publish_params, process),
};
static const struct fields publish_params_fields = FIELDS(struct publish_params, publish_param);

const struct statement publish_crl = {
	.name = "crl_publish",
	.sql = "SELECT ca.publish_crl($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
	.params = &publish_params_fields,
};

int crl_states_read(struct ctx *c, const struct text_list *issuers, struct crl_state_list *ret)
{
	const struct states_params params = { *issuers };
	return db_rows(c, &crl_states, &params, (void *) &ret->v, &ret->n);
}

int crl_begin(struct ctx *c, const struct crl_state *shard, struct crl_begun *ret, bool *ret_taken)
{
	const struct begin_crl_params params = { shard->issuer, shard->shard, clock_now().us, ca.place, CRL_LEASE_S,
		ca.process };
	return db_row(c, &begin_crl, &params, ret, ret_taken);
}

int crl_read_revoked(struct ctx *c, const struct crl_state *shard, struct revoked *ret)
{
	const struct begin_crl_params params = { .issuer = shard->issuer, .shard = shard->shard };
	bool found = false;
	return db_row(c, &read_revoked, &params, ret, &found);
}

int crl_fix(struct ctx *c, const struct crl_state *shard, const struct crl_record *record)
{
	const struct fix_params params = {
		.issuer = shard->issuer,
		.shard = shard->shard,
		.number = record->number,
		.this_update = record->this_update,
		.next_update = record->next_update,
		.entries = record->entries,
		.covers_until = record->covers_until,
		.why = record->why,
		.tbs_sha256 = record->tbs_sha256,
		.holder = ca.place,
		.process = ca.process,
	};
	return db_run(c, &fix_crl, &params);
}

int crl_publish(struct ctx *c, const struct crl_state *shard, const struct crl_record *record)
{
	const struct publish_params params = {
		.issuer = shard->issuer,
		.shard = shard->shard,
		.number = record->number,
		.this_update = record->this_update,
		.next_update = record->next_update,
		.entries = record->entries,
		.covers_until = record->covers_until,
		.why = record->why,
		.made_ms = record->made_ms,
		.der = record->der,
		.tbs_at = record->tbs_at,
		.tbs_n = record->tbs_n,
		.holder = ca.place,
		.process = ca.process,
	};
	return db_run(c, &publish_crl, &params);
}
