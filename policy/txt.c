#include "policy/txt.h"

/* The next character-string, which stands behind its length. -1: it is cut off. */
static int take_string(struct bytes *in, struct bytes *ret)
{
	size_t n = in->p[0];
	if (in->n - 1 < n) {
		return -1;
	}
	*ret = (struct bytes) { in->p + 1, n };
	*in = (struct bytes) { in->p + 1 + n, in->n - 1 - n };
	return 0;
}

int txt_join(struct arena *a, struct bytes rdata, struct bytes *ret)
{
	struct buffer b;
	buffer_init(&b, a, rdata.n + 1);
	if (rdata.n == 0) {
		return -1;
	}
	while (rdata.n > 0) {
		struct bytes string;
		TRY(take_string(&rdata, &string));
		buffer_add(&b, string.p, string.n);
	}
	*ret = buffer_bytes(&b);
	return 0;
}

void txt_quote(struct buffer *b, struct bytes octets)
{
	buffer_add_char(b, '"');
	for (size_t i = 0; i < octets.n; i++) {
		uint8_t o = octets.p[i];
		if (o < ' ' || o >= 0x7f) {
			buffer_printf(b, "\\%03u", o);
		} else if (o == '"' || o == '\\') {
			buffer_printf(b, "\\%c", o);
		} else {
			buffer_add_char(b, (char) o);
		}
	}
	buffer_add_char(b, '"');
}

const char *txt_encode(struct arena *a, struct bytes rdata)
{
	struct buffer b;
	buffer_init(&b, a, rdata.n + 16);
	while (rdata.n > 0) {
		struct bytes string;
		if (take_string(&rdata, &string) != 0) {
			return "malformed";
		}
		txt_quote(&b, string);
		if (rdata.n > 0) {
			buffer_add_char(&b, ' ');
		}
	}
	struct bytes text = buffer_bytes(&b);
	return text.n == 0 ? "malformed" : (const char *) text.p;
}
