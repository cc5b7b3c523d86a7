#include "policy/sets.h"

#include <stdlib.h>
#include <string.h>

static int compare_texts(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;
	return strcmp(*x, *y);
}

void text_set_sort(struct text_list *set)
{
	if (set->n > 1) {
		qsort(set->v, set->n, sizeof(set->v[0]), compare_texts);
	}
}

bool text_set_has(const struct text_list *set, const char *text)
{
	return set->n > 0 && bsearch(&text, set->v, set->n, sizeof(set->v[0]), compare_texts) != NULL;
}

static int compare_digests(const void *a, const void *b, void *width)
{
	const size_t *n = width;
	return memcmp(a, b, *n);
}

void digest_set_sort(struct digest_set *set)
{
	if (set->n > 1) {
		qsort_r(set->v, set->n, set->width, compare_digests, &set->width);
	}
}

bool digest_set_has(const struct digest_set *set, const uint8_t *digest)
{
	size_t from = 0;
	size_t to = set->n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = memcmp(digest, set->v + middle * set->width, set->width);
		if (order == 0) {
			return true;
		}
		if (order < 0) {
			to = middle;
		} else {
			from = middle + 1;
		}
	}
	return false;
}
