#include "lib/crypto/jwk.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
/* F-23 wants odd and at least 3, and should 65537 or more; we keep to the latter. The upper bound keeps verification
 * cheap: no client has a longer one. */
#define RSA_EXPONENT_MIN 65537U
#define RSA_EXPONENT_MAX UINT32_MAX

struct curve {
	const char *name;
	const char *kty;
	size_t coordinate_n;
	bool has_y;
	struct bytes head; /* of the SPKI, up to the first coordinate */
};

static const struct curve curves[] = {
	[KEY_P256] = { "P-256", "EC", 32, true,
	    OCTETS(0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
	        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04) },
	[KEY_P384] = { "P-384", "EC", 48, true,
	    OCTETS(0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
	        0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04) },
	[KEY_P521] = { "P-521", "EC", 66, true,
	    OCTETS(0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
	        0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04) },
	[KEY_ED25519] = { "Ed25519", "OKP", 32, false,
	    OCTETS(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00) },
};

static const uint8_t rsa_algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
	0x05, 0x00 };

/* A string member without NUL inside. */
static int take_text(struct ctx *c, const json_t *from, const char *name, const char **ret)
{
	const json_t *value = json_object_get(from, name);
	const char *text = json_string_value(value);
	if (text == NULL || strlen(text) != json_string_length(value)) {
		return FAIL(c, MALFORMED, "The JWK has no member \"%s\" with a text", name);
	}
	*ret = text;
	return 0;
}

static int take_octets(struct ctx *c, const json_t *from, const char *name, struct bytes *ret)
{
	const char *text = NULL;
	TRY(take_text(c, from, name, &text));
	struct bytes in = bytes_of_text(text);
	if (in.n > JWK_CANONICAL_MAX) {
		return FAIL(c, BAD_PUBLIC_KEY, "The key is too large");
	}
	if (base64url_decode(c->arena, in, ret) != 0) {
		return FAIL(c, MALFORMED, "The member \"%s\" of the JWK is not base64url without padding", name);
	}
	return 0;
}

bool jwk_is_private(const json_t *jwk)
{
	static const char *const secrets[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv" };
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		if (json_object_get(jwk, secrets[i]) != NULL) {
			return true;
		}
	}
	return false;
}

/* RFC 8555 6.2 wants public keys; a private one that was sent is burnt and must not be used. */
static int check_public(struct ctx *c, const json_t *from)
{
	return !jwk_is_private(from)
	           ? 0
	           : FAIL(c, BAD_PUBLIC_KEY, "The JWK holds a private or symmetric key; this key must not be used");
}

static struct bytes without_zeros(struct bytes number)
{
	while (number.n > 0 && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	return number;
}

static size_t bit_length(struct bytes number)
{
	if (number.n == 0) {
		return 0;
	}
	size_t bits = number.n * 8;
	for (uint8_t top = number.p[0]; (top & 0x80) == 0; top = (uint8_t) (top << 1)) {
		bits--;
	}
	return bits;
}

/* A-24, F-23 */
static int check_rsa(struct ctx *c, struct bytes n, struct bytes e)
{
	size_t bits = bit_length(n);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0) {
		return FAIL(c, BAD_PUBLIC_KEY, "The RSA key has %zu bits; 2048 to 4096 in steps of 8 are allowed", bits);
	}
	uint64_t exponent = 0;
	for (size_t i = 0; i < e.n && i < 5; i++) {
		exponent = exponent << 8 | e.p[i];
	}
	if (exponent < RSA_EXPONENT_MIN || exponent > RSA_EXPONENT_MAX || exponent % 2 == 0) {
		return FAIL(c, BAD_PUBLIC_KEY, "The exponent of the RSA key is not an odd number from 65537 to 2^32 - 1");
	}
	if (n.p[n.n - 1] % 2 == 0) {
		return FAIL(c, BAD_PUBLIC_KEY, "The modulus of the RSA key is even");
	}
	return 0;
}

static int rsa_spki(struct ctx *c, const json_t *from, struct bytes *ret_spki)
{
	struct bytes n;
	struct bytes e;
	TRY(take_octets(c, from, "n", &n));
	TRY(take_octets(c, from, "e", &e));
	n = without_zeros(n); /* sent with a leading zero it is still the same key */
	e = without_zeros(e);
	TRY(check_rsa(c, n, e));
	struct arena *a = c->arena;
	struct bytes key = DER(a, DER_SEQUENCE, der_unsigned(a, n), der_unsigned(a, e));
	*ret_spki = DER(a, DER_SEQUENCE, { rsa_algorithm, sizeof(rsa_algorithm) }, der_bits(a, key));
	return 0;
}

static const struct curve *curve_find(const char *kty, const char *name)
{
	for (size_t i = KEY_P256; i < COUNT_OF(curves); i++) {
		if (strcmp(curves[i].kty, kty) == 0 && strcmp(curves[i].name, name) == 0) {
			return &curves[i];
		}
	}
	return NULL;
}

static int curve_spki(struct ctx *c, const char *kty, const json_t *from, struct bytes *ret_spki)
{
	const char *name = NULL;
	TRY(take_text(c, from, "crv", &name));
	const struct curve *curve = curve_find(kty, name);
	if (curve == NULL) {
		return FAIL(c, BAD_PUBLIC_KEY, "The curve of the key is not one of P-256, P-384, P-521, Ed25519");
	}
	struct bytes x;
	struct bytes y = { NULL, 0 };
	TRY(take_octets(c, from, "x", &x));
	if (curve->has_y) {
		TRY(take_octets(c, from, "y", &y));
	}
	/* RFC 7518 6.2.1.2: full length, never shortened and never with an octet more. */
	if (x.n != curve->coordinate_n || (curve->has_y && y.n != curve->coordinate_n)) {
		return FAIL(
		    c, BAD_PUBLIC_KEY, "A coordinate of the %s key does not have %zu octets", name, curve->coordinate_n);
	}
	const struct bytes pieces[] = { curve->head, x, y };
	*ret_spki = der_join(c->arena, pieces, COUNT_OF(pieces));
	return 0;
}

static int rsa_canonical(struct ctx *c, struct bytes spki, const char **ret)
{
	struct bytes content;
	struct bytes bits;
	struct bytes numbers;
	struct bytes n;
	struct bytes e;
	if (der_take_only(spki, DER_SEQUENCE, &content) != 0) {
		return ctx_fault(c, "an RSA key in an unexpected form");
	}
	struct der outer = der_of(content);
	if (der_take(&outer, DER_SEQUENCE, NULL, NULL) != 0 || der_take(&outer, DER_BIT_STRING, NULL, &bits) != 0 ||
	    bits.n < 1 || der_take_only((struct bytes) { bits.p + 1, bits.n - 1 }, DER_SEQUENCE, &numbers) != 0) {
		return ctx_fault(c, "an RSA key in an unexpected form");
	}
	struct der inner = der_of(numbers);
	if (der_take(&inner, DER_INTEGER, NULL, &n) != 0 || der_take(&inner, DER_INTEGER, NULL, &e) != 0) {
		return ctx_fault(c, "an RSA key in an unexpected form");
	}
	n = without_zeros(n);
	e = without_zeros(e);
	TRY(check_rsa(c, n, e));
	*ret = arena_printf(c->arena, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", base64url_encode(c->arena, e),
	    base64url_encode(c->arena, n));
	return 0;
}

static const char *curve_canonical(struct ctx *c, const struct curve *curve, struct bytes spki)
{
	size_t n = curve->coordinate_n;
	const uint8_t *p = spki.p + curve->head.n;
	const char *x = base64url_encode(c->arena, (struct bytes) { p, n });
	if (!curve->has_y) {
		return arena_printf(c->arena, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"%s\"}", curve->name, curve->kty, x);
	}
	const char *y = base64url_encode(c->arena, (struct bytes) { p + n, n });
	return arena_printf(
	    c->arena, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"}", curve->name, curve->kty, x, y);
}

/* What follows from an SPKI that key_of_spki has accepted. */
static int fill(struct ctx *c, EVP_PKEY *key, struct bytes spki, struct jwk *ret)
{
	struct jwk jwk = { .kind = key_kind_of(key), .key = key, .spki = spki };
	if (jwk.kind == KEY_RSA) {
		TRY(rsa_canonical(c, spki, &jwk.canonical));
	} else {
		jwk.canonical = curve_canonical(c, &curves[jwk.kind], spki);
	}
	sha256_of(bytes_of_text(jwk.canonical), jwk.thumbprint); /* RFC 7638 3 */
	jwk.thumbprint_text = base64url_encode(c->arena, (struct bytes) { jwk.thumbprint, sizeof(jwk.thumbprint) });
	*ret = jwk;
	return 0;
}

int jwk_parse(struct ctx *c, const json_t *from, struct jwk *ret)
{
	if (!json_is_object(from)) {
		return FAIL(c, MALFORMED, "The JWK is not a JSON object");
	}
	const char *kty = NULL;
	TRY(take_text(c, from, "kty", &kty));
	TRY(check_public(c, from));
	struct bytes spki = { NULL, 0 };
	if (strcmp(kty, "RSA") == 0) {
		TRY(rsa_spki(c, from, &spki));
	} else if (strcmp(kty, "EC") == 0 || strcmp(kty, "OKP") == 0) {
		TRY(curve_spki(c, kty, from, &spki));
	} else {
		return FAIL(c, BAD_PUBLIC_KEY, "The type of the key is not one of RSA, EC, OKP");
	}
	EVP_PKEY *key = NULL;
	TRY(key_of_spki(c, spki, &key));
	return fill(c, key, spki, ret);
}

int jwk_parse_canonical(struct ctx *c, const char *canonical, struct jwk *ret)
{
	struct bytes text = bytes_of_text(canonical);
	json_t *object = NULL;
	struct jwk jwk;
	if (text.n <= JWK_CANONICAL_MAX && json_parse(c, text, &object) == 0 && jwk_parse(c, object, &jwk) == 0 &&
	    bytes_equal_text(text, jwk.canonical)) {
		*ret = jwk;
		return 0;
	}
	ctx_forgive(c); /* the fault is ours: what is stored is not what was accepted */
	return ctx_fault(c, "a stored account key is not in canonical form");
}

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

int jwk_of_key(struct ctx *c, EVP_PKEY *key, struct jwk *ret)
{
	struct bytes spki;
	TRY(key_spki(c, key, &spki));
	TRY(fill(c, key, spki, ret));
	(void) EVP_PKEY_up_ref(key);
	arena_on_free(c->arena, free_key, key);
	return 0;
}
