/* What the subcommands of an operator share: the database as role cairn_operator, and whose act it was. */
#ifndef CAIRN_CLI_OPERATOR_H
#define CAIRN_CLI_OPERATOR_H

#include <getopt.h>

#include "lib/base/config.h"
#include "lib/db/db.h"

/* What the options say. */
struct operator_options {
	struct text_list files; /* --config, each laid over the one before */
	const char *database;   /* --database, or NULL: that of the configuration */
	bool auditor;           /* the configuration's for role cairn_auditor, not for cairn_operator */
	bool officer;           /* the same for cairn_officer */
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

/* What a command can do: n rows of size octets, each of which begins with a name. */
struct operator_actions {
	const void *rows;
	size_t n;
	size_t size;
};
#define OPERATOR_ACTIONS(array) (&(const struct operator_actions) { (array), COUNT_OF(array), sizeof((array)[0]) })

/* A command whose next word names another: how they are told apart and listed. */
struct operator_subcommand {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
};

/* Runs the one that argv[1] names, or lists all of them. Gives the exit code. */
int operator_choose(const char *command, const struct operator_subcommand *rows, size_t n, int argc, char **argv);

/* Runs a command with a context of its own. Gives the exit code. */
int operator_run(int argc, char **argv, int (*command)(struct ctx *c, int argc, char **argv));

/* Takes all options; words begin at optind. -1: go on; else the exit code. */
int operator_read(const struct operator_command *command, int argc, char **argv, void *request);

/* Says why it can't be run like that, and how it can. Gives the exit code. */
int operator_misused(const struct operator_command *command, const char *why);

/* Takes all options, and the number of the action that the word at optind names. -1: go on; else the exit code. */
int operator_begin(const struct operator_command *command, const struct operator_actions *actions, int argc,
    char **argv, void *request, size_t *ret_action);

/* Makes ready for the n statements. ret_config (the arena's) has the defaults when no file was given. MALFORMED: neither a
 * database nor a configuration that has one. */
int operator_open(struct ctx *c, const struct operator_options *o, const struct statement *const *statements, size_t n,
    const struct config **ret_config) MUST_CHECK;

/* Takes the argument (optarg) of --config 'c' or --database 'd', --yes 'y' or --json 'j', as getopt_long gave it; false for
 * another letter. o->files must have room for one more. */
bool operator_option(struct operator_options *o, int letter);

/* Keeps the argument (optarg) in the text to which the letter's place in the table points, else does as operator_option. */
#define OPERATOR_LETTERS 128
bool operator_text(struct operator_options *o, const char **const texts[OPERATOR_LETTERS], int letter);

/* Says on standard error why `cairn COMMAND` failed, as c has it. */
void operator_complain(const struct ctx *c, const char *command);

/* "operator ana": the account at the terminal, for the records. */
const char *operator_name(struct arena *a);

/* "a,b" as a list; NULL is an empty one. */
struct text_list operator_list(struct arena *a, const char *text);

/* The list as "a,b"; `none` for an empty one. */
const char *operator_joined(struct arena *a, const struct text_list *list, const char *none);

/* Whether the text of --reason or --ground says why: 1 to 500 octets. */
bool operator_reason(const char *typed);
#define OPERATOR_NO_REASON "--reason wants to know why, in 500 octets at most"

/* An account (or external account key) as it is typed: its 22 characters, or its URL, which ends with them. */
int operator_account(const char *typed, struct id *ret) MUST_CHECK;
#define OPERATOR_NO_ACCOUNT "an account is named by its URL or the 22 characters at its end"

/* "2026-11-21T08:00:00Z", "now", or a length of time such as 24h (ago, or from now on with `ahead`), in
 * whole seconds. */
int operator_moment(const char *typed, bool ahead, struct timestamp *ret) MUST_CHECK;

/* A certificate's serial as tools print it: up to 20 octets in hexadecimal digits of either case, with colons between them
 * or without, into the arena. */
int operator_serial(struct arena *a, const char *typed, struct bytes *ret) MUST_CHECK;
#define OPERATOR_NO_SERIAL "a serial is up to 20 octets in hexadecimal digits, with or without colons between them"

/* At most so many octets in hexadecimal digits of either case, into the arena. -1 for none, too. */
int operator_octets(struct arena *a, const char *typed, size_t most, struct bytes *ret) MUST_CHECK;

/* --since and --until, each a time or how long ago, or NULL, which leaves what is there. */
int operator_period(
    const char *since, const char *until, struct timestamp *ret_since, struct timestamp *ret_until) MUST_CHECK;
#define OPERATOR_NO_PERIOD "--since and --until want a time such as 2026-11-21T08:00:00Z, or how long ago, such as 24h"

/* One line of JSON. */
void operator_print(struct arena *a, const struct fields *f, const void *answer);

/* "2026-11-21T08:09:10Z", or `none` for no time. */
const char *operator_time(struct arena *a, struct timestamp t, const char *none);

#endif
