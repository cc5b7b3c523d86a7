/* Sorted sets that are made once and then only searched: texts, and digests of one width. Pure. */
#ifndef CAIRN_POLICY_SETS_H
#define CAIRN_POLICY_SETS_H

#include "lib/base/bytes.h"

/* Sorts the texts in place; a set may hold one twice. */
void text_set_sort(struct text_list *set);
bool text_set_has(const struct text_list *set, const char *text);

/* n digests of `width` octets, one behind the other. */
struct digest_set {
	uint8_t *v;
	size_t n;
	size_t width;
};

void digest_set_sort(struct digest_set *set);

/* digest has `width` octets. */
bool digest_set_has(const struct digest_set *set, const uint8_t *digest);

#endif
