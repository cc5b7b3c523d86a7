/* link: wfe */
/* A record of the spool, whose checksum says nothing against somebody who wrote it on purpose (style 25). */
#include <stdlib.h>

#include "wfe/record.h"

static void check_begin(struct arena *a, struct bytes in)
{
	struct record_begin begin;
	if (record_parse_begin(in, &begin) != 0) {
		return;
	}
	struct bytes again = record_encode_begin(a, &begin);
	if (record_parse_begin(again, &begin) != 0 || !bytes_equal(again, record_encode_begin(a, &begin))) {
		abort(); /* what is read can be written */
	}
}

static void check_end(struct arena *a, struct bytes in)
{
	struct record_end end;
	if (record_parse_end(in, &end) != 0) {
		return;
	}
	struct bytes again = record_encode_end(a, &end);
	if (record_parse_end(again, &end) != 0 || !bytes_equal(again, record_encode_end(a, &end))) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	check_begin(a, (struct bytes) { data, size });
	check_end(a, (struct bytes) { data, size });
	arena_free(a);
	return 0;
}
