#include "cli/disclose.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/folder.h"
#include "lib/base/sandbox.h"
#include "lib/http/smtp.h"

#define TEXT_MAX ((size_t) 100 * 1024)
#define FACTS_MAX 5

static const char usage[] =
    "Usage: cairn disclose receive --kind KIND --from TEXT --reference TEXT --scope FILE\n"
    "       cairn disclose check CASE --how TEXT [--scope FILE] [--call-back TEXT]\n"
    "       cairn disclose ground CASE --ground law|danger --reason TEXT\n"
    "       cairn disclose ground CASE --ground consent --account ID... --reason TEXT\n"
    "       cairn disclose hold CASE --until TIME\n"
    "       cairn disclose notice CASE [--window 14d] [--reason TEXT]\n"
    "       cairn disclose silence CASE --why consent|forbidden|futile|emergency --reason TEXT [--until TIME]\n"
    "       cairn disclose notify CASE --account ID (--to FILE --known-from TEXT | --custodian-a KEY,CERT "
    "--custodian-b "
    "KEY,CERT | --via other)\n"
    "       cairn disclose notified CASE --account ID --answer TEXT\n"
    "       cairn disclose object CASE --by subscriber|ca [--account ID] --text FILE\n"
    "       cairn disclose overrule CASE --reason TEXT\n"
    "       cairn disclose narrow CASE --scope FILE --reason TEXT\n"
    "       cairn disclose propose CASE\n"
    "       cairn disclose statement CASE [--alone | --outcome justified|unjustified] [--out FILE]\n"
    "       cairn disclose approve CASE --certificate FILE (--key FILE | --signature FILE) [--alone]\n"
    "       cairn disclose release CASE --out DIR [--custodian-a KEY,CERT --custodian-b KEY,CERT]\n"
    "       cairn disclose review CASE --outcome justified|unjustified --reason TEXT --certificate FILE (--key FILE | "
    "--signature FILE)\n"
    "       cairn disclose refuse|withdraw|abandon|close CASE --reason TEXT\n"
    "       cairn disclose list [--all] | show CASE | due | report --year YEAR [--least 20] | officers\n"
    "       cairn disclose add-officer FILE --name TEXT | end-officer FINGERPRINT --reason TEXT\n"
    "\n"
    "Somebody asks for personal data: what is decided, who is told, who approves, and what is handed out. The states "
    "of a "
    "case, and\n"
    "what a scope looks like: docs/disclosure.md.\n"
    "\n"
    "  --config FILE      configuration with command.officer_database (officers are added by command.database) and "
    "smtp\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_officer instead\n"
    "  --kind KIND        subpoena, court-order, warrant, consent, emergency or other\n"
    "  --scope FILE       what is asked for, JSON\n"
    "  --account ID       an account by the end of its URL; of the ground consent, once for each that consents\n"
    "  --window TIME      how long there is to object; less than 14d needs a --reason,\n"
    "                     and is not for the kind other\n"
    "  --until TIME       2027-02-20T00:00:00Z, or from now on, such as 90d (a hold: 90d at most)\n"
    "  --text FILE        the text of a notice (without it, one is made) or of an objection\n"
    "  --to FILE          e-mail addresses, one a line, or - for standard input; they are kept nowhere\n"
    "  --custodian-a, --custodian-b KEY,CERT\n"
    "                     files of one custodian of each group, who open recovery contacts together\n"
    "  --alone            an emergency is approved by one officer, and reviewed by another within 72 hours\n"
    "  --out PATH         folder for what is handed out; file for the statement that officers sign\n"
    "  --all              also cases that have ended\n"
    "  --yes              do it; without it, it is only looked at whether it could be done\n"
    "  --json             one line of JSON\n";

enum form { FORM_TEXT, FORM_FILE, FORM_SCOPE, FORM_TIME, FORM_SECONDS, FORM_ACCOUNT, FORM_ACCOUNTS };

struct fact {
	const char *key;
	enum disclose_word word;
	enum form form;
};

#define SAID(key, word) \
	{ \
		key, word, FORM_TEXT \
	}
#define SCOPE \
	{ \
		"scope", WORD_SCOPE, FORM_SCOPE \
	}
#define UNTIL \
	{ \
		"until", WORD_UNTIL, FORM_TIME \
	}
#define ACCOUNT \
	{ \
		"account", WORD_ACCOUNT, FORM_ACCOUNT \
	}
#define REASON SAID("reason", WORD_REASON)

enum takes { TAKES_CASE, TAKES_NOTHING, TAKES_FILE };

/* What each word of the command does: a function, or a step with what is said in it. */
static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct disclose_request *r);
	struct fact facts[FACTS_MAX];
	enum takes takes;
} actions[] = {
	{ .name = "receive",
	    .takes = TAKES_NOTHING,
	    .facts = { SAID("kind", WORD_KIND), SAID("from", WORD_FROM), SAID("reference", WORD_REFERENCE), SCOPE,
	        SAID("note", WORD_NOTE) } },
	{ .name = "check", .facts = { SAID("how", WORD_HOW), SCOPE, SAID("call_back", WORD_CALL_BACK) } },
	{ .name = "ground", .facts = { SAID("ground", WORD_GROUND), REASON, { "accounts", WORD_ACCOUNT, FORM_ACCOUNTS } } },
	{ .name = "hold", .facts = { UNTIL } },
	{ .name = "notice", .facts = { { "window_s", WORD_WINDOW, FORM_SECONDS }, REASON } },
	{ .name = "silence", .facts = { SAID("why", WORD_WHY), REASON, UNTIL } },
	{ .name = "notify", .run = disclose_notify },
	{ .name = "notified", .facts = { ACCOUNT, SAID("answer", WORD_ANSWER) } },
	{ .name = "object", .facts = { SAID("by", WORD_BY), { "text", WORD_TEXT, FORM_FILE }, ACCOUNT } },
	{ .name = "overrule", .facts = { REASON } },
	{ .name = "narrow", .facts = { SCOPE, REASON } },
	{ .name = "propose" },
	{ .name = "statement", .run = disclose_statement },
	{ .name = "approve", .run = disclose_approve },
	{ .name = "release", .run = disclose_release },
	{ .name = "review", .run = disclose_review },
	{ .name = "refuse", .facts = { REASON } },
	{ .name = "withdraw", .facts = { REASON } },
	{ .name = "abandon", .facts = { REASON } },
	{ .name = "close", .facts = { REASON } },
	{ .name = "list", .run = disclose_list, .takes = TAKES_NOTHING },
	{ .name = "show", .run = disclose_show },
	{ .name = "due", .run = disclose_due, .takes = TAKES_NOTHING },
	{ .name = "report", .run = disclose_report, .takes = TAKES_NOTHING },
	{ .name = "officers", .run = disclose_officers, .takes = TAKES_NOTHING },
	{ .name = "add-officer", .run = disclose_officer_add, .takes = TAKES_FILE },
	{ .name = "end-officer", .run = disclose_officer_end, .takes = TAKES_FILE },
};

static int read_file(struct ctx *c, const char *path, const char **ret)
{
	struct bytes content;
	TRY(file_read(c, path, &content));
	if (content.n > TEXT_MAX || (content.n > 0 && memchr(content.p, '\0', content.n) != NULL)) {
		return FAIL(c, MALFORMED, "%s: must be text of up to %zu octets", path, TEXT_MAX);
	}
	*ret = buffer_utf8(c->arena, arena_text_n(c->arena, content.p, content.n));
	return 0;
}

static int add_time(struct ctx *c, json_t *facts, const char *key, const char *text)
{
	struct timestamp t;
	int64_t seconds = 0;
	if (duration_parse(text, &seconds) == 0) {
		t = timestamp_add_s(clock_now(), seconds);
	} else if (timestamp_parse(bytes_of_text(text), &t) != 0) {
		return FAIL(c, MALFORMED, "\"%s\" is no time, such as 2027-02-20T00:00:00Z or 90d", text);
	}
	(void) json_object_set_new(facts, key, json_string(operator_time(c->arena, t, "")));
	return 0;
}

/* In the one form in which accounts are on record. */
static int account_text(struct ctx *c, const char *word, json_t **ret)
{
	struct id id;
	char text[ID_TEXT_SIZE];
	if (operator_account(word, &id) != 0) {
		return FAIL(c, MALFORMED, "\"%s\": " OPERATOR_NO_ACCOUNT, word);
	}
	id_encode(id, text);
	*ret = json_string(text);
	return 0;
}

static int add_accounts(struct ctx *c, json_t *facts, const struct fact *f, const struct text_list *accounts)
{
	json_t *one = NULL;
	if (f->form == FORM_ACCOUNTS) {
		json_t *list = json_array();
		(void) json_object_set_new(facts, f->key, list);
		for (size_t i = 0; i < accounts->n; i++) {
			TRY(account_text(c, accounts->v[i], &one));
			(void) json_array_append_new(list, one);
		}
		return 0;
	}
	TRY(account_text(c, accounts->v[0], &one));
	(void) json_object_set_new(facts, f->key, one);
	return 0;
}

static int add_fact(struct ctx *c, json_t *facts, const struct fact *f, const char *word)
{
	const char *text = word;
	json_t *scope = NULL;
	int64_t seconds = 0;
	if (f->form == FORM_TIME) {
		return add_time(c, facts, f->key, word);
	}
	if (f->form == FORM_SECONDS) {
		if (duration_parse(word, &seconds) != 0) {
			return FAIL(c, MALFORMED, "\"%s\" is no length of time, such as 14d", word);
		}
		(void) json_object_set_new(facts, f->key, json_integer(seconds));
		return 0;
	}
	if (f->form != FORM_TEXT) {
		TRY(read_file(c, word, &text));
	}
	if (f->form == FORM_SCOPE) {
		TRY(json_parse(c, bytes_of_text(text), &scope));
		(void) json_object_set(facts, f->key, scope);
		return 0;
	}
	(void) json_object_set_new(facts, f->key, json_string(buffer_utf8(c->arena, text)));
	return 0;
}

void disclose_tell(struct ctx *c, const struct disclose_request *r, const char *act, const struct disclose_step *step)
{
	char id[ID_TEXT_SIZE];
	id_encode(r->case_id, id);
	if (r->options.json) {
		json_t *answer = arena_json(c->arena, fields_to_json_value(&disclose_step_fields, step));
		(void) json_object_set_new(answer, "case", json_string(id));
		(void) json_object_set_new(answer, "act", json_string(act));
		(void) json_object_set_new(answer, "done", json_boolean(r->options.yes));
		printf("%s\n", (const char *) json_encode(c->arena, answer).p);
	} else if (r->options.yes) {
		printf("Case %s is \"%s\" (step %lld, %s).\n", id, step->state, (long long) step->n, act);
	} else {
		printf("It would be \"%s\" then. Nothing was changed. Run it again with --yes.\n", step->state);
	}
}

int disclose_do(struct ctx *c, const struct disclose_request *r, const char *act, json_t *facts)
{
	struct disclose_step step;
	TRY(disclose_add_step(c, r->case_id, act, facts, !r->options.yes, &step));
	disclose_tell(c, r, act, &step);
	return 0;
}

static int do_plain(struct ctx *c, const struct disclose_request *r, size_t action)
{
	json_t *facts = arena_json(c->arena, json_object());
	for (size_t i = 0; i < FACTS_MAX && actions[action].facts[i].key != NULL; i++) {
		const struct fact *f = &actions[action].facts[i];
		const char *word = r->words[f->word];
		if (word == NULL) {
			continue;
		}
		TRY(f->word == WORD_ACCOUNT ? add_accounts(c, facts, f, &r->accounts) : add_fact(c, facts, f, word));
	}
	return disclose_do(c, r, actions[action].name, facts);
}

/* ---- words ---- */

#define WORD_LETTER 256
#define WORD_OPTION(name, word) \
	{ \
		name, required_argument, NULL, WORD_LETTER + (word) \
	}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	WORD_OPTION("kind", WORD_KIND),
	WORD_OPTION("from", WORD_FROM),
	WORD_OPTION("reference", WORD_REFERENCE),
	WORD_OPTION("scope", WORD_SCOPE),
	WORD_OPTION("note", WORD_NOTE),
	WORD_OPTION("how", WORD_HOW),
	WORD_OPTION("call-back", WORD_CALL_BACK),
	WORD_OPTION("ground", WORD_GROUND),
	WORD_OPTION("reason", WORD_REASON),
	WORD_OPTION("window", WORD_WINDOW),
	WORD_OPTION("why", WORD_WHY),
	WORD_OPTION("until", WORD_UNTIL),
	WORD_OPTION("account", WORD_ACCOUNT),
	WORD_OPTION("text", WORD_TEXT),
	WORD_OPTION("subject", WORD_SUBJECT),
	WORD_OPTION("to", WORD_TO),
	WORD_OPTION("known-from", WORD_KNOWN_FROM),
	WORD_OPTION("via", WORD_VIA),
	WORD_OPTION("answer", WORD_ANSWER),
	WORD_OPTION("by", WORD_BY),
	WORD_OPTION("key", WORD_KEY),
	WORD_OPTION("certificate", WORD_CERTIFICATE),
	WORD_OPTION("signature", WORD_SIGNATURE),
	WORD_OPTION("outcome", WORD_OUTCOME),
	WORD_OPTION("out", WORD_OUT),
	WORD_OPTION("custodian-a", WORD_CUSTODIAN_A),
	WORD_OPTION("custodian-b", WORD_CUSTODIAN_B),
	WORD_OPTION("name", WORD_NAME),
	WORD_OPTION("year", WORD_YEAR),
	WORD_OPTION("least", WORD_LEAST),
	{ "all", no_argument, NULL, 'a' },
	{ "alone", no_argument, NULL, 'o' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int opt)
{
	struct disclose_request *r = request;
	if (opt >= WORD_LETTER && opt < WORD_LETTER + WORD_COUNT) {
		r->words[opt - WORD_LETTER] = optarg;
		if (opt == WORD_LETTER + WORD_ACCOUNT) {
			r->accounts.v[r->accounts.n++] = optarg;
		}
		return true;
	}
	if (opt == 'a' || opt == 'o') {
		*(opt == 'a' ? &r->all : &r->alone) = true;
		return true;
	}
	return operator_option(&r->options, opt);
}

static const struct operator_command command = { "disclose", usage, options, take_option };

static int act(struct ctx *c, size_t i, struct disclose_request *r)
{
	/* who may add officers is none */
	bool operates = actions[i].takes == TAKES_FILE;
	const struct statement *const *statements = operates ? disclose_operator_statements : disclose_statements;
	size_t n = operates ? disclose_operator_statements_n : disclose_statements_n;
	r->options.officer = !operates;
	json_wipe();
	smtp_wipe();
	if (sandbox_no_dump(c) != 0 || operator_open(c, &r->options, statements, n, &r->config) != 0 ||
	    (actions[i].run == NULL ? do_plain(c, r, i) : actions[i].run(c, r)) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct disclose_request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } },
		.accounts = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind - 1 != (actions[i].takes == TAKES_NOTHING ? 0 : 1)) {
		return operator_misused(&command, actions[i].takes == TAKES_NOTHING ? "this takes options only" : "say which");
	}
	if (r.accounts.n > 1 && strcmp(actions[i].name, "ground") != 0) {
		return operator_misused(&command, "this is of one --account");
	}
	r.file = argv[argc - 1];
	r.case_id = id_new();
	if (actions[i].takes == TAKES_CASE && id_parse(bytes_of_text(r.file), &r.case_id) != 0) {
		return operator_misused(&command, "a case is named by the 22 characters of its id");
	}
	if (strcmp(actions[i].name, "notice") == 0 && r.words[WORD_WINDOW] == NULL) {
		r.words[WORD_WINDOW] = "14d";
	}
	return act(c, i, &r);
}

int cli_disclose(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
