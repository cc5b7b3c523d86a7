#include "policy/issue_value.h"

#include <string.h>
#include <strings.h>

bool issue_value_is_alnum(uint8_t o)
{
	return (o >= '0' && o <= '9') || (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z');
}

bool issue_value_same(struct bytes b, const char *text)
{
	return b.n == strlen(text) && strncasecmp((const char *) b.p, text, b.n) == 0;
}

bool issue_value_names(struct bytes issuer, const struct text_list *identities)
{
	for (size_t i = 0; i < identities->n; i++) {
		if (issue_value_same(issuer, identities->v[i])) {
			return true;
		}
	}
	return false;
}

static void skip_blanks(struct bytes *in)
{
	while (in->n > 0 && (*in->p == ' ' || *in->p == '\t')) {
		in->p++;
		in->n--;
	}
}

static struct bytes take(struct bytes *in, size_t n)
{
	struct bytes taken = { in->p, n };
	in->p += n;
	in->n -= n;
	return taken;
}

/* Takes the longest run of letters, digits and inner hyphens (`label` and `tag` of the grammar). Empty: none is there. */
static struct bytes take_label(struct bytes *in)
{
	size_t n = 0;
	while (n < in->n && (issue_value_is_alnum(in->p[n]) || (n > 0 && in->p[n] == '-'))) {
		n++;
	}
	while (n > 0 && in->p[n - 1] == '-') {
		n--;
	}
	return take(in, n);
}

static bool take_char(struct bytes *in, char one)
{
	bool there = in->n > 0 && *in->p == (uint8_t) one;
	if (there) {
		(void) take(in, 1);
	}
	return there;
}

/* label *("." label) */
static int take_issuer(struct bytes *in, struct bytes *ret)
{
	*ret = take_label(in);
	while (ret->n > 0 && take_char(in, '.')) {
		struct bytes label = take_label(in);
		if (label.n == 0) {
			return -1;
		}
		ret->n = (size_t) (label.p + label.n - ret->p);
	}
	return 0;
}

int issue_value_begin(struct bytes *in, struct bytes *ret_issuer)
{
	skip_blanks(in);
	if (take_issuer(in, ret_issuer) != 0) {
		return -1;
	}
	skip_blanks(in);
	if (in->n > 0 && !take_char(in, ';')) {
		return -1;
	}
	skip_blanks(in);
	return 0;
}

/* tag *WSP "=" *WSP value, and the ";" that another one must follow */
int issue_value_next(struct bytes *in, struct issue_parameter *ret)
{
	if (in->n == 0) {
		return 0;
	}
	struct bytes tag = take_label(in);
	skip_blanks(in);
	if (tag.n == 0 || !take_char(in, '=')) {
		return -1;
	}
	skip_blanks(in);
	size_t n = 0;
	while (n < in->n && in->p[n] > ' ' && in->p[n] < 0x7f && in->p[n] != ';') {
		n++;
	}
	*ret = (struct issue_parameter) { tag, take(in, n) };
	skip_blanks(in);
	bool more = take_char(in, ';');
	skip_blanks(in);
	bool another = in->n > 0;
	return more == another ? 1 : -1;
}
