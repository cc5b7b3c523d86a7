#include "cli/export.h"
#include "cli/export_page.h"
#include "policy/notice.h"

static const char usage[] =
    "Usage: cairn export privacy-notice [--html] [--out FILE]\n"
    "\n"
    "Writes the privacy notice of this deployment as Markdown, from its configuration and from the rules of retention "
    "in\n"
    "its database: what is kept, how long, and who sees it. cairn-wfe serves the same text at /privacy.\n"
    "\n"
    "  --html           as a page\n"
    "  --out FILE       a new file, in place of the terminal\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator, cairn_officer or cairn_auditor "
    "instead\n"
    "  --json           the text within one line of JSON\n";

const struct statement export_rules_statement = {
	.name = "export_rules",
	.sql = "SELECT class, clear_s, keep_s FROM cairn.retention_rules(false)",
	.row = &notice_rule_fields,
	.repeatable = true,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "html", no_argument, NULL, 'H' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "export privacy-notice", usage, options, export_page_take };

static int write_text(struct ctx *c, const struct operator_options *o, enum notice_form form, struct bytes *ret_text)
{
	static const struct statement *const statements[] = { &export_rules_statement };
	const struct config *config = NULL;
	struct notice_rule_list rules = { NULL, 0 };
	TRY(operator_open(c, o, statements, COUNT_OF(statements), &config));
	TRY(db_rows(c, &export_rules_statement, NULL, (void *) &rules.v, &rules.n));
	*ret_text = notice_write(c->arena, config, &rules, form);
	return 0;
}

static int run(struct ctx *c, int argc, char **argv)
{
	static const struct export_page page = { &command, "The notice", write_text };
	return export_page_run(c, &page, argc, argv);
}

int export_notice_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
