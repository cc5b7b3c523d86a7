#include "lib/crypto/renewal_id.h"

#include <string.h>

#include "lib/base/base64.h"

#define KEY_ID_MAX 32
#define SERIAL_MAX 20

/* X.690 8.3.2: no nine leading bits alike; ours are positive. */
static bool is_serial(struct bytes octets)
{
	if (octets.n < 1 || octets.n > SERIAL_MAX || octets.p[0] > 0x7f) {
		return false;
	}
	return octets.n == 1 ? octets.p[0] != 0 : octets.p[0] != 0 || octets.p[1] > 0x7f;
}

static bool parse(struct arena *a, struct bytes text, struct renewal_id *ret)
{
	const uint8_t *dot = text.n == 0 ? NULL : memchr(text.p, '.', text.n);
	if (dot == NULL || text.n > BASE64URL_ENCODED(KEY_ID_MAX) + 1 + BASE64URL_ENCODED(SERIAL_MAX)) {
		return false;
	}
	struct bytes before = { text.p, (size_t) (dot - text.p) };
	struct bytes behind = { dot + 1, text.n - before.n - 1 };
	return base64url_decode(a, before, &ret->key_id) == 0 && base64url_decode(a, behind, &ret->serial) == 0 &&
	       ret->key_id.n > 0 && ret->key_id.n <= KEY_ID_MAX && is_serial(ret->serial);
}

int renewal_id_parse(struct ctx *c, struct bytes text, struct renewal_id *ret)
{
	struct renewal_id id = { { 0 }, { 0 } };
	if (!parse(c->arena, text, &id)) {
		return FAIL(c, MALFORMED,
		    "A certificate is named by base64url(authority key identifier) \".\" base64url(serial), without padding");
	}
	*ret = id;
	return 0;
}
