#include "ra/monitor_rows.h"

#include "lib/base/clock.h"
#include "ra/ra.h"

#define LEASE_S 120
#define DUE_AGAIN 64
#define DUE_AGAIN_S 300

struct take_params {
	struct bytes_list log_ids;
	struct text_list descriptions;
	const char *holder;
	int64_t lease_s;
};
static const struct field take_field[] = {
	FIELD(struct take_params, log_ids),
	FIELD(struct take_params, descriptions),
	FIELD(struct take_params, holder),
	FIELD(struct take_params, lease_s),
};
static const struct fields take_fields = FIELDS(struct take_params, take_field);

static const struct field monitored_field[] = {
	FIELD(struct monitored, log_id),
	FIELD(struct monitored, size),
	FIELD(struct monitored, edge),
	FIELD(struct monitored, head_at),
	FIELD(struct monitored, read_size),
	FIELD(struct monitored, read_edge),
	FIELD(struct monitored, target_size),
	FIELD(struct monitored, target_root),
	FIELD(struct monitored, target_at),
	FIELD(struct monitored, seen_at),
	FIELD(struct monitored, fault),
	FIELD(struct monitored, doubts),
	FIELD(struct monitored, doubt_at),
};
static const struct fields monitored_fields = FIELDS(struct monitored, monitored_field);

const struct statement ra_take_monitored_statement = {
	.name = "take_monitored",
	.sql = "SELECT log_id, size, edge, head_at, read_size, read_edge, target_size, target_root, target_at, seen_at, "
	       "fault, "
	       "doubts, doubt_at FROM ca.take_monitored($1, $2, $3, $4)",
	.params = &take_fields,
	.row = &monitored_fields,
};

/* So long after the end of its last certificates nobody needs a shard any more: not even for those that expired lately. */
static bool holds_ours(const struct ct_log *log, struct timestamp now)
{
	bool current = log->state == CT_QUALIFIED || log->state == CT_USABLE || log->state == CT_READONLY;
	return current && (log->until.us == 0 || log->until.us > now.us);
}

int monitor_take(
    struct ctx *c, const struct ct_log_list *logs, const char *holder, struct monitored *ret, bool *ret_found)
{
	struct take_params params = {
		.log_ids = { ARENA_ARRAY(c->arena, logs->n, struct bytes), 0 },
		.descriptions = { ARENA_ARRAY(c->arena, logs->n, const char *), 0 },
		.holder = holder,
		.lease_s = LEASE_S,
	};
	for (size_t i = 0; i < logs->n; i++) {
		if (holds_ours(&logs->v[i], clock_now())) {
			params.log_ids.v[params.log_ids.n++] = logs->v[i].id;
			params.descriptions.v[params.descriptions.n++] = logs->v[i].description;
		}
	}
	return db_row(c, &ra_take_monitored_statement, &params, ret, ret_found);
}

static const struct field note_field[] = {
	FIELD(struct monitored, log_id),
	FIELD(struct monitored, holder),
	FIELD(struct monitored, seen),
	FIELD(struct monitored, size),
	FIELD(struct monitored, edge),
	FIELD(struct monitored, head_at),
	FIELD(struct monitored, read_size),
	FIELD(struct monitored, read_edge),
	FIELD(struct monitored, target_size),
	FIELD(struct monitored, target_root),
	FIELD(struct monitored, target_at),
	FIELD(struct monitored, fault),
	FIELD(struct monitored, doubts),
	FIELD(struct monitored, doubt_at),
	FIELD(struct monitored, proof),
	FIELD(struct monitored, due_s),
};
static const struct fields note_fields = FIELDS(struct monitored, note_field);

/* Repeatable: who has noted a turn holds the log no more. */
const struct statement ra_note_monitored_statement = {
	.name = "note_monitored",
	.sql = "SELECT ca.note_monitored($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
	       "convert_from($15::bytea, 'UTF8')::jsonb, $16)",
	.params = &note_fields,
	.repeatable = true,
};

int monitor_note(struct ctx *c, const struct monitored *m)
{
	return db_run(c, &ra_note_monitored_statement, m);
}

static const struct field issuer_field[] = {
	FIELD(struct monitor_issuer, name),
	FIELD(struct monitor_issuer, certificate),
};
static const struct fields issuer_fields = FIELDS(struct monitor_issuer, issuer_field);

const struct statement ra_monitored_issuers_statement = {
	.name = "monitored_issuers",
	.sql = "SELECT name, certificate FROM ca.monitored_issuers()",
	.row = &issuer_fields,
	.repeatable = true,
};

int monitor_issuers(struct ctx *c, struct monitor_issuer **ret, size_t *ret_n)
{
	return db_rows(c, &ra_monitored_issuers_statement, NULL, ret, ret_n);
}

struct known_params {
	struct bytes_list serials;
};
static const struct field known_param[] = { FIELD(struct known_params, serials) };
static const struct fields known_params_fields = FIELDS(struct known_params, known_param);

static const struct field known_field[] = {
	FIELD(struct known_entry, serial),
	FIELD(struct known_entry, certificate_id),
	FIELD(struct known_entry, precertificate),
	FIELD(struct known_entry, der),
	FIELD(struct known_entry, sct_list),
};
static const struct fields known_fields = FIELDS(struct known_entry, known_field);

const struct statement ra_known_entries_statement = {
	.name = "known_entries",
	.sql = "SELECT serial, certificate_id, precertificate, der, sct_list FROM ca.known_entries($1)",
	.params = &known_params_fields,
	.row = &known_fields,
	.repeatable = true,
};

int monitor_known(struct ctx *c, const struct bytes_list *serials, struct known_entry **ret, size_t *ret_n)
{
	const struct known_params params = { *serials };
	return db_rows(c, &ra_known_entries_statement, &params, ret, ret_n);
}

struct told_row {
	bool told;
};
static const struct field told_field[] = { FIELD(struct told_row, told) };
static const struct fields told_fields = FIELDS(struct told_row, told_field);

static int run_told(struct ctx *c, const struct statement *s, const void *params, bool *ret_told)
{
	struct told_row row = { false };
	bool found = false;
	TRY(db_row(c, s, params, &row, &found));
	*ret_told = row.told;
	return 0;
}

static const struct field merged_field[] = {
	FIELD(struct merged, log_id),
	FIELD(struct merged, ids),
	FIELD(struct merged, indexes),
};
static const struct fields merged_fields = FIELDS(struct merged, merged_field);

const struct statement ra_note_merged_statement = {
	.name = "note_merged",
	.sql = "SELECT ca.note_merged($1, $2, $3) AS told",
	.params = &merged_fields,
	.row = &told_fields,
	.repeatable = true,
};

int monitor_merged(struct ctx *c, const struct merged *merged, bool *ret_told)
{
	*ret_told = false;
	return merged->ids.n == 0 ? 0 : run_told(c, &ra_note_merged_statement, merged, ret_told);
}

struct due_params {
	struct bytes log_id;
	struct timestamp before;
	int64_t fresh;
	int64_t again;
	int64_t again_s;
};
static const struct field due_param[] = {
	FIELD(struct due_params, log_id),
	FIELD(struct due_params, before),
	FIELD(struct due_params, fresh),
	FIELD(struct due_params, again),
	FIELD(struct due_params, again_s),
};
static const struct fields due_params_fields = FIELDS(struct due_params, due_param);

static const struct field due_field[] = {
	FIELD(struct sct_due, certificate_id),
	FIELD(struct sct_due, precertificate),
	FIELD(struct sct_due, sct_list),
	FIELD(struct sct_due, issuer),
	FIELD(struct sct_due, again),
};
static const struct fields due_fields = FIELDS(struct sct_due, due_field);

const struct statement ra_scts_due_statement = {
	.name = "scts_due",
	.sql = "SELECT certificate_id, precertificate, sct_list, issuer, again FROM ca.scts_due($1, $2, $3, $4, $5)",
	.params = &due_params_fields,
	.row = &due_fields,
	.repeatable = true,
};

int monitor_due(struct ctx *c, struct bytes log_id, struct timestamp before, struct sct_due **ret, size_t *ret_n)
{
	const struct due_params params = { log_id, before, MONITOR_DUE_NEW, DUE_AGAIN, DUE_AGAIN_S };
	return db_rows(c, &ra_scts_due_statement, &params, ret, ret_n);
}

static const struct field unproved_field[] = {
	FIELD(struct unproved, log_id),
	FIELD(struct unproved, certificate_id),
	FIELD(struct unproved, refused),
	FIELD(struct unproved, surely),
	FIELD(struct unproved, facts),
	FIELD(struct unproved, process),
};
static const struct fields unproved_fields = FIELDS(struct unproved, unproved_field);

/* A try may count twice when an answer was lost: what is asked for is an hour, too. */
const struct statement ra_note_unproved_statement = {
	.name = "note_unproved",
	.sql = "SELECT ca.note_unproved($1, $2, $3, $4, convert_from($5::bytea, 'UTF8')::jsonb, $6) AS told",
	.params = &unproved_fields,
	.row = &told_fields,
	.repeatable = true,
};

int monitor_unproved(struct ctx *c, const struct unproved *u, bool *ret_told)
{
	return run_told(c, &ra_note_unproved_statement, u, ret_told);
}

static const struct field foreign_field[] = {
	FIELD(struct foreign, log_id),
	FIELD(struct foreign, index),
	FIELD(struct foreign, issuer),
	FIELD(struct foreign, serial),
	FIELD(struct foreign, entry),
	FIELD(struct foreign, proved),
	FIELD(struct foreign, process),
};
static const struct fields foreign_fields = FIELDS(struct foreign, foreign_field);

const struct statement ra_note_foreign_statement = {
	.name = "note_foreign",
	.sql = "SELECT ca.note_foreign($1, $2, $3, $4, $5, $6, $7) AS told",
	.params = &foreign_fields,
	.row = &told_fields,
	.repeatable = true,
};

int monitor_foreign(struct ctx *c, const struct foreign *f, bool *ret_told)
{
	return run_told(c, &ra_note_foreign_statement, f, ret_told);
}

static const struct field state_field[] = {
	FIELD(struct monitor_state, faults),
	FIELD(struct monitor_state, missing),
	FIELD(struct monitor_state, strangers),
	FIELD(struct monitor_state, unmerged),
	FIELD(struct monitor_state, behind),
	FIELD(struct monitor_state, unproved),
};
static const struct fields state_fields = FIELDS(struct monitor_state, state_field);

const struct statement ra_monitor_state_statement = {
	.name = "monitor_state",
	.sql = "SELECT faults, missing, strangers, unmerged, behind, unproved FROM ca.monitor_state()",
	.row = &state_fields,
	.repeatable = true,
};

int monitor_state(struct ctx *c, struct monitor_state *ret)
{
	bool found = false;
	return db_row(c, &ra_monitor_state_statement, NULL, ret, &found);
}
