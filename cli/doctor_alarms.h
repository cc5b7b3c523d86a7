/* Whether alarms reach somebody, and whether somebody answers them (F-70). */
#ifndef CAIRN_CLI_DOCTOR_ALARMS_H
#define CAIRN_CLI_DOCTOR_ALARMS_H

#include "lib/base/config.h"
#include "policy/diagnose.h"

/* How the channels of the configuration stand; none, or one where two are wanted, is a problem in mode webpki. */
struct finding doctor_channels(struct arena *a, const struct config *config);

/* The channels; the alarms, if database is not NULL. */
void doctor_alarms(struct arena *a, const struct diagnosing *d, const struct config *config, const char *database);

#endif
