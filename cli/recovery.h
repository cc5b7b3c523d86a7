/* `cairn recovery`: recovery contacts and the recovery of accounts (docs/recovery.md), for those who have an account, or have lost its
 * key, for custodians and for operators. */
#ifndef CAIRN_CLI_RECOVERY_H
#define CAIRN_CLI_RECOVERY_H

#include "cli/operator.h"

/* The subcommand. */
int cli_recovery(int argc, char **argv);

struct recovery_request {
	const char *server;
	const char *ca_file;
	const char *key;
	const char *contacts; /* a file, or "-" */
	const char *certificate;
	const char *out;
	const char *group;
	const char *folder;
	const char *file;       /* the word behind the action */
	struct text_list paths; /* the words, where there may be several */
	const char *account;
	const char *token; /* a file, or "-" */
	const char *reason;
	struct id id;
	bool all;
	struct operator_options operator;
};

/* One recovery contact at least; what is wrong with one is told before anything is sent. */
int recovery_read_contacts(struct ctx *c, const struct recovery_request *r, struct text_list *ret) MUST_CHECK;

/* The lines of a file, or of standard input, from a buffer that is wiped. */
int recovery_read_lines(struct ctx *c, const char *path, struct text_list *ret) MUST_CHECK;

/* Of who lost a key: claims the account, and gives the token back that came by mail. */
int recovery_start_claim(struct ctx *c, const struct recovery_request *r) MUST_CHECK;
int recovery_confirm(struct ctx *c, const struct recovery_request *r) MUST_CHECK;

/* Of an operator: CONFLICT when a contact stands in one of the paths, or not all could be searched. */
int recovery_search(struct ctx *c, const struct recovery_request *r) MUST_CHECK;

/* Of an operator. */
int recovery_list_cases(struct ctx *c, const struct recovery_request *r) MUST_CHECK;
int recovery_stop_case(struct ctx *c, const struct recovery_request *r) MUST_CHECK;
extern const struct statement *const recovery_case_statements[];
extern const size_t recovery_case_n_statements;

/* Of a custodian: opens one layer of what was sealed, and puts a certificate into a group. */
int recovery_open(struct ctx *c, const struct recovery_request *r) MUST_CHECK;
int recovery_add_custodian(struct ctx *c, const struct recovery_request *r) MUST_CHECK;

#endif
