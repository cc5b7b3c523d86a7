/* What /metrics says, for tests. */
#ifndef CAIRN_TESTS_GAUGE_H
#define CAIRN_TESTS_GAUGE_H

#include <stdlib.h>
#include <string.h>

#include "lib/base/metrics.h"

/* The value of a metric without a label, by its whole name; the test fails when it is not there. */
static inline long gauge_value(struct arena *a, const char *name)
{
	const char *text = (const char *) metrics_render(a).p;
	const char *line = strstr(text, arena_printf(a, "\n%s ", name));
	assert_non_null(line);
	return strtol(line + strlen(name) + 2, NULL, 10);
}

#endif
