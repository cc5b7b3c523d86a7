#include "cli/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account_rows.h"
#include "cli/operator.h"
#include "lib/base/base64.h"

#define MOST_DEFAULT 100
#define MOST_MAX 100000
#define THUMBPRINT_OCTETS 32

static const char usage[] =
    "Usage: cairn account list [--status STATUS] [--most N]\n"
    "       cairn account show (ID | --thumbprint TEXT)\n"
    "       cairn account revoke (ID | --thumbprint TEXT) --reason TEXT --yes\n"
    "\n"
    "ACME accounts. revoke shuts one off for ever (RFC 8555 7.1.2): each request that it signs is refused, its orders\n"
    "end, and nothing more is issued to it. Its certificates stay valid.\n"
    "\n"
    "  --config FILE      configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_operator instead\n"
    "  ID                 the 22 characters at the end of the account's URL, or the URL\n"
    "  --thumbprint TEXT  instead of ID: the thumbprint of the account's key (RFC 7638), 43 characters of base64url\n"
    "  --status STATUS    only those that are valid, deactivated or revoked\n"
    "  --most N           so many of the newest (default 100)\n"
    "  --reason TEXT      why, for the log\n"
    "  --yes              make the change; without it, it is only shown what would end\n"
    "  --json             one line of JSON\n";

struct request {
	struct operator_options options;
	const char *typed_thumbprint;
	const char *status;
	const char *typed_most;
	const char *reason;
	int64_t most;
	struct id id;
	struct bytes thumbprint;
	const struct config *config;
};

struct list_answer {
	struct account_list accounts;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, accounts, &account_line_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

struct revoke_answer {
	bool done;                    /* it has ended, by this command or before */
	bool changed;                 /* by this command */
	struct account_state account; /* as it was before */
};
static const struct field revoke_answer_field[] = {
	FIELD(struct revoke_answer, done),
	FIELD(struct revoke_answer, changed),
	FIELD_STRUCT(struct revoke_answer, account, &account_state_fields),
};
static const struct fields revoke_answer_fields = FIELDS(struct revoke_answer, revoke_answer_field);

static void print_line(struct ctx *c, const struct account_state *a)
{
	char id[ID_TEXT_SIZE];
	id_encode(a->id, id);
	printf("%s  %-11s  made %s", id, a->status, operator_time(c->arena, a->created_at, "?"));
	if (a->ended_at.us != 0) {
		printf("  ended %s", operator_time(c->arena, a->ended_at, "?"));
	}
	if (!id_is_none(a->eab_key)) {
		id_encode(a->eab_key, id);
		printf("  external account key %s", id);
	}
	printf("\n");
}

static void print_state(struct ctx *c, const struct account_state *a)
{
	print_line(c, a);
	printf("  key thumbprint  %s\n", base64url_encode(c->arena, a->thumbprint));
	if (a->ended_by != NULL) {
		printf("  ended by        %s%s%s\n", a->ended_by, a->reason == NULL ? "" : ": ",
		    a->reason == NULL ? "" : a->reason);
	}
	printf("  orders          %lld pending, %lld being issued\n"
	       "  authorizations  %lld pending, %lld valid\n"
	       "  certificates    %lld valid\n",
	    (long long) a->pending_orders, (long long) a->processing_orders, (long long) a->pending_authorizations,
	    (long long) a->valid_authorizations, (long long) a->valid_certificates);
}

static int list(struct ctx *c, const struct request *r)
{
	struct list_answer answer;
	TRY(account_list(c, r->status, r->most, &answer.accounts));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.accounts.n; i++) {
		print_line(c, &answer.accounts.v[i]);
	}
	if (answer.accounts.n == 0) {
		printf("There is no such account.\n");
	}
	return 0;
}

static int show(struct ctx *c, const struct request *r)
{
	struct account_state account;
	TRY(account_show(c, r->id, r->thumbprint, &account));
	if (r->options.json) {
		operator_print(c->arena, &account_state_fields, &account);
	} else {
		print_state(c, &account);
	}
	return 0;
}

static void print_revoked(struct ctx *c, const struct revoke_answer *answer)
{
	const struct account_state *a = &answer->account;
	char id[ID_TEXT_SIZE];
	id_encode(a->id, id);
	if (answer->changed) {
		printf("%s is revoked. Ended: %lld order(s), %lld pending authorization(s). %lld certificate(s) stay valid.\n",
		    id, (long long) a->pending_orders, (long long) a->pending_authorizations,
		    (long long) a->valid_certificates);
	} else if (answer->done) {
		printf("%s had ended before: it is %s. Nothing was changed.\n", id,
		    strcmp(a->status, "valid") == 0 ? "not valid" : a->status);
	} else {
		print_state(c, a);
		printf("Its pending orders and its authorizations would end; its certificates would stay valid.\n"
		       "Nothing was changed. Run it again with --yes.\n");
	}
}

/* */
static int revoke(struct ctx *c, const struct request *r)
{
	struct revoke_answer answer = { .done = false };
	TRY(account_show(c, r->id, r->thumbprint, &answer.account));
	if (r->options.yes) {
		TRY(account_revoke(c, answer.account.id, r->reason, operator_name(c->arena), &answer.changed));
	}
	answer.done = r->options.yes || strcmp(answer.account.status, "valid") != 0;
	if (r->options.json) {
		operator_print(c->arena, &revoke_answer_fields, &answer);
	} else {
		print_revoked(c, &answer);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool takes_account;
	bool takes_reason;
} actions[] = {
	{ "list", list, false, false },
	{ "show", show, true, false },
	{ "revoke", revoke, true, true },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "thumbprint", required_argument, NULL, 't' },
	{ "status", required_argument, NULL, 's' },
	{ "most", required_argument, NULL, 'm' },
	{ "reason", required_argument, NULL, 'r' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['t'] = &r->typed_thumbprint, ['s'] = &r->status, ['m'] = &r->typed_most, ['r'] = &r->reason
	};
	return operator_text(&r->options, texts, opt);
}

/* What is wrong with the words that say which account, or NULL. */
static const char *read_account(struct arena *a, const char *word, struct request *r)
{
	if ((word == NULL) == (r->typed_thumbprint == NULL)) {
		return "name one account, by its id or by --thumbprint";
	}
	if (word == NULL) {
		bool read = base64url_decode(a, bytes_of_text(r->typed_thumbprint), &r->thumbprint) == 0;
		return read && r->thumbprint.n == THUMBPRINT_OCTETS ? NULL : "--thumbprint wants 43 characters of base64url";
	}
	return operator_account(word, &r->id) == 0 ? NULL : OPERATOR_NO_ACCOUNT;
}

/* What is wrong with the options of `cairn account list`, or NULL. */
static const char *read_list(struct request *r)
{
	static const char *const statuses[] = { "valid", "deactivated", "revoked" };
	char *end = NULL;
	size_t i = 0;
	r->most = r->typed_most == NULL ? MOST_DEFAULT : strtol(r->typed_most, &end, 10);
	if ((end != NULL && (end == r->typed_most || *end != '\0')) || r->most < 1 || r->most > MOST_MAX) {
		return "--most wants a number from 1 to 100000";
	}
	while (r->status != NULL && i < COUNT_OF(statuses) && strcmp(statuses[i], r->status) != 0) {
		i++;
	}
	return i == COUNT_OF(statuses) ? "--status wants valid, deactivated or revoked" : NULL;
}

/* What is wrong with the words behind the action, or NULL. */
static const char *read_words(struct arena *a, size_t action, char **words, struct request *r)
{
	bool takes_account = actions[action].takes_account;
	if (words[0] != NULL && (!takes_account || words[1] != NULL)) {
		return "there are words too many";
	}
	const char *why = takes_account ? read_account(a, words[0], r) : read_list(r);
	if (why == NULL && actions[action].takes_reason && !operator_reason(r->reason)) {
		return OPERATOR_NO_REASON;
	}
	return why;
}

static int act(struct ctx *c, size_t action, struct request *r)
{
	if (operator_open(c, &r->options, account_statements, account_statements_n, &r->config) != 0 ||
	    actions[action].run(c, r) != 0) {
		operator_complain(c, "account");
		return 1;
	}
	return 0;
}

static const struct operator_command command = { "account", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	const char *why = read_words(c->arena, i, argv + optind + 1, &r); /* argv ends with NULL */
	return why == NULL ? act(c, i, &r) : operator_misused(&command, why);
}

int cli_account(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
