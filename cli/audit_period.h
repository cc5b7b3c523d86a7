/* What the records say of a period: reports for auditors (F-57, F-58, G-66). */
#ifndef CAIRN_CLI_AUDIT_PERIOD_H
#define CAIRN_CLI_AUDIT_PERIOD_H

#include "lib/db/db.h"

extern const struct statement *const audit_period_statements[];
extern const size_t audit_period_statements_n;

#endif
