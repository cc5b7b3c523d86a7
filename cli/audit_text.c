#include "cli/audit_text.h"

#include <string.h>

/* Of C1 in UTF-8, both octets. */
static bool is_control(const char *text, size_t i)
{
	unsigned char one = (unsigned char) text[i];
	unsigned char next = (unsigned char) (one == '\0' ? '\0' : text[i + 1]);
	bool behind = i > 0 && (unsigned char) text[i - 1] == 0xc2;
	return one < 0x20 || one == 0x7f || (behind && one >= 0x80 && one < 0xa0) ||
	       (one == 0xc2 && next >= 0x80 && next < 0xa0);
}

const char *audit_plain(struct arena *a, const char *text)
{
	const char *from = text == NULL ? "" : text;
	size_t n = strlen(from);
	char *plain = ARENA_ARRAY(a, n + 1, char);
	for (size_t i = 0; i < n; i++) {
		plain[i] = (char) (is_control(from, i) ? '?' : from[i]);
	}
	plain[n] = '\0';
	return plain;
}
