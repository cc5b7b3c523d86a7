#include "cli/serials.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "lib/base/base64.h"

#define BLANKS " \t\r\n\v\f"
#define LINE_MAX_OCTETS 256
#define SERIALS_MAX 10000000

/* The serial of a line in lower case and without colons; "" for none. NULL: it is none. */
static const char *serial_of_line(struct arena *a, char *line)
{
	struct bytes serial;
	line[strcspn(line, "#")] = '\0';
	line += strspn(line, BLANKS);
	if (line[0] == '\0') {
		return "";
	}
	for (size_t n = strlen(line); strchr(BLANKS, line[n - 1]) != NULL; n--) {
		line[n - 1] = '\0';
	}
	return operator_serial(a, line, &serial) == 0 ? hex_encode(a, serial) : NULL;
}

static int read_lines(struct ctx *c, FILE *file, const char *path, struct text_list *ret)
{
	char line[LINE_MAX_OCTETS];
	size_t room = 1024;
	struct text_list list = { ARENA_ARRAY(c->arena, room, const char *), 0 };
	for (size_t number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
		const char *serial = strlen(line) == sizeof(line) - 1 ? NULL : serial_of_line(c->arena, line);
		if (serial == NULL || list.n == SERIALS_MAX) {
			return FAIL(c, MALFORMED, "%s, line %zu: " OPERATOR_NO_SERIAL, path, number);
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
