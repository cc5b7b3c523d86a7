/* `cairn alarm`: what somebody has to look at, and the answer that somebody did (F-70, docs/alarms.md). */
#ifndef CAIRN_CLI_ALARM_H
#define CAIRN_CLI_ALARM_H

#include "lib/db/db.h"

/* The subcommand. */
int cli_alarm(int argc, char **argv);

/* For a test that prepares them as role cairn_operator. */
extern const struct statement *const alarm_command_statements[];
extern const size_t alarm_command_statements_n;

#endif
