#include "cli/serials.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SERIAL_DIGITS_MAX 40
#define LINE_MAX_OCTETS 256
#define SERIALS_MAX 10000000

/* The serial of a line in lower case, without the colons that some tools put between octets; "" for none. NULL: it is none. */
static const char *serial_of_line(struct arena *a, const char *line)
{
	char text[LINE_MAX_OCTETS + 1];
	size_t n = 0;
	for (const char *p = line; *p != '\0' && *p != '#'; p++) {
		if (isxdigit((unsigned char) *p)) {
			text[n++] = (char) tolower((unsigned char) *p);
		} else if (*p != ':' && !isspace((unsigned char) *p)) {
			return NULL;
		}
	}
	return n % 2 == 0 && n <= SERIAL_DIGITS_MAX ? arena_text_n(a, text, n) : NULL;
}

static int read_lines(struct ctx *c, FILE *file, const char *path, struct text_list *ret)
{
	char line[LINE_MAX_OCTETS];
	size_t room = 1024;
	struct text_list list = { ARENA_ARRAY(c->arena, room, const char *), 0 };
	for (size_t number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
		const char *serial = strlen(line) == sizeof(line) - 1 ? NULL : serial_of_line(c->arena, line);
		if (serial == NULL || list.n == SERIALS_MAX) {
			return FAIL(c, MALFORMED, "%s, line %zu: a serial has up to 20 octets in hexadecimal digits", path, number);
		}
		if (serial[0] != '\0' && list.n == room) {
			const char **more = ARENA_ARRAY(c->arena, room * 2, const char *);
			memcpy(more, list.v, room * sizeof(*more));
			list.v = more;
			room *= 2;
		}
		if (serial[0] != '\0') {
			list.v[list.n++] = serial;
		}
	}
	*ret = list;
	return 0;
}

int serials_read(struct ctx *c, const char *path, struct text_list *ret)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return FAIL(c, MALFORMED, "%s: can't be opened: %s", path, strerror(errno));
	}
	int result = read_lines(c, file, path, ret);
	bool failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed) {
		return FAIL(c, MALFORMED, "%s: can't be read", path);
	}
	return result;
}
