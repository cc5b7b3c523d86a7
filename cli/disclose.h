/* `cairn disclose`: requests for personal data, from receipt to release (docs/disclosure.md). */
#ifndef CAIRN_CLI_DISCLOSE_H
#define CAIRN_CLI_DISCLOSE_H

#include "cli/disclose_rows.h"
#include "cli/operator.h"
#include "lib/base/contact.h"

/* Gives the exit code. */
int cli_disclose(int argc, char **argv);

/* Options with a text. */
enum disclose_word {
	WORD_KIND,
	WORD_FROM,
	WORD_REFERENCE,
	WORD_SCOPE,
	WORD_NOTE,
	WORD_HOW,
	WORD_CALL_BACK,
	WORD_GROUND,
	WORD_REASON,
	WORD_WINDOW,
	WORD_WHY,
	WORD_UNTIL,
	WORD_ACCOUNT,
	WORD_TEXT,
	WORD_SUBJECT,
	WORD_TO,
	WORD_KNOWN_FROM,
	WORD_VIA,
	WORD_ANSWER,
	WORD_BY,
	WORD_KEY,
	WORD_CERTIFICATE,
	WORD_SIGNATURE,
	WORD_OUTCOME,
	WORD_OUT,
	WORD_CUSTODIAN_A,
	WORD_CUSTODIAN_B,
	WORD_NAME,
	WORD_YEAR,
	WORD_LEAST,
	WORD_COUNT,
};

struct disclose_request {
	struct operator_options options;
	const struct config *config;
	const char *words[WORD_COUNT];
	struct text_list accounts; /* each --account */
	const char *file;          /* the word behind the action, where that is no case */
	struct id case_id;
	bool all;
	bool alone;
};

/* One step, or what it would lead to without --yes, told to whoever sits there. */
int disclose_do(struct ctx *c, const struct disclose_request *r, const char *act, json_t *facts) MUST_CHECK;

/* Tells what a step led to. */
void disclose_tell(struct ctx *c, const struct disclose_request *r, const char *act, const struct disclose_step *step);

/* The one case that the request names. NOT_FOUND. */
int disclose_find(struct ctx *c, const struct disclose_request *r, struct disclose_case *ret) MUST_CHECK;

/* Opens the recovery contacts of one account with the keys of one custodian of each group, for the case; that they were taken is on
 * record before. None: n is 0. */
int disclose_open_contacts(
    struct ctx *c, const struct disclose_request *r, struct id account, struct packed_contacts *ret) MUST_CHECK;

/* The actions, each in the file that its name says. */
int disclose_list(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_show(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_due(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_report(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_officers(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_officer_add(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_officer_end(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_notify(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_statement(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_approve(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_review(struct ctx *c, const struct disclose_request *r) MUST_CHECK;
int disclose_release(struct ctx *c, const struct disclose_request *r) MUST_CHECK;

#endif
