#include "lib/base/scan.h"

void scan_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r')) {
		s->p++;
	}
}

bool scan_char(struct scan *s, uint8_t one)
{
	scan_blanks(s);
	if (s->p == s->end || *s->p != one) {
		return false;
	}
	s->p++;
	return true;
}

bool scan_is_plain(uint8_t one)
{
	return one >= 0x20 && one < 0x7f && one != '"' && one != '\\';
}

bool scan_string(struct scan *s, struct bytes *ret)
{
	if (!scan_char(s, '"')) {
		return false;
	}
	const uint8_t *start = s->p;
	while (s->p < s->end && scan_is_plain(*s->p)) {
		s->p++;
	}
	*ret = (struct bytes) { start, (size_t) (s->p - start) };
	return s->p < s->end && *s->p++ == '"';
}
