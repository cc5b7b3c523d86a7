/* Whether the URLs in certificates lead to what they should, as seen from this machine (D-15). */
#ifndef CAIRN_CLI_DOCTOR_URLS_H
#define CAIRN_CLI_DOCTOR_URLS_H

#include "lib/base/config.h"
#include "policy/diagnose.h"

/* A finding for each URL that is not well, and one where all are. Issuers whose certificate can't be read here are passed over. */
void doctor_urls(struct ctx *c, const struct diagnosing *d, const struct config_ca *config);

#endif
