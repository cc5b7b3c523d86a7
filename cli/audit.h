/* cairn audit: what the records prove. One row a subcommand, each in a file of its own. */
#ifndef CAIRN_CLI_AUDIT_H
#define CAIRN_CLI_AUDIT_H

#include "lib/db/db.h"

int cli_audit(int argc, char **argv);

/* argv[0] is the subcommand; each gives the exit code. */
int audit_key_command(int argc, char **argv);
int audit_replay_command(int argc, char **argv);
int audit_why_command(int argc, char **argv);
int audit_gaps_command(int argc, char **argv);
int audit_issued_command(int argc, char **argv);
int audit_prove_command(int argc, char **argv);
int audit_verify_command(int argc, char **argv);
int audit_period_command(int argc, char **argv);
int audit_subject_command(int argc, char **argv);

extern const struct statement audit_ask_subject_statement, audit_asked_subject_statement;
extern const struct statement audit_issued_statement;

#endif
