#include "wfe/sealed.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "lib/seal/tiles.h"
#include "wfe/statements.h"

#define PREFIX "/log/"
#define WITNESSED_PATH "/witness/checkpoints"
#define ADD_PATH "/witness/add-checkpoint"

struct checkpoint_row {
	const char *note;
};
static const struct field checkpoint_row_field[] = { FIELD(struct checkpoint_row, note, .flags = FIELD_REQUIRED) };
static const struct fields checkpoint_row_fields = FIELDS(struct checkpoint_row, checkpoint_row_field);

const struct statement sealed_find_checkpoint = {
	.name = "sealed_find_checkpoint",
	.sql = "SELECT note FROM front.log_checkpoint",
	.row = &checkpoint_row_fields,
	.repeatable = true,
};

/* The newest one that a witness has cosigned. */
const struct statement sealed_find_cosigned = {
	.name = "sealed_find_cosigned",
	.sql = "SELECT note FROM front.log_cosigned",
	.row = &checkpoint_row_fields,
	.repeatable = true,
};

const struct statement sealed_find_witnessed = {
	.name = "sealed_find_witnessed",
	.sql = "SELECT coalesce(string_agg(note, '' ORDER BY origin), '') AS note FROM front.log_witnessed",
	.row = &checkpoint_row_fields,
	.repeatable = true,
};

struct tile_lookup {
	int64_t level;
	int64_t n;
	int64_t width;
};
static const struct field tile_lookup_field[] = {
	FIELD(struct tile_lookup, level),
	FIELD(struct tile_lookup, n),
	FIELD(struct tile_lookup, width),
};
static const struct fields tile_lookup_fields = FIELDS(struct tile_lookup, tile_lookup_field);

struct tile_row {
	struct bytes hashes;
};
static const struct field tile_row_field[] = { FIELD(struct tile_row, hashes) };
static const struct fields tile_row_fields = FIELDS(struct tile_row, tile_row_field);

/* As far as the newest checkpoint covers it: what is not signed yet is nobody's business. */
const struct statement sealed_find_tile = {
	.name = "sealed_find_tile",
	.sql = "SELECT substr(t.hashes, 1, $3::int4 * 32) AS hashes FROM front.log_tile t, front.log_checkpoint c"
	       " WHERE t.level = $1 AND t.n = $2 AND t.n * 256 + $3 <= c.size >> (8 * $1::int4)",
	.params = &tile_lookup_fields,
	.row = &tile_row_fields,
	.repeatable = true,
};

static int not_found(struct http_request *r)
{
	return FAIL(&r->ctx, NOT_FOUND, "There is no such resource");
}

static int serve_checkpoint(struct http_request *r, const struct statement *which)
{
	struct checkpoint_row row;
	bool found = false;
	TRY(db_row(&r->ctx, which, NULL, &row, &found));
	if (!found) {
		return not_found(r);
	}
	http_reply_header(r, "Cache-Control", "public, max-age=1");
	http_reply(r, 200, "text/plain; charset=utf-8", bytes_of_text(row.note));
	return 0;
}

/* Neither tiles nor entries ever change. */
static int reply_octets(struct http_request *r, struct bytes octets)
{
	http_reply_header(r, "Cache-Control", "public, max-age=31536000, immutable");
	http_reply(r, 200, "application/octet-stream", octets);
	return 0;
}

static int serve_hashes(struct http_request *r, const struct tile *tile)
{
	const struct tile_lookup lookup = { tile->level, (int64_t) tile->n, tile->width };
	struct tile_row row;
	bool found = false;
	TRY(db_row(&r->ctx, &sealed_find_tile, &lookup, &row, &found));
	return found ? reply_octets(r, row.hashes) : not_found(r);
}

static int serve_entries(struct http_request *r, const struct tile *tile)
{
	const struct get_log_entries_request request = { (int64_t) tile->n, tile->width };
	struct get_log_entries_response response;
	TRY(rpc_subscriber_get_log_entries(&r->ctx, &request, &response));
	if (response.gone) {
		http_reply_header(r, "Cache-Control", "public, max-age=3600");
		http_reply(r, 410, "text/plain; charset=utf-8", bytes_of_text("Rows of these entries have been erased.\n"));
		return 0;
	}
	return reply_octets(r, response.entries);
}

int sealed_add_checkpoint(struct http_request *r)
{
	const struct add_checkpoint_request request = { r->body };
	struct add_checkpoint_response response;
	if (strcmp(r->path, ADD_PATH) != 0 || r->body.n > SEALED_ASK_MAX) {
		return not_found(r);
	}
	TRY(rpc_subscriber_add_checkpoint(&r->ctx, &request, &response));
	http_reply_header(r, "Cache-Control", "no-store");
	http_reply(r, (unsigned) response.status, response.status == 409 ? "text/x.tlog.size" : "text/plain; charset=utf-8",
	    bytes_of_text(response.text == NULL ? "" : response.text));
	return 0;
}

int sealed_serve(struct http_request *r)
{
	struct tile tile;
	if (strcmp(r->path, WITNESSED_PATH) == 0) {
		return serve_checkpoint(r, &sealed_find_witnessed);
	}
	if (strncmp(r->path, PREFIX, sizeof(PREFIX) - 1) != 0) {
		return not_found(r);
	}
	const char *path = r->path + sizeof(PREFIX) - 1;
	if (strcmp(path, "checkpoint") == 0) {
		return serve_checkpoint(r, &sealed_find_checkpoint);
	}
	if (strcmp(path, "cosigned") == 0) {
		return serve_checkpoint(r, &sealed_find_cosigned);
	}
	/* numbers beyond this can't be multiplied by the width of a tile */
	if (tile_parse(path, &tile) != 0 || tile.n > INT64_MAX / TILE_WIDTH - 1) {
		return not_found(r);
	}
	return tile.level == TILE_ENTRIES ? serve_entries(r, &tile) : serve_hashes(r, &tile);
}
