/* Line by line through a list: "#" begins a comment, white space around is nothing, empty lines are passed over. Pure. */
#ifndef CAIRN_POLICY_LIST_LINES_H
#define CAIRN_POLICY_LIST_LINES_H

#include "lib/base/ctx.h"
#include "lib/base/folder.h"

#define LIST_LINE_MAX 1000

struct list_lines {
	const struct file *file;
	struct bytes rest;
	size_t number; /* of the line that was given last, from 1 */
};

struct list_lines list_lines_of(const struct file *file);

/* The next line with something in it, NUL-terminated in `text`. MALFORMED for a line that is too long or that holds other
 * than printable ASCII. */
int list_lines_next(struct ctx *c, struct list_lines *lines, char text[LIST_LINE_MAX + 1], bool *ret_found) MUST_CHECK;

/* MALFORMED with "FILE:LINE: why"; always -1. */
int list_lines_fail(struct ctx *c, const struct list_lines *lines, const char *why);

/* An upper bound of the entries. */
size_t list_lines_count(const struct file *file);

#endif
