/* A text that is written from the configuration, as Markdown or as a page: what its commands share. */
#ifndef CAIRN_CLI_EXPORT_PAGE_H
#define CAIRN_CLI_EXPORT_PAGE_H

#include "cli/operator.h"
#include "policy/notice.h"

struct export_page {
	const struct operator_command *command; /* its request is a struct export_page_request; options are --html, --out */
	const char *thing;                      /* "The notice", for messages */
	/* The text, in c's arena. */
	int (*write)(struct ctx *c, const struct operator_options *o, enum notice_form form, struct bytes *ret_text);
};

struct export_page_request {
	struct operator_options options;
	const char *out;
	bool html;
};

/* For operator_command.take. */
bool export_page_take(void *request, int letter);

/* Reads the options and writes the text into a new file or to standard output. Gives the exit code. */
int export_page_run(struct ctx *c, const struct export_page *page, int argc, char **argv);

#endif
