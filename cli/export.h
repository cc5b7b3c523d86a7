/* `cairn export`: what this CA tells everybody (docs/privacy.md). */
#ifndef CAIRN_CLI_EXPORT_H
#define CAIRN_CLI_EXPORT_H

#include "lib/db/db.h"

/* argv[0] is "export". Returns the exit code. */
int cli_export(int argc, char **argv);

int export_public_command(int argc, char **argv);
int export_notice_command(int argc, char **argv);
int export_cps_command(int argc, char **argv);

/* The rules of retention, as role cairn_operator, cairn_officer or cairn_auditor. */
extern const struct statement export_rules_statement;

#endif
