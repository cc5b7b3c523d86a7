#include "policy/notice_text.h"

#include <string.h>

/* What would be markup becomes a character. In Markdown that is what opens a link, a tag, a cell or code. */
static void add_plain(struct notice_text *t, const char *text)
{
	static const char special[] = "\\`*_[]<>|";
	for (const char *p = text; *p != '\0'; p++) {
		if (t->form == NOTICE_MARKDOWN) {
			buffer_add_text(&t->b, strchr(special, *p) != NULL ? "\\" : "");
			buffer_add(&t->b, p, 1);
		} else if (*p == '<' || *p == '>' || *p == '&' || *p == '"') {
			buffer_printf(&t->b, "&#%d;", *p);
		} else {
			buffer_add(&t->b, p, 1);
		}
	}
}

static void open_block(struct notice_text *t, bool list)
{
	if (t->form == NOTICE_HTML && t->in_list != list) {
		buffer_add_text(&t->b, list ? "<ul>\n" : "</ul>\n");
	} else if (t->form == NOTICE_MARKDOWN && (!list || !t->in_list)) {
		buffer_add_text(&t->b, "\n");
	}
	t->in_list = list;
}

static void add_block(struct notice_text *t, const char *before, const char *text, const char *after)
{
	buffer_add_text(&t->b, before);
	add_plain(t, text);
	buffer_add_text(&t->b, after);
}

static bool is_html(const struct notice_text *t)
{
	return t->form == NOTICE_HTML;
}

void notice_begin(struct notice_text *t, struct arena *a, enum notice_form form, const char *title)
{
	*t = (struct notice_text) { .form = form };
	buffer_init(&t->b, a, 8192);
	if (is_html(t)) {
		add_block(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>", title,
		    "</title></head>\n<body>\n");
	}
	add_block(t, is_html(t) ? "<h1>" : "# ", title, is_html(t) ? "</h1>\n" : "\n");
}

void notice_heading(struct notice_text *t, const char *text)
{
	open_block(t, false);
	add_block(t, is_html(t) ? "<h2>" : "## ", text, is_html(t) ? "</h2>\n" : "\n");
}

void notice_say(struct notice_text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *text = arena_vprintf(t->b.arena, format, ap);
	va_end(ap);
	open_block(t, false);
	add_block(t, is_html(t) ? "<p>" : "", text, is_html(t) ? "</p>\n" : "\n");
}

void notice_point(struct notice_text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *text = arena_vprintf(t->b.arena, format, ap);
	va_end(ap);
	open_block(t, true);
	add_block(t, is_html(t) ? "<li>" : "- ", text, is_html(t) ? "</li>\n" : "\n");
}

static void add_markdown_row(struct notice_text *t, const char *const *cells, size_t n, bool head)
{
	buffer_add_text(&t->b, "|");
	for (size_t i = 0; i < n; i++) {
		add_block(t, " ", cells[i], " |");
	}
	buffer_add_text(&t->b, head ? "\n|" : "\n");
	for (size_t i = 0; head && i < n; i++) {
		buffer_add_text(&t->b, i + 1 < n ? "---|" : "---|\n");
	}
}

void notice_row(struct notice_text *t, const char *const *cells, size_t n, bool head)
{
	if (head) {
		open_block(t, false);
	}
	if (!is_html(t)) {
		add_markdown_row(t, cells, n, head);
		return;
	}
	buffer_add_text(&t->b, head ? "<table>\n<tr>" : "<tr>");
	for (size_t i = 0; i < n; i++) {
		add_block(t, head ? "<th>" : "<td>", cells[i], head ? "</th>" : "</td>");
	}
	buffer_add_text(&t->b, "</tr>\n");
}

void notice_end_table(struct notice_text *t)
{
	buffer_add_text(&t->b, is_html(t) ? "</table>\n" : "");
}

void notice_say_disclosure(struct notice_text *t, const char *whose, const char *who)
{
	notice_say(t,
	    "Data is not sold, and no profiles are made of anybody. It is disclosed to others with %s consent, or where it "
	    "is "
	    "believed in good faith that law demands it, such as by the order of a court; recovery contacts also where "
	    "that "
	    "is thought needed to prevent loss of life, injury, damage to property or great financial harm. %s told "
	    "before, "
	    "unless that is forbidden or in vain.",
	    whose, who);
}

struct bytes notice_end(struct notice_text *t)
{
	if (is_html(t)) {
		open_block(t, false);
		buffer_add_text(&t->b, "</body>\n</html>\n");
	}
	return buffer_bytes(&t->b);
}
