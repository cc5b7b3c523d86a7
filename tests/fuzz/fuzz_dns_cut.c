/* link: va */
/* Answers about DS, from which it may follow that a failed lookup does no harm (style 25; C-38). Input: the message. */
#include <stdlib.h>

#include "policy/dns_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	enum dns_cut cut = DNS_CUT_NONE;
	struct bytes packet = { data, size };
	bool read = dns_cut_parse(a, packet, "example", &cut) == 0;
	if (read && cut != DNS_CUT_NONE && size < 12 + 13 + 11) {
		abort(); /* nothing follows from a message without a record */
	}
	enum dns_cut other = DNS_CUT_NONE;
	if (read && dns_cut_parse(a, packet, "a.example", &other) == 0) {
		abort(); /* a message answers one question */
	}
	arena_free(a);
	return 0;
}
