#include <stdio.h>

#include "cli/export.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "policy/cps.h"

static const char usage[] =
    "Usage: cairn export cps --config FILE [--html] [--out FILE]\n"
    "\n"
    "Writes what a certification practice statement has to say and the configuration decides, as Markdown: whom CAA "
    "may\n"
    "name and how it is read, methods of validation, perspectives, lives, CRLs, and where a private CA departs from "
    "the\n"
    "Baseline Requirements. The names are those of caaIdentities in the directory.\n"
    "\n"
    "  --html         as a page\n"
    "  --out FILE     a new file, in place of the terminal\n"
    "  --config FILE  may stand again, each laid over the one before\n";

struct request {
	struct operator_options options;
	const char *out;
	bool html;
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
	{ "html", no_argument, NULL, 'H' },
	{ "out", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};
static const struct operator_command command = { "export cps", usage, options, take_option };

static int tell(struct ctx *c, const struct request *r)
{
	struct config *config = NULL;
	if (r->options.files.n == 0) {
		return FAIL(c, MALFORMED, "The extract tells what the configuration says: name it by --config");
	}
	TRY(config_load(c, r->options.files.v, r->options.files.n, &config));
	struct bytes text = cps_write(c->arena, config, r->html ? NOTICE_HTML : NOTICE_MARKDOWN);
	config_free(config);
	if (r->out != NULL) {
		return file_make(c, r->out, text, 0644);
	}
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0 : FAIL(c, SERVER_INTERNAL, "The extract can't be printed");
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

int export_cps_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}
