/* link: wfe */
/* A segment of the spool as a machine that lost its power may leave it (style 25). */
#include <stdlib.h>
#include <string.h>

#include "wfe/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_record record;
	size_t used = 0;
	for (size_t at = 0; segment_decode((struct bytes) { data + at, size - at }, &record, &used) == 0; at += used) {
		uint8_t header[SEGMENT_HEADER];
		segment_encode_header(&record, header);
		if (used != SEGMENT_HEADER + record.payload.n || used > size - at ||
		    memcmp(header, data + at, SEGMENT_HEADER) != 0) {
			abort(); /* what is read is what was written */
		}
	}
	return 0;
}
