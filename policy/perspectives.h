/* Where the network perspectives of the configuration stand, and whether they may corroborate each other (BR 3.2.2.9, C-50,
 * C-53, C-54). Pure. */
#ifndef CAIRN_POLICY_PERSPECTIVES_H
#define CAIRN_POLICY_PERSPECTIVES_H

#include "lib/base/config.h"

#define PERSPECTIVE_DISTANCE_KM 500

/* Degrees north and east. */
struct place {
	double latitude;
	double longitude;
};

/* "52.37 4.90": degrees north and east, with a minus sign for south and west. -1 for all else. */
int place_parse(const char *text, struct place *ret) MUST_CHECK;
/* Along the surface of the Earth. */
double place_distance_km(const struct place *a, const struct place *b);

/* What the configuration says of perspectives holds together, and in mode webpki is what has to be there at that time. A remote
 * perspective itself is judged by the one that asks it. FAIL: MALFORMED with a sentence that says what to mend. */
int perspectives_check(struct ctx *c, const struct config *config, struct timestamp now) MUST_CHECK;

/* The name in the certificate of a remote perspective. */
const char *perspective_certificate_name(struct arena *a, const char *name);

#endif
