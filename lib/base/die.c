#include "lib/base/die.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 512

/* As JSON wants it, into room for six octets a character. No memory is asked for: there may be none. */
static size_t escape(const char *text, char *to)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	for (const unsigned char *p = (const unsigned char *) text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\') {
			to[n++] = '\\';
			to[n++] = (char) *p;
		} else if (*p < 0x20 || *p > 0x7e) {
			memcpy(to + n, "\\u00", 4);
			to[n + 4] = digits[*p >> 4];
			to[n + 5] = digits[*p & 15];
			n += 6;
		} else {
			to[n++] = (char) *p;
		}
	}
	return n;
}

void die(const char *format, ...)
{
	static const char head[] = "{\"level\":\"fatal\",\"message\":\"";
	static const char tail[] = "\"}\n";
	char text[TEXT_MAX];
	char line[sizeof(head) + 6 * TEXT_MAX + sizeof(tail)];
	va_list ap;
	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	memcpy(line, head, sizeof(head) - 1);
	size_t n = sizeof(head) - 1;
	n += escape(text, line + n);
	memcpy(line + n, tail, sizeof(tail) - 1);
	n += sizeof(tail) - 1;
	ssize_t written = write(STDERR_FILENO, line, n);
	(void) written; /* nobody is left to tell */
	abort();
}
