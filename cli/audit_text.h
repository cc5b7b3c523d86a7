/* Texts of records on a terminal: whoever changed a record may have put there what hides the line that says so. */
#ifndef CAIRN_CLI_AUDIT_TEXT_H
#define CAIRN_CLI_AUDIT_TEXT_H

#include "lib/base/arena.h"

/* What could move a terminal's cursor, or pretend to be a line of ours, is a `?`; NULL is "". */
const char *audit_plain(struct arena *a, const char *text);

#endif
