/* Whether the OCSP answers of the issuers that have OCSP are made in time. */
#ifndef CAIRN_CLI_DOCTOR_OCSP_H
#define CAIRN_CLI_DOCTOR_OCSP_H

#include "lib/base/config.h"
#include "policy/diagnose.h"

/* A finding for each such issuer, from the database. */
void doctor_ocsp(struct arena *a, const struct diagnosing *d, const struct config_ca *config, const char *database);

#endif
