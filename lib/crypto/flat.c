#include "lib/crypto/flat.h"

#include "lib/base/scan.h"

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
	if (f->n == FLAT_MEMBERS || !scan_string(s, &name) || !scan_char(s, ':') || !scan_string(s, &value) ||
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
	if (text.n == 0 || !scan_char(&s, '{')) {
		return -1;
	}
	do {
		if (!take_member(&s, &f)) {
			return -1;
		}
	} while (scan_char(&s, ','));
	bool closed = scan_char(&s, '}');
	scan_blanks(&s);
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
