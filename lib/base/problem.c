#include "lib/base/problem.h"

#include <string.h>

static const struct problem_info infos[PROBLEM_COUNT] = {
#define PROBLEM(name, type, status, code, title) [PROBLEM_##name] = { #name, type, status, code, title },
#include "lib/base/problem.def"
#undef PROBLEM
};

const struct problem_info *problem_info(enum problem p)
{
	if (p <= PROBLEM_NONE || p >= PROBLEM_COUNT) {
		p = PROBLEM_SERVER_INTERNAL;
	}
	return &infos[p];
}

enum problem problem_by_name(const char *name)
{
	for (size_t i = 1; name != NULL && i < PROBLEM_COUNT; i++) {
		if (strcmp(infos[i].name, name) == 0) {
			return (enum problem) i;
		}
	}
	return PROBLEM_SERVER_INTERNAL;
}
