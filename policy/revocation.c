#include "policy/revocation.h"

#include <string.h>

static const struct {
	const char *name;
	bool subscribers;
} reasons[] = {
	[0] = { "unspecified", true },
	[REVOCATION_KEY_COMPROMISE] = { "keyCompromise", true },
	[3] = { "affiliationChanged", true },
	[4] = { "superseded", true },
	[5] = { "cessationOfOperation", true },
	[9] = { "privilegeWithdrawn", false },
};

const char *revocation_reason_name(int64_t reason)
{
	return reason < 0 || reason >= (int64_t) COUNT_OF(reasons) ? NULL : reasons[reason].name;
}

int64_t revocation_reason_find(const char *name)
{
	for (int64_t i = 0; i < (int64_t) COUNT_OF(reasons); i++) {
		if (reasons[i].name != NULL && strcmp(reasons[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

bool revocation_reason_is_subscribers(int64_t reason)
{
	return revocation_reason_name(reason) != NULL && reasons[reason].subscribers;
}

const struct revocation_occasion revocation_occasions[] = {
#define OCCASION(word, reason, hours, clause, text) { word, reason, (hours) *INT64_C(3600), clause, text },
#include "policy/revocation.def"
#undef OCCASION
};
const size_t revocation_occasions_n = COUNT_OF(revocation_occasions);

const struct revocation_occasion *revocation_occasion_find(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(revocation_occasions); i++) {
		if (strcmp(revocation_occasions[i].word, word) == 0) {
			return &revocation_occasions[i];
		}
	}
	return NULL;
}
