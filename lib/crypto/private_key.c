#include "lib/crypto/private_key.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/flat.h"
#include "lib/crypto/jwk.h"

/* A body, its payload, that of a JWS inside, and a certificate request or a JWK in it: each is base64 in JSON. */
#define DEPTH_MAX 6
#define OCTETS_MIN 24 /* no key is shorter, nor a text that has one */
#define RUN_MIN 40
#define HEAD_CHARS 32
#define EC_OCTETS_MAX 66 /* of P-521 */
#define RSA_NUMBERS 8    /* RFC 8017 A.1.2, behind the version */

struct search {
	struct arena *a;
	struct private_key found;
	bool bare; /* a file of one was seen that could not be read; what is inside the same octets may be read better */
};

static bool look(struct search *s, struct bytes in, unsigned depth);

static bool keep(struct search *s, const char *form, struct bytes der, const json_t *jwk)
{
	s->found = (struct private_key) { form, der, jwk };
	return true;
}

static bool has(struct bytes in, const char *text)
{
	return memmem(in.p, in.n, text, strlen(text)) != NULL;
}

/* The first block that is a private key in clear; p NULL: there is none. */
static struct bytes der_of_pem(struct arena *a, struct bytes pem)
{
	struct bytes der = { NULL, 0 };
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	const uint8_t *begin = memmem(pem.p, pem.n, "-----BEGIN ", 11); /* other octets may stand before it */
	size_t before = begin == NULL ? 0 : (size_t) (begin - pem.p);
	AUTO(BIO) bio = BIO_new_mem_buf(pem.p + before, (int) (pem.n - before));
	while (bio != NULL && der.p == NULL && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
		bool clear = header[0] == '\0' && (strcmp(name, "PRIVATE KEY") == 0 || strcmp(name, "EC PRIVATE KEY") == 0 ||
		                                      strcmp(name, "RSA PRIVATE KEY") == 0);
		if (clear && n > 0) {
			der = arena_bytes(a, data, (size_t) n);
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t) n);
	}
	ERR_clear_error();
	return der;
}

static bool look_at_pem(struct search *s, struct bytes in)
{
	if (!has(in, "PRIVATE KEY-----")) {
		return false;
	}
	struct bytes der = der_of_pem(s->a, in);
	s->bare = s->bare || der.p == NULL;
	return der.p != NULL && keep(s, "PEM", der, NULL);
}

static bool begins_with_oid(struct bytes content)
{
	struct der r = der_of(content);
	return der_peek(&r) == DER_OID;
}

/* What follows the version: an algorithm (RFC 5958 2; RFC 7292 4 has a content type there), a secret (RFC 5915 3) or a
 * modulus (RFC 8017 A.1.2). A CertificationRequestInfo has a name there. */
static bool is_private_der(struct der *r)
{
	struct bytes content;
	if (der_peek(r) != DER_INTEGER) {
		/* RFC 5958 3: encrypted */
		return der_take(r, DER_SEQUENCE, NULL, &content) == 0 && begins_with_oid(content) &&
		       der_peek(r) == DER_OCTET_STRING;
	}
	if (der_take(r, DER_INTEGER, NULL, &content) != 0 || content.n != 1 || content.p[0] > 3) {
		return false;
	}
	int next = der_peek(r);
	return next == DER_INTEGER || next == DER_OCTET_STRING ||
	       (next == DER_SEQUENCE && der_take(r, DER_SEQUENCE, NULL, &content) == 0 && begins_with_oid(content));
}

static bool look_at_der(struct search *s, struct bytes in)
{
	struct bytes content;
	if (der_take_only(in, DER_SEQUENCE, &content) != 0) {
		return false;
	}
	struct der r = der_of(content);
	if (!is_private_der(&r)) {
		return false;
	}
	return keep(s, "DER", in, NULL);
}

/* PKCS#8 of one in clear, SEC 1 or PKCS#1, and all of it, as it may stand somewhere in other octets: stricter than is_private_der, since a
 * certificate request has structures of its own. */
static bool is_whole_private(struct bytes content)
{
	struct der r = der_of(content);
	struct bytes version;
	struct bytes next;
	size_t numbers = 0;
	if (der_take(&r, DER_INTEGER, NULL, &version) != 0 || version.n != 1 || version.p[0] > 1) {
		return false;
	}
	if (der_take(&r, DER_SEQUENCE, NULL, &next) == 0) {
		return begins_with_oid(next) && der_peek(&r) == DER_OCTET_STRING;
	}
	if (der_take(&r, DER_OCTET_STRING, NULL, &next) == 0) {
		return version.p[0] == 1 && next.n >= OCTETS_MIN && next.n <= EC_OCTETS_MAX;
	}
	while (der_take(&r, DER_INTEGER, NULL, NULL) == 0) {
		numbers++;
	}
	return numbers == RSA_NUMBERS && der_at_end(&r);
}

/* A file of a key behind a certificate request, or in an attribute or an extension of it. */
static bool look_inside(struct search *s, struct bytes in)
{
	for (size_t i = 0; i + OCTETS_MIN < in.n; i++) {
		struct der r = der_of((struct bytes) { in.p + i, in.n - i });
		struct bytes whole;
		struct bytes content;
		if (in.p[i] == DER_SEQUENCE && der_take(&r, DER_SEQUENCE, &whole, &content) == 0 && is_whole_private(content)) {
			return keep(s, "DER", whole, NULL);
		}
	}
	return false;
}

/* In whatever encoding. */
static bool may_be_text(uint8_t o)
{
	return o == '\n' || o == '\r' || o == '\t' || o >= ' ' || o == 0;
}

static bool is_string(int tag)
{
	static const int tags[] = { DER_OCTET_STRING, 0x0c, 0x13, 0x14, 0x16, 0x1a, 0x1c,
		0x1e }; /* X.680 8.6: of letters */
	bool is = false;
	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		is = is || tags[i] == tag;
	}
	return is;
}

/* Texts in DER, such as in an attribute of a certificate request. */
static bool look_at_strings(struct search *s, struct bytes in, unsigned depth)
{
	for (size_t i = 0; i + OCTETS_MIN < in.n; i++) {
		struct der r = der_of((struct bytes) { in.p + i, in.n - i });
		struct bytes content;
		size_t text = 0;
		if (!is_string(in.p[i]) || der_take(&r, in.p[i], NULL, &content) != 0) {
			continue;
		}
		while (text < content.n && may_be_text(content.p[text])) {
			text++;
		}
		if (text == content.n && look(s, content, depth + 1)) {
			return true;
		}
	}
	return false;
}

/* One without its type too: what is left of it is enough to know the secret. */
static bool is_private_jwk(const json_t *value)
{
	return jwk_is_private(value) &&
	       (json_is_string(json_object_get(value, "kty")) || json_object_get(value, "n") != NULL ||
	           json_object_get(value, "crv") != NULL || json_object_get(value, "q") != NULL);
}

/* json_parse bounds how deep this goes. */
static bool look_at_json(struct search *s, const json_t *value, unsigned depth)
{
	if (json_is_string(value)) {
		return look(
		    s, (struct bytes) { (const uint8_t *) json_string_value(value), json_string_length(value) }, depth + 1);
	}
	if (json_is_object(value)) {
		if (is_private_jwk(value)) {
			return keep(s, "JWK", (struct bytes) { NULL, 0 }, value);
		}
		for (void *i = json_object_iter((json_t *) (uintptr_t) value); i != NULL;
		     i = json_object_iter_next((json_t *) (uintptr_t) value, i)) {
			if (look_at_json(s, json_object_iter_value(i), depth)) {
				return true;
			}
		}
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (look_at_json(s, json_array_get(value, i), depth)) {
			return true;
		}
	}
	return false;
}

static bool is_base64(uint8_t o)
{
	return (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z') || (o >= '0' && o <= '9') || o == '-' || o == '_' ||
	       o == '+' || o == '/';
}

/* Whether octets that begin like this may be DER, or a text. */
static bool may_begin(struct bytes head)
{
	size_t text = 0;
	while (text < head.n && may_be_text(head.p[text])) {
		text++;
	}
	return text == head.n || head.p[0] == DER_SEQUENCE;
}

/* The octets of base64 in the one alphabet, without padding and lines; false for any other text. */
static bool plain_base64(struct bytes in, uint8_t *to, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t o = in.p[i];
		if (is_base64(o)) {
			to[n++] = o == '+' ? '-' : o == '/' ? '_' : o;
		} else if (o != '=' && o != '\r' && o != '\n' && o != ' ') {
			return false;
		}
	}
	*ret_n = n;
	return true;
}

/* Of either alphabet, with padding or without, in lines or not; p NULL: it is none, or nothing that a key may be in. */
static struct bytes decoded(struct search *s, struct bytes in)
{
	uint8_t head[HEAD_CHARS];
	size_t n = 0;
	struct bytes out = { NULL, 0 };
	while (in.n > 0 && (in.p[0] == '\r' || in.p[0] == '\n' || in.p[0] == ' ' || in.p[0] == '=')) {
		in = (struct bytes) { in.p + 1, in.n - 1 };
	}
	if (!plain_base64((struct bytes) { in.p, in.n < HEAD_CHARS ? in.n : HEAD_CHARS }, head, &n) || n < 4 ||
	    base64url_decode(s->a, (struct bytes) { head, n - n % 4 }, &out) != 0 || !may_begin(out)) {
		return (struct bytes) { NULL, 0 };
	}
	if (base64url_decode(s->a, in, &out) == 0) {
		return out;
	}
	uint8_t *plain = arena_alloc(s->a, in.n);
	bool whole = plain_base64(in, plain, &n) && base64url_decode(s->a, (struct bytes) { plain, n }, &out) == 0;
	return whole ? out : (struct bytes) { NULL, 0 };
}

/* Text that no parser reads: what in it could be read, and the names that a private JWK has. */
static bool look_at_ruins(struct search *s, struct bytes in, unsigned depth)
{
	static const char *const secrets[] = { "\"d\"", "\"k\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"priv\"" };
	size_t run = 0;
	bool mixed = false;
	for (size_t i = 0; i <= in.n; i++) {
		if (i < in.n && is_base64(in.p[i])) {
			run++;
			continue;
		}
		if (run >= RUN_MIN && run < in.n && look(s, (struct bytes) { in.p + i - run, run }, depth + 1)) {
			return true;
		}
		mixed = mixed || i < in.n;
		run = 0;
	}
	bool secret = false;
	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		secret = secret || has(in, secrets[i]);
	}
	return mixed && secret && has(in, "\"kty\"") && keep(s, "JWK", (struct bytes) { NULL, 0 }, NULL);
}

/* The common case without a tree: a JWS, the header of one who has an account, a certificate request. */
static bool look_at_flat(struct search *s, const struct flat *flat, unsigned depth)
{
	for (size_t i = 0; i < flat->n; i++) {
		if (look(s, flat->values[i], depth + 1)) {
			return true;
		}
	}
	return false;
}

static bool has_key_members(const struct flat *flat)
{
	static const char *const names[] = { "kty", "d", "p", "q", "k", "priv" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (flat_find(flat, names[i]).p != NULL) {
			return true;
		}
	}
	return false;
}

/* UTF-16 as ASCII: keys and what they are wrapped in are of no other characters. */
static struct bytes without_nul(struct arena *a, struct bytes in)
{
	uint8_t *to = arena_alloc(a, in.n);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != 0) {
			to[n++] = in.p[i];
		}
	}
	return (struct bytes) { to, n };
}

static bool look_at_text(struct search *s, struct bytes in, unsigned depth)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
	if (memcmp(in.p, mark, sizeof(mark) - 1) == 0) {
		in = (struct bytes) { in.p + sizeof(mark) - 1, in.n - (sizeof(mark) - 1) };
	}
	struct flat flat;
	struct ctx scratch = { .arena = s->a };
	json_t *json = NULL;
	if (flat_parse(in, &flat) == 0 && !has_key_members(&flat)) {
		return look_at_flat(s, &flat, depth);
	}
	struct bytes inside = decoded(s, in);
	if (inside.p != NULL) {
		return look(s, inside, depth + 1);
	}
	if (has(in, "{") && json_parse(&scratch, in, &json) == 0) {
		return look_at_json(s, json, depth);
	}
	return look_at_ruins(s, in, depth);
}

static bool look(struct search *s, struct bytes in, unsigned depth)
{
	if (depth > DEPTH_MAX || in.n < OCTETS_MIN) {
		return false;
	}
	struct bytes content;
	if (look_at_pem(s, in) || look_at_der(s, in) || (in.p[0] == DER_SEQUENCE && look_inside(s, in))) {
		return true;
	}
	if (der_take_only(in, DER_SEQUENCE, &content) == 0) {
		return look_at_strings(s, in, depth);
	}
	bool wide = memchr(in.p, 0, 4) != NULL;
	return wide ? look(s, without_nul(s->a, in), depth + 1) : look_at_text(s, in, depth);
}

bool private_key_find(struct arena *a, struct bytes sent, struct private_key *ret)
{
	struct search s = { .a = a };
	bool found = look(&s, sent, 0) || (s.bare && keep(&s, "PEM", (struct bytes) { NULL, 0 }, NULL));
	*ret = s.found;
	return found;
}
