/* Whether transparency logs take what the issuers sign. */
#ifndef CAIRN_CLI_DOCTOR_ROOTS_H
#define CAIRN_CLI_DOCTOR_ROOTS_H

#include "lib/base/config.h"
#include "lib/ct/log_list.h"
#include "policy/diagnose.h"

/* Asks each log to which a certificate of the default profile would be submitted now for its roots (H-1), for half a minute together; adds a
 * problem for each that takes none of an active issuer, a note for each that does not tell. */
void doctor_roots(
    struct ctx *c, const struct diagnosing *d, const struct config *config, const struct ct_log_list *list);

#endif
