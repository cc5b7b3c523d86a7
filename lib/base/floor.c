#include "lib/base/floor.h"

#define TWO_YEARS_S INT64_C(63158400) /* one of them a leap year */

int64_t retention_floor_s(const struct config *config)
{
	int64_t longest_s = 0;
	if (!config_is_webpki(&config->policy)) {
		return 0;
	}
	/* a validation is used until its authorization ends, and then the certificate lives */
	for (size_t i = 0; i < config->policy.profiles.n; i++) {
		const struct config_profile *p = &config->policy.profiles.v[i];
		int64_t served_s = p->authorization_life_s + p->order_life_s + p->life_s;
		longest_s = served_s > longest_s ? served_s : longest_s;
	}
	return TWO_YEARS_S + longest_s;
}
