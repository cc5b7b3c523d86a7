#include "cli/audit_why.h"

#include <stdio.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_options.h"
#include "cli/audit_progress.h"
#include "cli/audit_stop.h"
#include "cli/operator.h"
#include "cli/files.h"
#include "lib/base/base64.h"

static const char usage[] =
    "Usage: cairn audit why SERIAL [--json | --html] [--out FILE] [--key KEY]\n"
    "\n"
    "Tells from the records alone why a certificate was issued: its account, order and requests, each validation with\n"
    "its evidence, CAA, the policy as it stood, issuance and revocation, and for each claim what proves it. What is\n"
    "missing or was erased is said. Exit code 1: a claim is missing or changed, or it could not be done, or was "
    "stopped\n"
    "(Ctrl-C: the claims that were looked at are told).\n"
    "\n"
    "  SERIAL           in hexadecimal digits, with colons or without\n"
    "  --json           one line of JSON, with the proofs (cairn audit verify --proof)\n"
    "  --html           a page that stands alone, with the proofs\n"
    "  --out FILE       a new file, in place of the terminal\n"
    "  --key KEY        the log's key (cairn audit key), or its file: the checkpoint must be signed by it\n"
    "  --config FILE    configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_auditor\n";

struct request {
	struct audit_options options;
	bool html;
};

static bool take_option(void *request, int letter)
{
	struct request *r = request;
	if (letter == 'H') {
		r->html = true;
		return true;
	}
	return audit_option(&r->options, letter);
}

static const struct option options[] = {
	{ "html", no_argument, NULL, 'H' },
	AUDIT_OPTIONS,
};
static const struct operator_command command = { "audit why", usage, options, take_option };

static int open_database(struct ctx *c, const struct request *r)
{
	const struct config *config = NULL;
	const struct statement **list = ARENA_ARRAY(c->arena, audit_seal_statements_n + 1, const struct statement *);
	memcpy(list, audit_seal_statements, audit_seal_statements_n * sizeof(list[0]));
	list[audit_seal_statements_n] = &why_statement;
	return operator_open(c, &r->options.options, list, audit_seal_statements_n + 1, &config);
}

/* Who signed the checkpoint that all proofs lead to, if there is one yet. */
static int check_key(struct ctx *c, const struct request *r, const struct audit_tree *tree, struct why_story *story)
{
	struct note_key key;
	struct merkle_head head;
	if (r->options.key != NULL) {
		TRY(audit_read_key(c, &r->options, &key));
	}
	if (tree->note.p == NULL) {
		return 0;
	}
	if (r->options.key == NULL) {
		TRY(note_key_parse(c, tree->key == NULL ? "" : tree->key, &key));
	}
	TRY(checkpoint_open(c, &key, tree->note, &head));
	story->key = note_key_encode(c->arena, &key);
	story->key_was_given = r->options.key != NULL;
	return 0;
}

static int put(struct ctx *c, const struct request *r, const struct why_story *story)
{
	struct bytes text;
	if (story->stopped && r->options.out != NULL) {
		return FAIL(c, UNAVAILABLE, "It was stopped, and %s is not written", r->options.out);
	}
	if (r->options.options.json && r->options.out == NULL) {
		operator_print(c->arena, &why_story_fields, story);
		return 0;
	}
	text = r->options.options.json ? fields_to_json(c->arena, &why_story_fields, story)
	       : r->html               ? why_html(c->arena, story)
	                               : why_text(c->arena, story);
	if (r->options.out != NULL) {
		return file_make(c, r->options.out, text, 0600);
	}
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0 : FAIL(c, SERVER_INTERNAL, "The story can't be printed");
}

static int tell(struct ctx *c, const struct request *r, struct bytes serial, struct why_story *story)
{
	struct audit_tree *tree = ARENA_NEW(c->arena, struct audit_tree);
	TRY(open_database(c, r));
	TRY(audit_tree_read(c, tree));
	TRY(check_key(c, r, tree, story));
	audit_progress("The records are read");
	return why_read(c, serial, tree, story);
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct request r = { .html = false };
	struct why_story story = { .faults = 0 };
	struct bytes serial;
	audit_options_init(c, &r.options, argc);
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind + 1 != argc || (r.html && r.options.options.json)) {
		return operator_misused(&command, "one serial, and one form");
	}
	if (!audit_options_only(&r.options, "jok")) {
		return operator_misused(&command, AUDIT_OPTION_MEANS_NOTHING);
	}
	if (operator_serial(c->arena, argv[optind], &serial) != 0) {
		return operator_misused(&command, OPERATOR_NO_SERIAL);
	}
	story.serial = hex_encode(c->arena, serial);
	audit_stop_catch();
	audit_progress_begin(false);
	int result = tell(c, &r, serial, &story);
	audit_progress_end();
	story.stopped = result != 0 && audit_is_stopped();
	if ((result != 0 && !story.stopped) || put(c, &r, &story) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return story.faults == 0 && !story.stopped ? 0 : 1;
}

int audit_why_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
