/* How the notice is put down: headings, paragraphs, points and a table, as HTML or as Markdown. What is given is plain text. */
#ifndef CAIRN_POLICY_NOTICE_TEXT_H
#define CAIRN_POLICY_NOTICE_TEXT_H

#include "policy/notice.h"

struct notice_text {
	struct buffer b;
	enum notice_form form;
	bool in_list;
};

void notice_begin(struct notice_text *t, struct arena *a, enum notice_form form, const char *title);
void notice_heading(struct notice_text *t, const char *text);
void notice_say(struct notice_text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void notice_point(struct notice_text *t, const char *format, ...) PRINTF_LIKE(2, 3);
void notice_row(struct notice_text *t, const char *const *cells, size_t n, bool head);
void notice_end_table(struct notice_text *t);
/* When data is disclosed to others, in the same words wherever it is said (G-50, G-58): whose consent ("your"), and who is told ("You are"). */
void notice_say_disclosure(struct notice_text *t, const char *whose, const char *who);
struct bytes notice_end(struct notice_text *t);

#endif
