/* A tile of the log as the database keeps it. */
#ifndef CAIRN_SEAL_TILE_ROW_H
#define CAIRN_SEAL_TILE_ROW_H

#include "lib/db/db.h"
#include "lib/seal/tiles.h"

/* Among the statements of each program that reads tiles. */
extern const struct statement tile_row_statement;

/* The hashes of the tile, all that there are; ret_found false: there is no such row. Fails as db_row does. */
int tile_row_read(struct ctx *c, const struct tile *tile, struct bytes *ret, bool *ret_found) MUST_CHECK;

#endif
