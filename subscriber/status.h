/* How the log stands, for operators and for readiness. */
#ifndef CAIRN_SUBSCRIBER_STATUS_H
#define CAIRN_SUBSCRIBER_STATUS_H

#include "lib/db/db.h"

extern const struct statement subscriber_log_status_statement;

#endif
