#include "lib/crypto/jws.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/flat.h"

#define NONCE_TEXT_MAX 256

/* RFC 7518 3.1, RFC 8037 3.1 */
struct algorithm {
	enum key_kind kind;
	enum digest digest;
	size_t half_n; /* octets of r and of s; 0: not ECDSA */
};

static const char *const names[] = { "ES256", "ES384", "ES512", "EdDSA", "RS256", NULL };

static const struct algorithm algorithms[] = {
	{ KEY_P256, DIGEST_SHA256, 32 },
	{ KEY_P384, DIGEST_SHA384, 48 },
	{ KEY_P521, DIGEST_SHA512, 66 },
	{ KEY_ED25519, DIGEST_COUNT, 0 },
	{ KEY_RSA, DIGEST_SHA256, 0 },
};
_Static_assert(COUNT_OF(names) == COUNT_OF(algorithms) + 1, "each name has its row");

const char *const *jws_algorithms(void)
{
	return names;
}

/* RFC 7518 3.2 */
static const struct {
	const char *name;
	enum digest digest;
} macs[] = {
	{ "HS256", DIGEST_SHA256 },
	{ "HS384", DIGEST_SHA384 },
	{ "HS512", DIGEST_SHA512 },
};

/* DIGEST_COUNT: it is no MAC. */
static enum digest mac_digest(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(macs); i++) {
		if (strcmp(macs[i].name, name) == 0) {
			return macs[i].digest;
		}
	}
	return DIGEST_COUNT;
}

static const struct algorithm *algorithm_find(const char *name)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0) {
			return &algorithms[i];
		}
	}
	return NULL;
}

/* A text member of the header. Absent: *ret stays NULL. */
static int take_text(struct ctx *c, const json_t *header, const char *name, const char **ret)
{
	const json_t *value = json_object_get(header, name);
	if (value == NULL) {
		return 0;
	}
	const char *text = json_string_value(value);
	if (text == NULL || strlen(text) != json_string_length(value)) {
		return FAIL(c, MALFORMED, "The member \"%s\" of the protected header is not a text", name);
	}
	*ret = text;
	return 0;
}

static int check_alg(struct ctx *c, enum jws_kind kind, const char *alg)
{
	if (alg == NULL) {
		return FAIL(c, MALFORMED, "The protected header has no \"alg\"");
	}
	if (kind == JWS_EAB) {
		return mac_digest(alg) != DIGEST_COUNT
		           ? 0
		           : FAIL(c, MALFORMED, "The \"alg\" of the external account binding must be HS256, HS384 or HS512");
	}
	/* a MAC or "none" never gets past here for a request. */
	if (algorithm_find(alg) == NULL) {
		return FAIL(
		    c, BAD_SIGNATURE_ALGORITHM, "The signature algorithm must be one of ES256, ES384, ES512, EdDSA, RS256");
	}
	return 0;
}

static int check_key_members(struct ctx *c, enum jws_kind kind, const struct jws *jws)
{
	if ((jws->jwk == NULL) == (jws->kid == NULL)) {
		return FAIL(c, MALFORMED, "The protected header must have exactly one of \"jwk\" and \"kid\"");
	}
	if (jws->jwk != NULL && !json_is_object(jws->jwk)) {
		return FAIL(c, MALFORMED, "The member \"jwk\" of the protected header is not an object");
	}
	if ((kind == JWS_KEY_CHANGE && jws->jwk == NULL) || (kind == JWS_EAB && jws->kid == NULL)) {
		return FAIL(c, MALFORMED, "The inner JWS must have a \"%s\"", kind == JWS_EAB ? "kid" : "jwk");
	}
	return 0;
}

static int check_nonce(struct ctx *c, enum jws_kind kind, const char *nonce)
{
	if (kind != JWS_REQUEST) {
		return nonce == NULL ? 0 : FAIL(c, MALFORMED, "The inner JWS must not have a \"nonce\"");
	}
	if (nonce == NULL || nonce[0] == '\0') {
		return FAIL(c, BAD_NONCE, "The protected header has no \"nonce\"");
	}
	struct bytes octets;
	struct bytes text = bytes_of_text(nonce);
	if (text.n > NONCE_TEXT_MAX || base64url_decode(c->arena, text, &octets) != 0) {
		return FAIL(c, MALFORMED, "The nonce is not base64url without padding"); /* RFC 8555 6.5.2 */
	}
	return 0;
}

/* The header of a client that knows its account: four plain texts. */
static bool take_flat_header(struct arena *a, struct bytes text, struct jws *jws)
{
	struct flat flat;
	if (flat_parse(text, &flat) != 0) {
		return false;
	}
	const struct {
		const char *name;
		const char **member;
	} members[] = { { "alg", &jws->alg }, { "kid", &jws->kid }, { "url", &jws->url }, { "nonce", &jws->nonce } };
	size_t known = 0;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		known += flat_find(&flat, members[i].name).p != NULL ? 1 : 0;
	}
	if (known != flat.n) {
		return false;
	}
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		struct bytes value = flat_find(&flat, members[i].name);
		*members[i].member = value.p == NULL ? NULL : arena_text_n(a, value.p, value.n);
	}
	jws->plain = true;
	return true;
}

/* All members of the object are among the n. */
static bool has_only(const json_t *object, const char *const *members, size_t n)
{
	size_t known = 0;
	for (size_t i = 0; i < n; i++) {
		known += json_object_get(object, members[i]) != NULL ? 1 : 0;
	}
	return known == json_object_size(object);
}

static bool is_plain_header(const json_t *header)
{
	static const char *const members[] = { "alg", "jwk", "kid", "nonce", "url" };
	static const char *const key[] = { "crv", "e", "kty", "n", "x", "y" };
	return has_only(header, members, COUNT_OF(members)) && has_only(json_object_get(header, "jwk"), key, COUNT_OF(key));
}

static int take_header(struct ctx *c, struct bytes text, struct jws *jws)
{
	json_t *header = NULL;
	TRY(json_parse(c, text, &header));
	if (!json_is_object(header)) {
		return FAIL(c, MALFORMED, "The protected header is not a JSON object");
	}
	/* we understand no extension, so each `crit` names one that we do not understand. */
	if (json_object_get(header, "crit") != NULL || json_object_get(header, "b64") != NULL) {
		return FAIL(c, MALFORMED, "The protected header must not have \"crit\" or \"b64\"");
	}
	TRY(take_text(c, header, "alg", &jws->alg));
	TRY(take_text(c, header, "kid", &jws->kid));
	TRY(take_text(c, header, "url", &jws->url));
	TRY(take_text(c, header, "nonce", &jws->nonce));
	jws->jwk = json_object_get(header, "jwk");
	jws->plain = is_plain_header(header);
	return 0;
}

static int parse_header(struct ctx *c, enum jws_kind kind, struct bytes text, struct jws *jws)
{
	if (!take_flat_header(c->arena, text, jws)) {
		TRY(take_header(c, text, jws));
	}
	TRY(check_alg(c, kind, jws->alg));
	TRY(check_key_members(c, kind, jws));
	if (jws->url == NULL) {
		return FAIL(c, MALFORMED, "The protected header has no \"url\"");
	}
	return check_nonce(c, kind, jws->nonce);
}

/* The texts of the top members. */
struct parts {
	struct bytes protected;
	struct bytes payload;
	struct bytes signature;
};

static int decode_part(struct ctx *c, const char *name, struct bytes text, struct bytes *ret_octets)
{
	if (base64url_decode(c->arena, text, ret_octets) != 0) {
		return FAIL(c, MALFORMED, "The member \"%s\" of the JWS is not base64url without padding", name);
	}
	return 0;
}

static int take_part(
    struct ctx *c, const json_t *object, const char *name, struct bytes *ret_text, struct bytes *ret_octets)
{
	const json_t *value = json_object_get(object, name);
	if (!json_is_string(value)) {
		return FAIL(c, MALFORMED, "The JWS has no member \"%s\" with a text", name);
	}
	*ret_text = (struct bytes) { (const uint8_t *) json_string_value(value), json_string_length(value) };
	return decode_part(c, name, *ret_text, ret_octets);
}

/* The header says the rest; jws has payload and signature already. */
static int finish(struct ctx *c, enum jws_kind kind, const struct parts *texts, struct bytes header, struct jws *jws)
{
	TRY(parse_header(c, kind, header, jws));
	/* RFC 7515 5.2 step 8 */
	const struct bytes pieces[] = { texts->protected, bytes_of_text("."), texts->payload };
	jws->signed_input = der_join(c->arena, pieces, COUNT_OF(pieces));
	return 0;
}

int jws_parse_object(struct ctx *c, enum jws_kind kind, const json_t *object, struct jws *ret)
{
	if (!json_is_object(object)) {
		return FAIL(c, MALFORMED, "The JWS is not a JSON object in flattened form");
	}
	if (json_object_get(object, "header") != NULL) {
		return FAIL(c, MALFORMED, "The JWS must not have an unprotected \"header\""); /* */
	}
	if (json_object_get(object, "signatures") != NULL) {
		return FAIL(c, MALFORMED, "The JWS must have one signature, in flattened form"); /* */
	}
	struct parts texts;
	struct bytes header;
	struct jws jws = { 0 };
	TRY(take_part(c, object, "protected", &texts.protected, &header));
	TRY(take_part(c, object, "payload", &texts.payload, &jws.payload));
	TRY(take_part(c, object, "signature", &texts.signature, &jws.signature));
	TRY(finish(c, kind, &texts, header, &jws));
	jws.plain = jws.plain && json_object_size(object) == 3;
	*ret = jws;
	return 0;
}

/* Nothing but the three members, as clients write them. */
static bool is_plain_jws(const struct flat *flat, struct parts *ret)
{
	*ret = (struct parts) { flat_find(flat, "protected"), flat_find(flat, "payload"), flat_find(flat, "signature") };
	return flat->n == 3 && ret->protected.p != NULL && ret->payload.p != NULL && ret->signature.p != NULL;
}

static int parse_plain(struct ctx *c, const struct parts *texts, struct jws *ret)
{
	struct bytes header;
	struct jws jws = { 0 };
	TRY(decode_part(c, "protected", texts->protected, &header));
	TRY(decode_part(c, "payload", texts->payload, &jws.payload));
	TRY(decode_part(c, "signature", texts->signature, &jws.signature));
	TRY(finish(c, JWS_REQUEST, texts, header, &jws));
	*ret = jws;
	return 0;
}

int jws_parse(struct ctx *c, struct bytes body, struct jws *ret)
{
	struct flat flat;
	struct parts texts;
	if (flat_parse(body, &flat) == 0 && is_plain_jws(&flat, &texts)) {
		return parse_plain(c, &texts, ret);
	}
	json_t *object = NULL;
	TRY(json_parse(c, body, &object));
	return jws_parse_object(c, JWS_REQUEST, object, ret);
}

/* RFC 7518 3.4: r and s in fixed length; the library wants them in DER. */
static bool ecdsa_to_der(struct arena *a, const struct algorithm *alg, struct bytes raw, struct bytes *ret_der)
{
	size_t n = alg->half_n;
	if (raw.n != 2 * n) {
		return false;
	}
	*ret_der = DER(a, DER_SEQUENCE, der_unsigned(a, (struct bytes) { raw.p, n }),
	    der_unsigned(a, (struct bytes) { raw.p + n, n }));
	return true;
}

int jws_verify_key(struct ctx *c, const struct jws *jws, EVP_PKEY *key)
{
	const struct algorithm *alg = algorithm_find(jws->alg);
	if (alg == NULL) {
		return FAIL(c, BAD_SIGNATURE_ALGORITHM, "The algorithm %s is not one for requests", jws->alg);
	}
	if (alg->kind != key_kind_of(key)) {
		return FAIL(c, BAD_PUBLIC_KEY, "The algorithm %s does not fit the key, which is of the kind %s", jws->alg,
		    key_kind_name(key_kind_of(key)));
	}
	struct bytes signature = jws->signature;
	bool good = alg->half_n == 0 || ecdsa_to_der(c->arena, alg, jws->signature, &signature);
	good = good && key_verify_hashed(key, alg->digest, jws->signed_input, signature);
	return good ? 0 : FAIL(c, MALFORMED, "The JWS signature does not verify");
}

int jws_verify(struct ctx *c, const struct jws *jws, const struct jwk *jwk)
{
	return jws_verify_key(c, jws, jwk->key);
}

int jws_verify_mac(struct ctx *c, const struct jws *jws, struct bytes mac_key)
{
	uint8_t mac[DIGEST_SIZE_MAX];
	enum digest digest = mac_digest(jws->alg);
	if (digest == DIGEST_COUNT) {
		return FAIL(c, MALFORMED, "The algorithm %s is not a MAC", jws->alg);
	}
	size_t n = hmac_make(digest, mac_key, &jws->signed_input, 1, mac);
	if (!bytes_equal_secret((struct bytes) { mac, n }, jws->signature)) {
		return FAIL(c, UNAUTHORIZED, "The MAC of the external account binding does not verify");
	}
	return 0;
}
