#include "lib/crypto/flat.h"

#include <string.h>

/* The rest of the text. */
struct scan {
	const uint8_t *p;
	const uint8_t *end;
};

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
		s->p++;
	}
}

static bool take_char(struct scan *s, uint8_t one)
{
	skip_blanks(s);
	if (s->p == s->end || *s->p != one) {
		return false;
	}
	s->p++;
	return true;
}

static bool take_string(struct scan *s, struct bytes *ret)
{
	if (!take_char(s, '"')) {
		return false;
	}
	const uint8_t *start = s->p;
	while (s->p < s->end && *s->p >= 0x20 && *s->p < 0x7f && *s->p != '"' && *s->p != '\\') {
		s->p++;
	}
	*ret = (struct bytes) { start, (size_t) (s->p - start) };
	return s->p < s->end && *s->p++ == '"';
}

static bool is_known(const struct flat *f, struct bytes name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (bytes_equal(f->names[i], name)) {
			return true;
		}
	}
	return false;
}

static bool take_member(struct scan *s, struct flat *f)
{
	struct bytes name;
	struct bytes value;
	if (f->n == FLAT_MEMBERS || !take_string(s, &name) || !take_char(s, ':') || !take_string(s, &value) ||
	    is_known(f, name)) {
		return false;
	}
	f->names[f->n] = name;
	f->values[f->n++] = value;
	return true;
}

int flat_parse(struct bytes text, struct flat *ret)
{
	struct scan s = { text.p, text.p + text.n };
	struct flat f = { .n = 0 };
	if (text.n == 0 || !take_char(&s, '{')) {
		return -1;
	}
	do {
		if (!take_member(&s, &f)) {
			return -1;
		}
	} while (take_char(&s, ','));
	bool closed = take_char(&s, '}');
	skip_blanks(&s);
	if (!closed || s.p != s.end) {
		return -1;
	}
	*ret = f;
	return 0;
}

struct bytes flat_find(const struct flat *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++) {
		if (bytes_equal_text(f->names[i], name)) {
			return f->values[i];
		}
	}
	return (struct bytes) { NULL, 0 };
}
