#include "subscriber/entries.h"

#include "lib/rpc/handlers.h"
#include "subscriber/sealer_rows.h"

static bool published;

void entries_publish(bool publish)
{
	published = publish;
}

int subscriber_get_log_entries_serve(
    struct ctx *c, const struct get_log_entries_request *in, struct get_log_entries_response *ret)
{
	const struct tile tile = { TILE_ENTRIES, (uint64_t) in->n, (unsigned) in->width };
	struct sealed_state state;
	if (!published || in->n < 0 || in->width < 1 || in->width > TILE_WIDTH) {
		return FAIL(c, NOT_FOUND, "There is no such resource");
	}
	TRY(sealer_read_state(c, &state));
	if (state.note == NULL || tile_width_in(TILE_ENTRIES, tile.n, (uint64_t) state.signed_size) < tile.width) {
		return FAIL(c, NOT_FOUND, "There is no such resource");
	}
	return sealer_read_entries(c, &tile, &ret->entries, &ret->gone);
}
