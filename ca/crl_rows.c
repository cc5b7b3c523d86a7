#include "ca/crl_rows.h"

#include <string.h>

#include "ca/ca.h"
#include "ca/statements.h"

#define PIECE 50000 /* entries, a fraction of a second */

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

struct piece_params {
	const char *issuer;
	int64_t shard;
	struct bytes after;
	int64_t most;
};
static const struct field piece_param[] = {
	FIELD(struct piece_params, issuer),
	FIELD(struct piece_params, shard),
	FIELD(struct piece_params, after),
	FIELD(struct piece_params, most),
};
static const struct fields piece_fields = FIELDS(struct piece_params, piece_param);

static const struct field revoked_field[] = {
	FIELD(struct revoked, serials),
	FIELD(struct revoked, revoked_at),
	FIELD(struct revoked, reasons),
};
static const struct fields revoked_fields = FIELDS(struct revoked, revoked_field);

const struct statement read_revoked = {
	.name = "crl_read_revoked",
	.sql = "SELECT serials, revoked_at, reasons FROM ca.read_revoked($1, $2, $3, $4)",
	.params = &piece_fields,
	.row = &revoked_fields,
	.repeatable = true,
};

struct record_params {
	const char *issuer;
	int64_t shard;
	struct crl_record record;
	const char *holder;
	const char *process;
};

/* What both steps of a record begin with. */
#define RECORD_FIELDS \
	FIELD(struct record_params, issuer), FIELD(struct record_params, shard), FIELD(struct record_params, holder), \
	    FIELD(struct record_params, process), FIELD(struct record_params, record.number), \
	    FIELD(struct record_params, record.this_update), FIELD(struct record_params, record.next_update), \
	    FIELD(struct record_params, record.entries), FIELD(struct record_params, record.covers_until), \
	    FIELD(struct record_params, record.why)

static const struct field fix_param[] = { RECORD_FIELDS, FIELD(struct record_params, record.tbs_sha256) };
static const struct fields fix_params_fields = FIELDS(struct record_params, fix_param);

/* Not repeatable: what became of it is told by the next look at the shard, which begins anew. */
const struct statement fix_crl = {
	.name = "crl_fix",
	.sql = "SELECT ca.fix_crl($1, $2, $5, $6, $7, $8, $9, $10, $11, $3, $4)",
	.params = &fix_params_fields,
};

static const struct field publish_param[] = {
	RECORD_FIELDS,
	FIELD(struct record_params, record.made_ms),
	FIELD(struct record_params, record.der),
	FIELD(struct record_params, record.tbs_at),
	FIELD(struct record_params, record.tbs_n),
};
static const struct fields publish_params_fields = FIELDS(struct record_params, publish_param);

const struct statement publish_crl = {
	.name = "crl_publish",
	.sql = "SELECT ca.publish_crl($1, $2, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $3, $4)",
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

static void append(struct ctx *c, struct revoked *all, size_t *room, const struct revoked *piece)
{
	size_t n = all->serials.n;
	size_t more = piece->serials.n;
	if (more == 0) { /* and no arrays that could be copied from */
		return;
	}
	if (n + more > *room) {
		struct revoked old = *all;
		*room = *room * 2 > n + more ? *room * 2 : n + more;
		all->serials.v = ARENA_ARRAY(c->arena, *room, struct bytes);
		all->revoked_at.v = ARENA_ARRAY(c->arena, *room, int64_t);
		all->reasons.v = ARENA_ARRAY(c->arena, *room, int64_t);
		if (n > 0) {
			memcpy(all->serials.v, old.serials.v, n * sizeof(*old.serials.v));
			memcpy(all->revoked_at.v, old.revoked_at.v, n * sizeof(*old.revoked_at.v));
			memcpy(all->reasons.v, old.reasons.v, n * sizeof(*old.reasons.v));
		}
	}
	memcpy(all->serials.v + n, piece->serials.v, more * sizeof(*piece->serials.v));
	memcpy(all->revoked_at.v + n, piece->revoked_at.v, more * sizeof(*piece->revoked_at.v));
	memcpy(all->reasons.v + n, piece->reasons.v, more * sizeof(*piece->reasons.v));
	all->serials.n = all->revoked_at.n = all->reasons.n = n + more;
}

int crl_read_revoked(struct ctx *c, const struct crl_state *shard, struct revoked *ret)
{
	size_t room = (size_t) (shard->entries < 0 ? 0 : shard->entries) + PIECE;
	struct revoked all = {
		.serials = { ARENA_ARRAY(c->arena, room, struct bytes), 0 },
		.revoked_at = { ARENA_ARRAY(c->arena, room, int64_t), 0 },
		.reasons = { ARENA_ARRAY(c->arena, room, int64_t), 0 },
	};
	struct piece_params params = { shard->issuer, shard->shard, { (const uint8_t *) "", 0 }, PIECE };
	struct revoked piece;
	do {
		bool found = false;
		TRY(db_row(c, &read_revoked, &params, &piece, &found));
		if (!found || piece.revoked_at.n != piece.serials.n || piece.reasons.n != piece.serials.n) {
			return ctx_fault(c, "the lists of revoked certificates differ in length");
		}
		append(c, &all, &room, &piece);
		if (piece.serials.n > 0) {
			params.after = piece.serials.v[piece.serials.n - 1];
		}
	} while (piece.serials.n == PIECE);
	*ret = all;
	return 0;
}

static int run_record(
    struct ctx *c, const struct statement *statement, const struct crl_state *shard, const struct crl_record *record)
{
	const struct record_params params = { shard->issuer, shard->shard, *record, ca.place, ca.process };
	return db_run(c, statement, &params);
}

int crl_fix(struct ctx *c, const struct crl_state *shard, const struct crl_record *record)
{
	return run_record(c, &fix_crl, shard, record);
}

int crl_publish(struct ctx *c, const struct crl_state *shard, const struct crl_record *record)
{
	return run_record(c, &publish_crl, shard, record);
}
