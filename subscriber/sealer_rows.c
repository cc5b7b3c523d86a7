#include "subscriber/sealer_rows.h"

#include <string.h>

#include "lib/base/buffer.h"
#include "lib/seal/leaf.h"
#include "lib/seal/tile_row.h"

struct most_params {
	int64_t most;
};
static const struct field most_param[] = { FIELD(struct most_params, most) };
static const struct fields most_params_fields = FIELDS(struct most_params, most_param);

static const struct field unsealed_field[] = {
	FIELD(struct unsealed_row, place, .flags = FIELD_REQUIRED),
	FIELD(struct unsealed_row, kind, .flags = FIELD_REQUIRED),
	FIELD(struct unsealed_row, id, .flags = FIELD_REQUIRED),
	FIELD(struct unsealed_row, line),
};
static const struct fields unsealed_fields = FIELDS(struct unsealed_row, unsealed_field);

static const struct statement read_unsealed_statement = {
	.name = "read_unsealed",
	.sql = "WITH q AS MATERIALIZED (SELECT u.ctid::text AS place, u.kind, u.id FROM log.unsealed u LIMIT $1)"
	       " SELECT q.place, q.kind, q.id, " LEAF_LINE("q.kind", "q.id") " AS line FROM q ORDER BY q.id, q.kind",
	.params = &most_params_fields,
	.row = &unsealed_fields,
	.repeatable = true,
};

int sealer_read_unsealed(struct ctx *c, int64_t most, struct unsealed_list *ret)
{
	const struct most_params params = { most };
	return db_rows(c, &read_unsealed_statement, &params, (void *) &ret->v, &ret->n);
}

static const struct field sequence_field[] = {
	FIELD(struct sequence, holder),
	FIELD(struct sequence, from),
	FIELD(struct sequence, places),
	FIELD(struct sequence, kinds),
	FIELD(struct sequence, ids),
	FIELD(struct sequence, levels),
	FIELD(struct sequence, numbers),
	FIELD(struct sequence, tiles),
	FIELD(struct sequence, root),
};
static const struct fields sequence_fields = FIELDS(struct sequence, sequence_field);

static const struct statement sequence_statement = {
	.name = "sequence",
	.sql = "SELECT log.sequence($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	.params = &sequence_fields,
};

int sealer_sequence(struct ctx *c, const struct sequence *sequence)
{
	return db_run(c, &sequence_statement, sequence);
}

static const struct field state_field[] = {
	FIELD(struct sealed_state, size),
	FIELD(struct sealed_state, root, .flags = FIELD_REQUIRED),
	FIELD(struct sealed_state, signed_size),
	FIELD(struct sealed_state, signed_root),
	FIELD(struct sealed_state, note),
	FIELD(struct sealed_state, key),
};
static const struct fields state_fields = FIELDS(struct sealed_state, state_field);

static const struct statement read_state_statement = {
	.name = "read_seal_state",
	.sql = "SELECT t.size, t.root, c.size AS signed_size, c.root AS signed_root, c.note, c.key FROM log.tree t"
	       " LEFT JOIN LATERAL (SELECT * FROM log.checkpoint ORDER BY size DESC LIMIT 1) c ON true",
	.row = &state_fields,
	.repeatable = true,
};

int sealer_read_state(struct ctx *c, struct sealed_state *ret)
{
	bool found = false;
	TRY(db_row(c, &read_state_statement, NULL, ret, &found));
	return found && ret->root.n == SHA256_SIZE ? 0 : ctx_fault(c, "log.tree has no row");
}

static const struct field published_field[] = {
	FIELD(struct published, holder),
	FIELD(struct published, size),
	FIELD(struct published, root),
	FIELD(struct published, note),
	FIELD(struct published, key),
};
static const struct fields published_fields = FIELDS(struct published, published_field);

static const struct statement publish_statement = {
	.name = "publish_checkpoint",
	.sql = "SELECT log.publish_checkpoint($1, $2, $3, $4, $5)",
	.params = &published_fields,
};

int sealer_publish(struct ctx *c, const struct published *checkpoint)
{
	return db_run(c, &publish_statement, checkpoint);
}

static int read_tile(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	(void) arg;
	bool found = false;
	TRY(tile_row_read(c, tile, ret, &found));
	return found ? 0 : ctx_fault(c, "tile %d/%llu is gone", tile->level, (unsigned long long) tile->n);
}

struct tile_source sealer_tiles(void)
{
	return (struct tile_source) { .read = read_tile };
}

struct entries_params {
	int64_t from;
	int64_t to;
};
static const struct field entries_param[] = {
	FIELD(struct entries_params, from),
	FIELD(struct entries_params, to),
};
static const struct fields entries_params_fields = FIELDS(struct entries_params, entries_param);

/* A row of the leaf's number is missing when the whole part of the log was dropped. An empty line: the entry is withheld. */
static const struct statement read_entries_statement = {
	.name = "read_entries",
	.sql = "SELECT '' AS place, l.kind, l.row_id AS id, CASE WHEN log.is_withheld(l.kind, l.row_id) THEN '' "
	       "ELSE " LEAF_LINE(
	           "l.kind", "l.row_id") " END AS line FROM log.leaf l WHERE l.leaf >= $1 AND l.leaf < $2 ORDER BY l.leaf",
	.params = &entries_params_fields,
	.row = &unsealed_fields,
	.repeatable = true,
};

int sealer_read_entries(struct ctx *c, const struct tile *tile, struct bytes *ret_entries, bool *ret_gone)
{
	struct unsealed_list rows;
	int64_t from = (int64_t) tile->n * TILE_WIDTH;
	const struct entries_params params = { from, from + tile->width };
	TRY(db_rows(c, &read_entries_statement, &params, (void *) &rows.v, &rows.n));
	struct bytes hashes;
	const struct tile beside = { 0, tile->n, tile->width };
	TRY(read_tile(c, NULL, &beside, &hashes));
	struct buffer b;
	buffer_init(&b, c->arena, rows.n * 1024);
	bool gone = rows.n != tile->width || hashes.n < rows.n * SHA256_SIZE;
	for (size_t i = 0; i < rows.n && !gone; i++) {
		bool withheld = rows.v[i].line != NULL && rows.v[i].line[0] == '\0';
		struct bytes entry =
		    withheld ? (struct bytes) { NULL, 0 } : leaf_entry(c->arena, rows.v[i].kind, rows.v[i].id, rows.v[i].line);
		const uint8_t length[] = { (uint8_t) (entry.n >> 8), (uint8_t) entry.n };
		buffer_add(&b, length, sizeof(length));
		buffer_add(&b, entry.p, entry.n);
		struct merkle_hash hash;
		merkle_leaf(entry, &hash);
		gone = rows.v[i].line == NULL && memcmp(hash.b, hashes.p + i * SHA256_SIZE, SHA256_SIZE) != 0;
	}
	*ret_entries = gone ? (struct bytes) { NULL, 0 } : buffer_bytes(&b);
	*ret_gone = gone;
	return 0;
}

const struct statement *const sealer_statements[] = {
	&read_unsealed_statement,
	&sequence_statement,
	&read_state_statement,
	&publish_statement,
	&tile_row_statement,
	&read_entries_statement,
};
const size_t sealer_n_statements = COUNT_OF(sealer_statements);
