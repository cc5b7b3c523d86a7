/* link: va */
/* CAA records of a hostile zone (style 25). Input: records one behind the other, each with its length in one octet. */
#include <stdlib.h>
#include <string.h>

#include "policy/caa.h"

#define RECORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *names[] = { "ca.example" };
	static const struct text_list ours = { names, 1 };
	static const struct text_list nobody = { NULL, 0 };
	struct bytes records[RECORDS_MAX];
	struct bytes_list list = { records, 0 };
	size_t at = 0;
	while (at < size && list.n < RECORDS_MAX) {
		size_t n = data[at++];
		n = n > size - at ? size - at : n;
		records[list.n++] = (struct bytes) { data + at, n };
		at += n;
	}
	struct arena *a = arena_new();
	struct caa_query query = { size % 2 == 0, &ours, "https://ca.example/acct/1", NULL, "http-01" };
	struct caa_query stranger = { query.wildcard, &nobody, NULL, NULL, NULL };
	bool permitted = caa_decide(a, &list, &query).permitted;
	if (caa_decide(a, &list, &stranger).permitted && !permitted) {
		abort(); /* nobody may do more than this CA */
	}
	for (size_t i = 0; i < list.n; i++) {
		struct caa_record r;
		if (caa_record_parse(records[i], &r) == 0 && strchr(caa_record_encode(a, &r), '\n') != NULL) {
			abort();
		}
	}
	arena_free(a);
	return 0;
}
