#include "lib/seal/tile_row.h"

struct tile_params {
	int64_t level;
	int64_t n;
};
static const struct field tile_param[] = {
	FIELD(struct tile_params, level),
	FIELD(struct tile_params, n),
};
static const struct fields tile_params_fields = FIELDS(struct tile_params, tile_param);

struct tile_row {
	struct bytes hashes;
};
static const struct field tile_row_field[] = { FIELD(struct tile_row, hashes) };
static const struct fields tile_row_fields = FIELDS(struct tile_row, tile_row_field);

const struct statement tile_row_statement = {
	.name = "read_tile",
	.sql = "SELECT hashes FROM log.tile WHERE level = $1 AND n = $2",
	.params = &tile_params_fields,
	.row = &tile_row_fields,
	.repeatable = true,
};

int tile_row_read(struct ctx *c, const struct tile *tile, struct bytes *ret, bool *ret_found)
{
	const struct tile_params params = { tile->level, (int64_t) tile->n };
	struct tile_row row = { .hashes = { NULL, 0 } };
	TRY(db_row(c, &tile_row_statement, &params, &row, ret_found));
	*ret = row.hashes;
	return 0;
}
