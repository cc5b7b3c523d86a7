#include <stdio.h>

#include "cli/export.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "policy/notice.h"

static const char usage[] =
    "Usage: cairn export privacy-notice [--html] [--out FILE]\n"
    "\n"
    "Writes the privacy notice of this deployment as Markdown, from its configuration and from the rules of retention "
    "in its\n"
    "database: what is kept, how long, and who sees it. cairn-wfe serves the same text at /privacy.\n"
    "\n"
    "  --html           as a page\n"
    "  --out FILE       a new file, in place of the terminal\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator, cairn_officer or cairn_auditor "
    "instead\n";

struct request {
	struct operator_options options;
	const char *out;
	bool html;
};

const struct statement export_rules_statement = {
	.name = "export_rules",
	.sql = "SELECT class, clear_s, keep_s FROM cairn.retention_rules(false)",
	.row = &notice_rule_fields,
	.repeatable = true,
};

static bool take_option(void *request, int letter)
{
	struct request *r = request;
	if (letter == 'H') {
		r->html = true;
		return true;
	}
	const char **const texts[OPERATOR_LETTERS] = { ['o'] = &r->out };
	return operator_text(&r->options, texts, letter);
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "html", no_argument, NULL, 'H' },
	{ "out", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "export privacy-notice", usage, options, take_option };

static int tell(struct ctx *c, const struct request *r)
{
	static const struct statement *const statements[] = { &export_rules_statement };
	const struct config *config = NULL;
	struct notice_rule_list rules = { NULL, 0 };
	if (r->options.files.n == 0) {
		return FAIL(c, MALFORMED, "The notice tells what the configuration says: name it by --config");
	}
	TRY(operator_open(c, &r->options, statements, COUNT_OF(statements), &config));
	TRY(db_rows(c, &export_rules_statement, NULL, (void *) &rules.v, &rules.n));
	struct bytes text = notice_write(c->arena, config, &rules, r->html ? NOTICE_HTML : NOTICE_MARKDOWN);
	if (r->out != NULL) {
		return file_make(c, r->out, text, 0644);
	}
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0 : FAIL(c, SERVER_INTERNAL, "The notice can't be printed");
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct request r = { .html = false };
	r.options.files.v = ARENA_ARRAY(c->arena, (size_t) argc, const char *);
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind != argc) {
		return operator_misused(&command, "nothing but options");
	}
	if (tell(c, &r) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

int export_notice_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
