/* Checks a sealed log from outside, from nothing but its checkpoint and tiles. */
#ifndef CAIRN_CLI_AUDIT_OUTSIDE_H
#define CAIRN_CLI_AUDIT_OUTSIDE_H

#include "lib/seal/audit_check.h"

/* trust->key must be there. Fails when the log can't be reached; what is wrong with it is in the report. */
int audit_check_outside(
    struct ctx *c, const char *base, const struct audit_trust *trust, struct audit_report *report) MUST_CHECK;

#endif
