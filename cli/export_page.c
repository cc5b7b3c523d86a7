#include "cli/export_page.h"

#include <stdio.h>

#include "cli/files.h"

bool export_page_take(void *request, int letter)
{
	struct export_page_request *r = request;
	if (letter == 'H') {
		r->html = true;
		return true;
	}
	const char **const texts[OPERATOR_LETTERS] = { ['o'] = &r->out };
	return operator_text(&r->options, texts, letter);
}

struct page_answer {
	const char *form;
	const char *text;
};
static const struct field page_field[] = {
	FIELD(struct page_answer, form),
	FIELD(struct page_answer, text),
};
static const struct fields page_fields = FIELDS(struct page_answer, page_field);

static int tell(struct ctx *c, const struct export_page *page, const struct export_page_request *r)
{
	struct bytes text;
	if (r->options.files.n == 0) {
		return FAIL(c, MALFORMED, "%s tells what the configuration says: name it by --config", page->thing);
	}
	TRY(page->write(c, &r->options, r->html ? NOTICE_HTML : NOTICE_MARKDOWN, &text));
	if (r->options.json) {
		const struct page_answer answer = { r->html ? "html" : "markdown", arena_text_n(c->arena, text.p, text.n) };
		text = bytes_of_text(
		    arena_printf(c->arena, "%s\n", (const char *) fields_to_json(c->arena, &page_fields, &answer).p));
	}
	if (r->out != NULL) {
		return file_make(c, r->out, text, 0644);
	}
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0
	                                                   : FAIL(c, SERVER_INTERNAL, "%s can't be printed", page->thing);
}

int export_page_run(struct ctx *c, const struct export_page *page, int argc, char **argv)
{
	struct export_page_request r = { .html = false };
	r.options.files.v = ARENA_ARRAY(c->arena, (size_t) argc, const char *);
	int code = operator_read(page->command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind != argc) {
		return operator_misused(page->command, "nothing but options");
	}
	if (tell(c, page, &r) != 0) {
		operator_complain(c, page->command->name);
		return 1;
	}
	return 0;
}
