/* What the subcommands of an operator share: the database as role cairn_operator, and whose act it was. */
#ifndef CAIRN_CLI_OPERATOR_H
#define CAIRN_CLI_OPERATOR_H

#include <getopt.h>

#include "lib/base/config.h"
#include "lib/db/db.h"

/* What the options say. */
struct operator_options {
	struct text_list files; /* --config, each laid over the one before */
	const char *database;   /* --database, or NULL: command.database of the configuration */
	bool json;
	bool yes;
};

/* A command: `cairn NAME ...`. */
struct operator_command {
	const char *name;
	const char *usage;
	const struct option *options;
	/* Takes an option's argument (optarg) into the request; false for an option that there is not. */
	bool (*take)(void *request, int letter);
};

/* Runs a command with a context of its own. Gives the exit code. */
int operator_run(int argc, char **argv, int (*command)(struct ctx *c, int argc, char **argv));

/* Takes all options; words begin at optind. -1: go on; else the exit code. */
int operator_read(const struct operator_command *command, int argc, char **argv, void *request);

/* Says why it can't be run like that, and how it can. Gives the exit code. */
int operator_misused(const struct operator_command *command, const char *why);

/* Makes ready for the n statements. ret_config (the arena's) has the defaults when no file was given. MALFORMED: neither a
 * database nor a configuration that has one. */
int operator_open(struct ctx *c, const struct operator_options *o, const struct statement *const *statements, size_t n,
    const struct config **ret_config) MUST_CHECK;

/* Takes the argument (optarg) of --config 'c' or --database 'd', --yes 'y' or --json 'j', as getopt_long gave it; false for
 * another letter. o->files must have room for one more. */
bool operator_option(struct operator_options *o, int letter);

/* Says on standard error why `cairn COMMAND` failed, as c has it. */
void operator_complain(const struct ctx *c, const char *command);

/* "operator ana": the account at the terminal, for the records. */
const char *operator_name(struct arena *a);

/* "a,b" as a list; NULL is an empty one. */
struct text_list operator_list(struct arena *a, const char *text);

/* One line of JSON. */
void operator_print(struct arena *a, const struct fields *f, const void *answer);

/* "2026-11-21T08:09:10Z", or `none` for no time. */
const char *operator_time(struct arena *a, struct timestamp t, const char *none);

#endif
