/* link: va */
/* DNS messages (style 25). Input: the message; its type is what its last two octets say. */
#include <stdlib.h>
#include <string.h>

#include "policy/dns_answer.h"

#define MOST 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct dns_answer answer;
	uint16_t type = size < 2 ? 1 : (uint16_t) (data[size - 2] << 8 | data[size - 1]);
	struct bytes packet = { data, size };
	if (dns_answer_parse(a, packet, type == 0 ? 1 : type, MOST, &answer) == 0) {
		for (size_t i = 0; i < answer.rdata.n; i++) {
			const struct bytes one = answer.rdata.v[i];
			if (answer.rdata.n > MOST || one.p < data || one.p + one.n > data + size) {
				abort();
			}
		}
		const char *name = answer.canonical_name == NULL ? "." : answer.canonical_name;
		if (name[strlen(name) - 1] != '.' || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                                                  "0123456789-_*?.") != strlen(name)) {
			abort();
		}
	}
	arena_free(a);
	return 0;
}
