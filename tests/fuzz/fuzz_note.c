/* Signed notes, keys of logs, proofs and paths of tiles (style 25). Input: any of them. */
#include <stdlib.h>
#include <string.h>

#include "lib/seal/proof.h"
#include "lib/seal/tiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct note_key key;
	struct merkle_head head;
	struct tile tile;
	ctx_init(&c);
	const char *text = arena_text_n(c.arena, data, size);
	if (tile_parse(text, &tile) == 0 && strcmp(tile_path(c.arena, &tile), text) != 0) {
		abort();
	}
	if (note_key_parse(&c, text, &key) == 0 && strncmp(note_key_encode(c.arena, &key), text, 1) != 0) {
		abort();
	}
	ctx_forgive(&c);
	if (checkpoint_parse(&c, (struct bytes) { data, size }, NULL, &head) == 0 && head.size > 999999999999999999) {
		abort();
	}
	ctx_forgive(&c);
	static const char vkey[] = "log.example/log+6c55d3c2+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
	if (note_key_parse(&c, vkey, &key) != 0) {
		abort();
	}
	/* what was taken is written as the same proof again */
	struct proof proof;
	if (proof_parse(&c, (struct bytes) { data, size }, &proof) == 0 &&
	    !bytes_equal(proof_encode(c.arena, &proof), (struct bytes) { data, size })) {
		abort();
	}
	ctx_forgive(&c);
	/* only a holder of the key could make one that is taken */
	(void) (checkpoint_open(&c, &key, (struct bytes) { data, size }, &head) == 0);
	ctx_done(&c);
	return 0;
}
