#include "ra/onion_caa.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/onion.h"

/* Longer than anybody writes, and than what a service's descriptor has room for. */
#define SET_MAX 16384
#define SIGNATURE_MAX 128

struct sent_set {
	const char *caa;
	int64_t expiry;
	const char *signature;
};
static const struct field sent_set_field[] = {
	FIELD(struct sent_set, caa, .min = 0, .max = SET_MAX),
	FIELD(struct sent_set, expiry, .flags = FIELD_REQUIRED),
	FIELD(struct sent_set, signature, .flags = FIELD_REQUIRED, .min = 1, .max = SIGNATURE_MAX),
};
static const struct fields sent_set_fields = FIELDS(struct sent_set, sent_set_field);

/* With and without padding: the RFC says base64url, and its example has some. */
static int decode_signature(struct ctx *c, const char *text, struct bytes *ret)
{
	struct bytes in = bytes_of_text(text);
	while (in.n > 0 && in.p[in.n - 1] == '=') {
		in.n--;
	}
	if (base64url_decode(c->arena, in, ret) != 0 || ret->n == 0) {
		return FAIL(c, MALFORMED, "The signature in onionCAA is not base64url");
	}
	return 0;
}

int onion_caa_find(struct ctx *c, const json_t *sets, const char *name, struct onion_caa *ret)
{
	struct onion onion;
	const char *wrong = onion_parse(name, &onion);
	if (wrong != NULL) {
		return FAIL(c, REJECTED_IDENTIFIER, "%s: %s", name, wrong);
	}
	const json_t *one = json_object_get(sets, onion.service);
	if (one == NULL) {
		return FAIL(c, ONION_CAA_REQUIRED,
		    "This server does not fetch CAA records from the Tor network: finalize has to have a member onionCAA with "
		    "an "
		    "entry for %s",
		    onion.service);
	}
	if (json_object_get(one, "caa") == NULL) {
		return FAIL(c, MALFORMED,
		    "The entry of onionCAA for %s has no member \"caa\"; null says that there are no records", onion.service);
	}
	struct sent_set sent;
	TRY(fields_from_json(c, &sent_set_fields, one, &sent));
	*ret = (struct onion_caa) { .caa = sent.caa, .expiry = sent.expiry };
	return decode_signature(c, sent.signature, &ret->signature);
}
