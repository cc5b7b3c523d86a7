/* What `cairn audit verify` says of what it found. */
#ifndef CAIRN_CLI_AUDIT_REPORT_H
#define CAIRN_CLI_AUDIT_REPORT_H

#include "lib/seal/audit_findings.h"

/* Prints it for people or as one line of JSON; the exit code. */
int audit_report_print(const struct audit_report *r, bool json);

#endif
