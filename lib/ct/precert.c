#include "lib/ct/precert.h"

#include <string.h>

#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define FIXED_FIELDS 7 /* version, serial, algorithm, issuer, validity, subject, key */

/* The whole Extension: its name, critical, the value NULL (D-52). */
static const uint8_t poison[] = { 0x30, 0x13, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03,
	0x01, 0x01, 0xff, 0x04, 0x02, 0x05, 0x00 };

#define POISON ((struct bytes) { poison, sizeof(poison) })

/* A TBSCertificate as two pieces: what stands before the extensions, and the extensions one behind the other. */
struct halves {
	struct bytes front;
	struct bytes extensions;
};

static int broken(struct ctx *c, const char *what)
{
	return FAIL(c, MALFORMED, "The TBSCertificate has %s", what);
}

static int halve(struct ctx *c, struct bytes tbs, struct halves *ret)
{
	struct bytes content;
	struct bytes outer;
	struct bytes extensions;
	if (der_take_only(tbs, DER_SEQUENCE, &content) != 0) {
		return broken(c, "no outer form");
	}
	struct der r = der_of(content);
	for (int i = 0; i < FIXED_FIELDS; i++) {
		if (der_take(&r, der_peek(&r), NULL, NULL) != 0) {
			return broken(c, "too few fields");
		}
	}
	const struct bytes front = { content.p, content.n - r.n };
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(3), NULL, &outer) != 0 || !der_at_end(&r) ||
	    der_take_only(outer, DER_SEQUENCE, &extensions) != 0) {
		return broken(c, "no extensions");
	}
	*ret = (struct halves) { front, extensions };
	return 0;
}

static struct bytes whole(struct arena *a, struct bytes front, struct bytes extensions, struct bytes last)
{
	struct bytes list = DER(a, DER_SEQUENCE, extensions, last);
	return DER(a, DER_SEQUENCE, front, DER(a, DER_CONTEXT_CONSTRUCTED(3), list));
}

static bool is_named(struct bytes extension, struct bytes oid)
{
	struct bytes found;
	struct der r = der_of(extension);
	return der_take(&r, DER_OID, &found, NULL) == 0 && bytes_equal(found, oid);
}

/* Not critical: the name, then the value, an OCTET STRING within (RFC 6962 3.3). */
static int read_list(struct ctx *c, struct bytes extension, struct bytes *ret)
{
	struct bytes value;
	struct bytes list;
	struct der r = der_of(extension);
	if (der_take(&r, DER_OID, NULL, NULL) != 0 || der_take(&r, DER_OCTET_STRING, NULL, &value) != 0 ||
	    !der_at_end(&r) || der_take_only(value, DER_OCTET_STRING, &list) != 0 || list.n == 0) {
		return broken(c, "a list of SCTs in another form");
	}
	*ret = list;
	return 0;
}

int precert_split(struct ctx *c, struct bytes tbs, struct precert_parts *ret)
{
	struct precert_parts parts = { .plain = tbs };
	struct halves h;
	struct bytes others = { NULL, 0 };
	TRY(halve(c, tbs, &h));
	for (struct der r = der_of(h.extensions); !der_at_end(&r);) {
		struct bytes one;
		struct bytes content;
		const size_t before = h.extensions.n - r.n;
		if (der_take(&r, DER_SEQUENCE, &one, &content) != 0) {
			return broken(c, "a broken extension");
		}
		parts.poisoned = is_named(content, PIECE(OID_CT_POISON));
		const bool list = is_named(content, PIECE(OID_CT_SCT_LIST));
		if (!parts.poisoned && !list) {
			continue;
		}
		if (!der_at_end(&r) || (parts.poisoned && !bytes_equal(one, POISON))) {
			return broken(c, "a poison or list of SCTs that is not its last extension, or in another form");
		}
		if (list) {
			TRY(read_list(c, content, &parts.sct_list));
		}
		others = (struct bytes) { h.extensions.p, before };
		parts.plain = whole(c->arena, h.front, others, (struct bytes) { NULL, 0 });
	}
	*ret = parts;
	return 0;
}

static int append(struct ctx *c, struct bytes plain, struct bytes extension, struct bytes *ret_tbs)
{
	struct precert_parts parts;
	struct halves h;
	TRY(precert_split(c, plain, &parts));
	if (parts.poisoned || parts.sct_list.n > 0) {
		return broken(c, "poison or SCTs already");
	}
	TRY(halve(c, plain, &h));
	*ret_tbs = whole(c->arena, h.front, h.extensions, extension);
	return 0;
}

int precert_poison(struct ctx *c, struct bytes plain, struct bytes *ret_tbs)
{
	return append(c, plain, POISON, ret_tbs);
}

int precert_embed(struct ctx *c, struct bytes plain, struct bytes sct_list, struct bytes *ret_tbs)
{
	struct arena *a = c->arena;
	struct bytes value = DER(a, DER_OCTET_STRING, DER(a, DER_OCTET_STRING, sct_list));
	if (sct_list.n == 0) {
		return broken(c, "no SCTs");
	}
	return append(c, plain, DER(a, DER_SEQUENCE, PIECE(OID_CT_SCT_LIST), value), ret_tbs);
}

int precert_check_same(struct ctx *c, struct bytes precertificate_tbs, struct bytes certificate_tbs)
{
	struct precert_parts pre;
	struct precert_parts final;
	TRY(precert_split(c, precertificate_tbs, &pre));
	TRY(precert_split(c, certificate_tbs, &final));
	if (!pre.poisoned || final.poisoned || final.sct_list.n == 0 || !bytes_equal(pre.plain, final.plain)) {
		return ctx_fault(c, "the certificate does not correspond to its precertificate (D-52, D-56)");
	}
	return 0;
}
