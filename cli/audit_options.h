/* What the subcommands of `cairn audit` share: the database as role cairn_auditor, the key of the log, earlier checkpoints. */
#ifndef CAIRN_CLI_AUDIT_OPTIONS_H
#define CAIRN_CLI_AUDIT_OPTIONS_H

#include "cli/operator.h"
#include "lib/seal/note.h"

struct audit_options {
	struct operator_options options; /* files has room for all that argv can hold */
	const char *key;                 /* --key: a vkey, or the file that holds one */
	const char *since;               /* --since: the file of an earlier checkpoint */
	const char *from;                /* --from: the file of a checkpoint up to which all was verified */
	const char *save;                /* --save: the file for the one that was verified */
	const char *witness;             /* --witness: URL or file */
	const char *tiles;               /* --tiles: URL or folder */
	const char *proof;               /* --proof: a file */
	const char *out;                 /* --out: a file */
};

#define AUDIT_OPTIONS \
	{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, \
	    { "json", no_argument, NULL, 'j' }, { "key", required_argument, NULL, 'k' }, \
	    { "since", required_argument, NULL, 's' }, { "tiles", required_argument, NULL, 't' }, \
	    { "proof", required_argument, NULL, 'p' }, { "out", required_argument, NULL, 'o' }, \
	    { "from", required_argument, NULL, 'f' }, { "save", required_argument, NULL, 'S' }, \
	    { "witness", required_argument, NULL, 'w' }, { "help", no_argument, NULL, 'h' }, \
	{ \
		NULL, 0, NULL, 0 \
	}

/* For struct operator_command; request is a struct audit_options. */
bool audit_option(void *request, int letter);

/* Whether nothing was given but what the letters name: an option that means nothing here is not to be taken for one that does. */
bool audit_options_only(const struct audit_options *o, const char *letters);
#define AUDIT_OPTION_MEANS_NOTHING "an option was given that means nothing here"

/* Room for the files; call it before operator_read. */
void audit_options_init(struct ctx *c, struct audit_options *o, int argc);

/* The database for the statements of lib/seal/audit_seal_rows.h. MALFORMED: none is named. */
int audit_open(struct ctx *c, const struct audit_options *o) MUST_CHECK;

/* The key that was given. MALFORMED when none was, or when it is none. */
int audit_read_key(struct ctx *c, const struct audit_options *o, struct note_key *ret) MUST_CHECK;

/* Reads the checkpoint in the file, signed by the key (NULL: whoever did). Without a file (NULL) the size is 0. */
int audit_read_since(struct ctx *c, const char *file, const struct note_key *key, struct merkle_head *ret) MUST_CHECK;

#endif
