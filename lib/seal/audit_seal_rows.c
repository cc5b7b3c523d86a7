#include "lib/seal/audit_seal_rows.h"

#include <string.h>

#include "lib/seal/audit_erased.h"
#include "lib/seal/leaf.h"
#include "lib/seal/tile_row.h"

#define LATE_MS 600000
#define STRAYS_PAGE 50000

static const struct field state_field[] = {
	FIELD(struct audit_state, size),
	FIELD(struct audit_state, root, .flags = FIELD_REQUIRED),
	FIELD(struct audit_state, checkpoints),
	FIELD(struct audit_state, signed_size),
	FIELD(struct audit_state, note),
	FIELD(struct audit_state, key),
	FIELD(struct audit_state, unsigned_id),
};
static const struct fields state_fields = FIELDS(struct audit_state, state_field);

static const struct statement state_statement = {
	.name = "audit_state",
	.sql = "SELECT t.size, t.root, (SELECT count(*) FROM (SELECT FROM log.checkpoint LIMIT 1) k) AS checkpoints, "
	       "c.size AS signed_size, c.note,"
	       " c.key, (SELECT l.row_id FROM log.leaf l WHERE l.leaf = c.size AND c.size < t.size LIMIT 1) AS unsigned_id "
	       "FROM"
	       " log.tree t"
	       " LEFT JOIN LATERAL (SELECT * FROM log.checkpoint ORDER BY size DESC LIMIT 1) c ON true",
	.row = &state_fields,
	.repeatable = true,
};

int audit_read_state(struct ctx *c, struct audit_state *ret)
{
	bool found = false;
	TRY(db_row(c, &state_statement, NULL, ret, &found));
	return found ? 0 : FAIL(c, MALFORMED, "The log has no tree: the row of log.tree is gone");
}

static const struct field range_param[] = {
	FIELD(struct audit_numbers, from),
	FIELD(struct audit_numbers, to),
};
static const struct fields range_params_fields = FIELDS(struct audit_numbers, range_param);

static const struct field leaf_field[] = {
	FIELD(struct audit_leaf, leaf),
	FIELD(struct audit_leaf, kind),
	FIELD(struct audit_leaf, id),
	FIELD(struct audit_leaf, line),
	FIELD(struct audit_leaf, commitments),
	FIELD(struct audit_leaf, salt),
	FIELD(struct audit_leaf, v1),
	FIELD(struct audit_leaf, v2),
	FIELD(struct audit_leaf, v3),
	FIELD(struct audit_leaf, v4),
	FIELD(struct audit_leaf, v5),
	FIELD(struct audit_leaf, v6),
	FIELD(struct audit_leaf, v7),
};
static const struct fields leaf_fields = FIELDS(struct audit_leaf, leaf_field);

/* The values as lib/crypto/commitment.h wants them. */
static const struct statement leaves_statement = {
	.name = "audit_leaves",
	.sql = "SELECT l.leaf, l.kind, l.row_id AS id, " LEAF_LINE("l.kind",
	    "l.row_id") " AS line, c.commitments, p.salt, p.v1, p.v2, p.v3, p.v4, p.v5, p.v6, p.v7 FROM log.leaf l"
	                " LEFT JOIN LATERAL (SELECT r.commitments FROM log.request r WHERE l.kind = 1 AND r.id = l.row_id"
	                " UNION ALL SELECT r.commitments FROM log.validation r WHERE l.kind = 2 AND r.id = l.row_id) c ON "
	                "true"
	                " LEFT JOIN LATERAL (SELECT q.salt, convert_to(host(q.remote_address), 'UTF8') AS v1,"
	                " convert_to(q.remote_port::text, 'UTF8') AS v2, convert_to(q.user_agent, 'UTF8') AS v3,"
	                " convert_to(q.accept_language, 'UTF8') AS v4, q.body AS v5, q.reply AS v6, convert_to(q.headers, "
	                "'UTF8') AS v7"
	                " FROM log.request_private q WHERE l.kind = 1 AND q.id = l.row_id"
	                " UNION ALL SELECT q.salt, convert_to(q.resolutions, 'UTF8'), convert_to(q.attempts, 'UTF8'), "
	                "NULL, NULL, NULL, NULL,"
	                " NULL FROM log.validation_private q WHERE l.kind = 2 AND q.id = l.row_id) p ON true"
	                " WHERE l.leaf >= $1 AND l.leaf < $2 ORDER BY l.leaf, l.kind, l.row_id",
	.params = &range_params_fields,
	.row = &leaf_fields,
	.repeatable = true,
};

/* clang-format off */
static const struct statement facts_statement = {
	.name = "audit_facts",
	.sql = "SELECT l.leaf, l.kind, l.row_id AS id, " LEAF_LINE("l.kind", "l.row_id") " AS line, "
	       "CASE WHEN EXISTS (SELECT FROM log.request_private q WHERE l.kind = 1 AND q.id = l.row_id) OR EXISTS (SELECT FROM "
	       "log.validation_private q WHERE l.kind = 2 AND q.id = l.row_id) THEN ''::bytea END AS salt FROM log.leaf l "
	       "WHERE l.leaf >= $1 AND l.leaf < $2 ORDER BY l.leaf, l.kind, l.row_id",
	.params = &range_params_fields,
	.row = &leaf_fields,
	.repeatable = true,
};
/* clang-format on */

int audit_read_leaves(struct ctx *c, const struct audit_numbers *range, bool facts_only, struct audit_leaf_list *ret)
{
	return db_rows(c, facts_only ? &facts_statement : &leaves_statement, range, (void *) &ret->v, &ret->n);
}

static const struct field checkpoint_field[] = {
	FIELD(struct audit_checkpoint, size),
	FIELD(struct audit_checkpoint, root),
	FIELD(struct audit_checkpoint, note),
	FIELD(struct audit_checkpoint, key),
};
static const struct fields checkpoint_fields = FIELDS(struct audit_checkpoint, checkpoint_field);

static const struct statement checkpoints_statement = {
	.name = "audit_checkpoints",
	.sql = "SELECT size, root, note, key FROM log.checkpoint WHERE size > $1 ORDER BY size LIMIT $2",
	.params = &range_params_fields,
	.row = &checkpoint_fields,
	.repeatable = true,
};

int audit_read_checkpoints(struct ctx *c, int64_t above, int64_t most, struct audit_checkpoint_list *ret)
{
	const struct audit_numbers params = { above, most };
	return db_rows(c, &checkpoints_statement, &params, (void *) &ret->v, &ret->n);
}

struct strays_params {
	int64_t most;
	struct id after;
};
static const struct field strays_param[] = {
	FIELD(struct strays_params, most),
	FIELD(struct strays_params, after),
};
static const struct fields strays_params_fields = FIELDS(struct strays_params, strays_param);

static const struct field stray_field[] = {
	FIELD(struct audit_stray, what),
	FIELD(struct audit_stray, kind),
	FIELD(struct audit_stray, id),
	FIELD(struct audit_stray, leaf),
};
static const struct fields stray_fields = FIELDS(struct audit_stray, stray_field);

/* A page of a table by its ids, with its own end as the last row. One statement, hence one moment: what is added meanwhile is not
 * in it. */
/* clang-format off */
#define PAGE(table, body) \
	"WITH page AS MATERIALIZED (SELECT r.id FROM " table " r WHERE r.id > " \
	"coalesce($2, '00000000-0000-0000-0000-000000000000') ORDER BY r.id LIMIT $1) " body \
	" UNION ALL SELECT 'page', 0, (SELECT p.id FROM page p ORDER BY p.id DESC LIMIT 1), (SELECT count(*) FROM page)"
#define UNSEALED(kind, table) \
	PAGE(table, "SELECT 'inserted' AS what, " kind " AS kind, p.id, -1::int8 AS leaf FROM page p WHERE NOT EXISTS (SELECT FROM " \
	"log.leaf l WHERE l.row_id = p.id AND l.kind = " kind ") AND NOT EXISTS (SELECT FROM log.unsealed u WHERE u.id = p.id AND " \
	"u.kind = " kind ")")
#define ORPHANS(kind, table, private) \
	PAGE(private, "SELECT 'orphan' AS what, " kind " AS kind, p.id, -1::int8 AS leaf FROM page p WHERE NOT EXISTS (SELECT FROM " \
	table " r WHERE r.id = p.id)")
#define STRAYS(text) \
	{ .name = "audit_strays_" #text, .sql = STRAYS_##text, .params = &strays_params_fields, .row = &stray_fields, .repeatable = true }
#define STRAYS_requests UNSEALED("1", "log.request")
#define STRAYS_validations UNSEALED("2", "log.validation")
#define STRAYS_events UNSEALED("3", "log.event")
#define STRAYS_private_requests ORPHANS("1", "log.request", "log.request_private")
#define STRAYS_private_validations ORPHANS("2", "log.validation", "log.validation_private")
#define STRAYS_leaves \
	"SELECT 'waiting' AS what, u.kind, u.id, -1::int8 AS leaf FROM log.unsealed u WHERE u.id < $2" \
	" UNION ALL SELECT 'beyond', l.kind, l.row_id, l.leaf FROM log.leaf l WHERE l.leaf < 0 OR l.leaf >= (SELECT t.size FROM log.tree t)" \
	" LIMIT $1"
/* clang-format on */

static const struct statement strays_statements[AUDIT_STRAY_KINDS] = {
	STRAYS(requests),
	STRAYS(validations),
	STRAYS(events),
	STRAYS(private_requests),
	STRAYS(private_validations),
	STRAYS(leaves),
};

static struct id audit_late_id(void)
{
	struct id id = { { 0 } };
	uint64_t ms = (uint64_t) clock_now().us / 1000 - LATE_MS;
	for (size_t i = 0; i < 6; i++) {
		id.b[i] = (uint8_t) (ms >> (8 * (5 - i)));
	}
	return id;
}

bool audit_is_late(const struct audit_state *state)
{
	const struct id late = audit_late_id();
	return !id_is_none(state->unsigned_id) && memcmp(&state->unsigned_id, &late, sizeof(late)) < 0;
}

int audit_read_strays(struct ctx *c, size_t kind, struct id *after, struct audit_stray_list *ret, bool *ret_more)
{
	bool pages = kind < AUDIT_STRAY_KINDS - 1;
	const struct strays_params params = { STRAYS_PAGE, pages ? *after : audit_late_id() };
	TRY(db_rows(c, &strays_statements[kind], &params, (void *) &ret->v, &ret->n));
	*ret_more = false;
	if (pages && ret->n > 0) {
		const struct audit_stray *end = &ret->v[--ret->n];
		*after = end->id;
		*ret_more = end->leaf == STRAYS_PAGE;
	}
	return 0;
}

struct number_row {
	int64_t number;
};
static const struct field number_field[] = { FIELD(struct number_row, number) };
static const struct fields number_fields = FIELDS(struct number_row, number_field);

static const struct statement waiting_statement = {
	.name = "audit_waiting",
	.sql = "SELECT count(*) AS number FROM log.unsealed",
	.row = &number_fields,
	.repeatable = true,
};

int audit_count_waiting(struct ctx *c, int64_t *ret)
{
	struct number_row row;
	bool found = false;
	TRY(db_row(c, &waiting_statement, NULL, &row, &found));
	*ret = row.number;
	return 0;
}

struct row_params {
	int64_t kind;
	const char *row;
};
static const struct field row_param[] = {
	FIELD(struct row_params, kind),
	FIELD(struct row_params, row),
};
static const struct fields row_params_fields = FIELDS(struct row_params, row_param);

static const struct statement find_leaf_statement = {
	.name = "audit_find_leaf",
	.sql = "SELECT leaf AS number FROM log.leaf WHERE kind = $1 AND row_id = $2::uuid",
	.params = &row_params_fields,
	.row = &number_fields,
	.repeatable = true,
};

int audit_find_leaf(struct ctx *c, int64_t kind, const char *row, int64_t *ret)
{
	const struct row_params params = { kind, row };
	struct number_row found_row;
	bool found = false;
	TRY(db_row(c, &find_leaf_statement, &params, &found_row, &found));
	*ret = found ? found_row.number : -1;
	return 0;
}

static int read_tile(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	(void) arg;
	bool found = false;
	TRY(tile_row_read(c, tile, ret, &found));
	return found ? 0 : FAIL(c, MALFORMED, "Tile %d/%llu is gone", tile->level, (unsigned long long) tile->n);
}

struct tile_source audit_tiles(void)
{
	return (struct tile_source) { .read = read_tile };
}

const struct statement *const audit_facts_statements[] = {
	&state_statement,
	&facts_statement,
	&checkpoints_statement,
	&strays_statements[0],
	&strays_statements[1],
	&strays_statements[2],
	&strays_statements[3],
	&strays_statements[4],
	&strays_statements[5],
	&waiting_statement,
	&audit_erasures_statement,
};
const size_t audit_facts_statements_n = COUNT_OF(audit_facts_statements);

const struct statement *const audit_seal_statements[] = {
	&state_statement,
	&leaves_statement,
	&checkpoints_statement,
	&strays_statements[0],
	&strays_statements[1],
	&strays_statements[2],
	&strays_statements[3],
	&strays_statements[4],
	&strays_statements[5],
	&waiting_statement,
	&audit_erasures_statement,
	&find_leaf_statement,
	&tile_row_statement,
};
const size_t audit_seal_statements_n = COUNT_OF(audit_seal_statements);
