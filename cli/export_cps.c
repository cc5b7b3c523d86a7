#include "cli/export.h"
#include "cli/export_page.h"
#include "policy/cps.h"

static const char usage[] =
    "Usage: cairn export cps --config FILE [--html] [--out FILE]\n"
    "\n"
    "Writes what a certification practice statement has to say and the configuration decides, as Markdown: whom CAA\n"
    "may name and how it is read, methods of validation, perspectives, lives, CRLs, and where a private CA departs\n"
    "from the Baseline Requirements. The names are those of caaIdentities in the directory.\n"
    "\n"
    "  --html         as a page\n"
    "  --out FILE     a new file, in place of the terminal\n"
    "  --config FILE  may stand again, each laid over the one before\n"
    "  --json         the text within one line of JSON\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "html", no_argument, NULL, 'H' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "export cps", usage, options, export_page_take };

static int write_text(struct ctx *c, const struct operator_options *o, enum notice_form form, struct bytes *ret_text)
{
	struct config *config = NULL;
	TRY(config_load(c, o->files.v, o->files.n, &config));
	*ret_text = cps_write(c->arena, config, form);
	config_free(config);
	return 0;
}

static int run(struct ctx *c, int argc, char **argv)
{
	static const struct export_page page = { &command, "The extract", write_text };
	return export_page_run(c, &page, argc, argv);
}

int export_cps_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
