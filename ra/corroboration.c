#include "ra/corroboration.h"

#include <string.h>

#include "policy/quorum.h"
#include "ra/ra.h"

/* NULL when there is none of the name. */
static const struct config_perspective *perspective_find(const struct config_perspective_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (name != NULL && strcmp(list->v[i].name, name) == 0) {
			return &list->v[i];
		}
	}
	return NULL;
}

static bool is_twice(const struct validation_result_list *answers, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(answers->v[k].perspective, answers->v[i].perspective) == 0) {
			return true;
		}
	}
	return false;
}

/* Each answer is of one of the perspectives, and there is one of each; where they are is told by the configuration (C-52). */
static bool are_ours(const struct config_perspective_list *list, const struct validation_result_list *answers)
{
	for (size_t i = 0; i < answers->n; i++) {
		const struct config_perspective *p = perspective_find(list, answers->v[i].perspective);
		if (p == NULL || is_twice(answers, i)) {
			return false;
		}
		answers->v[i].region = p->region == NULL || p->region[0] == '\0' ? NULL : p->region;
	}
	return true;
}

struct validation_result corroboration_judge(
    const struct identifier *identifier, const struct validation_result *result)
{
	const struct config *config = ra_get()->config;
	const struct config_perspective_list *list = &config->va.perspectives;
	struct validation_result judged = *result;
	struct quorum_rule rule = quorum_rule(config_is_webpki(&config->policy), list->n, clock_now());
	if (!result->passed || !quorum_applies(identifier) || (list->n == 0 && rule.least == 0)) {
		return judged;
	}
	bool whole = result->round.n == list->n && are_ours(list, &result->remotes);
	if (!whole || quorum_decide(&rule, list->n, &result->remotes) != QUORUM_REACHED) {
		quorum_withdraw(
		    &judged, "The network perspectives that are configured have not all been asked, or do not agree");
	}
	return judged;
}
