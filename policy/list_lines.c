#include "policy/list_lines.h"

#include <string.h>

struct list_lines list_lines_of(const struct file *file)
{
	return (struct list_lines) { .file = file, .rest = file->content };
}

size_t list_lines_count(const struct file *file)
{
	size_t n = 1;
	for (size_t i = 0; i < file->content.n; i++) {
		n += file->content.p[i] == '\n' ? 1 : 0;
	}
	return n;
}

int list_lines_fail(struct ctx *c, const struct list_lines *lines, const char *why)
{
	return FAIL(c, MALFORMED, "%s:%zu: %s", lines->file->path, lines->number, why);
}

static struct bytes take_line(struct list_lines *lines)
{
	const uint8_t *end = memchr(lines->rest.p, '\n', lines->rest.n);
	size_t n = end == NULL ? lines->rest.n : (size_t) (end - lines->rest.p);
	struct bytes line = { lines->rest.p, n };
	size_t taken = end == NULL ? n : n + 1;
	lines->rest = (struct bytes) { lines->rest.p + taken, lines->rest.n - taken };
	lines->number++;
	return line;
}

static bool is_space(uint8_t ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

static struct bytes without_comment(struct bytes line)
{
	const uint8_t *hash = line.n == 0 ? NULL : memchr(line.p, '#', line.n);
	size_t n = hash == NULL ? line.n : (size_t) (hash - line.p);
	while (n > 0 && is_space(line.p[n - 1])) {
		n--;
	}
	size_t skip = 0;
	while (skip < n && is_space(line.p[skip])) {
		skip++;
	}
	return (struct bytes) { line.p + skip, n - skip };
}

int list_lines_next(struct ctx *c, struct list_lines *lines, char text[LIST_LINE_MAX + 1], bool *ret_found)
{
	*ret_found = false;
	while (lines->rest.n > 0) {
		struct bytes line = without_comment(take_line(lines));
		if (line.n == 0) {
			continue;
		}
		if (line.n > LIST_LINE_MAX) {
			return list_lines_fail(c, lines, "the line is too long");
		}
		for (size_t i = 0; i < line.n; i++) {
			if (line.p[i] < 0x20 || line.p[i] > 0x7e) {
				return list_lines_fail(c, lines, "only ASCII may stand here; names in other letters as xn-- labels");
			}
		}
		memcpy(text, line.p, line.n);
		text[line.n] = '\0';
		*ret_found = true;
		return 0;
	}
	return 0;
}
