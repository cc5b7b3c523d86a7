#include "va/record.h"

#include <string.h>

#define RESOLUTIONS_EXPECTED 8

/* Room for one more element in a list of n; the room is for `first` (a power of two), then it doubles. */
static void *grown(struct arena *a, void *v, size_t n, size_t size, size_t first)
{
	if (n != 0 && (n < first || (n & (n - 1)) != 0)) {
		return v;
	}
	void *larger = arena_array(a, n == 0 ? first : n * 2, size);
	if (n > 0) {
		memcpy(larger, v, n * size);
	}
	return larger;
}

void record_resolution(struct arena *a, struct validation_result *result, const struct resolution *one)
{
	struct resolution_list *list = &result->resolutions;
	list->v = grown(a, list->v, list->n, sizeof(*one), RESOLUTIONS_EXPECTED);
	list->v[list->n++] = *one;
}

struct connection_attempt *record_attempt(
    struct arena *a, struct validation_result *result, const struct connection_attempt *one)
{
	struct connection_attempt_list *list = &result->attempts;
	list->v = grown(a, list->v, list->n, sizeof(*one), 1);
	list->v[list->n] = *one;
	return &list->v[list->n++];
}
