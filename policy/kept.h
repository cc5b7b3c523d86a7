/* The private half of a validation's record as it is stored and committed to: JSON texts from which its verdict can be drawn
 * again (F-43, G-3). */
#ifndef CAIRN_POLICY_KEPT_H
#define CAIRN_POLICY_KEPT_H

#include "lib/rpc/messages.h"

/* log.validation_private.resolutions */
struct kept_resolutions {
	struct resolution_list resolutions;
};
extern const struct fields kept_resolutions_fields;

/* log.validation_private.attempts: the connections, with what was asked and by which rules it was decided. */
struct kept_attempts {
	struct validate_request asked;
	struct validation_basis basis;
	struct connection_attempt_list attempts;
};
extern const struct fields kept_attempts_fields;

#endif
