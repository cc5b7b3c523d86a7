/* What a log asks a witness (C2SP tlog-witness, style 25). Input: the body of add-checkpoint, then as a cosignature's line. */
#include <stdlib.h>
#include <string.h>

#include "lib/seal/cosign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct note_key key;
	struct cosign_ask ask;
	struct bytes in = { data, size };
	int64_t time_s = 0;
	ctx_init(&c);
	/* what was taken is written as the same question again */
	if (cosign_ask_parse(&c, in, &ask) == 0 && !bytes_equal(cosign_ask_encode(c.arena, &ask), in)) {
		abort();
	}
	ctx_forgive(&c);
	for (struct bytes note; note_take(&in, &note) == 0;) {
		if (note.n == 0) {
			abort();
		}
	}
	static const uint8_t public_key[NOTE_KEY_SIZE] = { 1 };
	key = (struct note_key) { .name = "w", .type = NOTE_COSIGNATURE };
	memcpy(key.public_key, public_key, sizeof(public_key));
	note_key_set_type(&key, NOTE_COSIGNATURE);
	/* only a holder of the key could make one that is taken */
	(void) (cosign_check(&c, &key, (struct bytes) { data, size }, (struct bytes) { data, size }, &time_s) == 0);
	ctx_done(&c);
	return 0;
}
