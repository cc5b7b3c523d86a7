#include "lib/ct/sct.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/fields.h"
#include "lib/crypto/key.h"

#define VERSION_1 0
#define LOG_ID_SIZE 32
#define HASH_SHA256 4
#define ALGORITHM_RSA 1
#define ALGORITHM_ECDSA 3
#define TIME_MS_MAX (UINT64_C(253402300799) * 1000) /* the last second of the year 9999 */

/* ---- TLS presentation (RFC 5246 4) ---- */

static int take(struct bytes *in, size_t n, struct bytes *ret)
{
	if (in->n < n) {
		return -1;
	}
	*ret = (struct bytes) { in->p, n };
	*in = (struct bytes) { in->p + n, in->n - n };
	return 0;
}

static int take_number(struct bytes *in, size_t octets, uint64_t *ret)
{
	struct bytes b;
	uint64_t value = 0;
	TRY(take(in, octets, &b));
	for (size_t i = 0; i < octets; i++) {
		value = value << 8 | b.p[i];
	}
	*ret = value;
	return 0;
}

static int take_opaque(struct bytes *in, struct bytes *ret)
{
	uint64_t n = 0;
	TRY(take_number(in, 2, &n));
	return take(in, (size_t) n, ret);
}

static void put_number(struct buffer *b, size_t octets, uint64_t value)
{
	for (size_t i = octets; i-- > 0;) {
		buffer_add_char(b, (char) (uint8_t) (value >> (8 * i)));
	}
}

static void put_opaque(struct buffer *b, size_t length_octets, struct bytes value)
{
	put_number(b, length_octets, value.n);
	buffer_add(b, value.p, value.n);
}

static int broken(struct ctx *c, const char *what)
{
	return FAIL(c, MALFORMED, "An SCT %s", what);
}

/* DigitallySigned and nothing behind it. */
static int take_signature(struct bytes *in, struct sct *sct)
{
	uint64_t hash = 0;
	uint64_t algorithm = 0;
	TRY(take_number(in, 1, &hash));
	TRY(take_number(in, 1, &algorithm));
	TRY(take_opaque(in, &sct->signature));
	sct->hash = (uint8_t) hash;
	sct->algorithm = (uint8_t) algorithm;
	return in->n == 0 && sct->signature.n > 0 ? 0 : -1;
}

int sct_parse(struct ctx *c, struct bytes in, struct sct *ret)
{
	struct sct sct = { .time_ms = 0 };
	uint64_t version = 0;
	if (in.n > SCT_SIZE_MAX) {
		return broken(c, "is too long");
	}
	if (take_number(&in, 1, &version) != 0 || version != VERSION_1) {
		return broken(c, "is not of version 1");
	}
	if (take(&in, LOG_ID_SIZE, &sct.log_id) != 0 || take_number(&in, 8, &sct.time_ms) != 0 ||
	    take_opaque(&in, &sct.extensions) != 0 || take_signature(&in, &sct) != 0) {
		return broken(c, "is broken");
	}
	if (sct.time_ms > TIME_MS_MAX) {
		return broken(c, "has no sane time");
	}
	*ret = sct;
	return 0;
}

struct bytes sct_encode(struct arena *a, const struct sct *sct)
{
	struct buffer b;
	buffer_init(&b, a, 128);
	put_number(&b, 1, VERSION_1);
	buffer_add(&b, sct->log_id.p, sct->log_id.n);
	put_number(&b, 8, sct->time_ms);
	put_opaque(&b, 2, sct->extensions);
	put_number(&b, 1, sct->hash);
	put_number(&b, 1, sct->algorithm);
	put_opaque(&b, 2, sct->signature);
	return buffer_bytes(&b);
}

int sct_list_parse(struct ctx *c, struct bytes in, struct sct_list *ret)
{
	struct sct_list list = { ARENA_ARRAY(c->arena, SCT_LIST_MAX, struct sct), 0 };
	struct bytes rest;
	if (take_opaque(&in, &rest) != 0 || in.n > 0 || rest.n == 0) {
		return broken(c, "list is broken");
	}
	while (rest.n > 0) {
		struct bytes one;
		if (list.n == SCT_LIST_MAX || take_opaque(&rest, &one) != 0) {
			return broken(c, "list is broken or too long");
		}
		TRY(sct_parse(c, one, &list.v[list.n]));
		for (size_t i = 0; i < list.n; i++) {
			if (bytes_equal(list.v[i].log_id, list.v[list.n].log_id)) {
				return broken(c, "list has a log twice");
			}
		}
		list.n++;
	}
	*ret = list;
	return 0;
}

struct bytes sct_list_encode(struct arena *a, const struct sct_list *list)
{
	struct buffer inner;
	struct buffer b;
	buffer_init(&inner, a, 512);
	buffer_init(&b, a, 512);
	for (size_t i = 0; i < list->n; i++) {
		put_opaque(&inner, 2, sct_encode(a, &list->v[i]));
	}
	put_opaque(&b, 2, buffer_bytes(&inner));
	return buffer_bytes(&b);
}

/* ---- JSON ---- */

struct answer {
	int64_t sct_version;
	const char *id;
	int64_t timestamp;
	const char *extensions;
	const char *signature;
};

static const struct field answer_field[] = {
	FIELD(struct answer, sct_version, .flags = FIELD_REQUIRED),
	FIELD(struct answer, id, .flags = FIELD_REQUIRED),
	FIELD(struct answer, timestamp, .flags = FIELD_REQUIRED),
	FIELD(struct answer, extensions, .flags = FIELD_REQUIRED),
	FIELD(struct answer, signature, .flags = FIELD_REQUIRED),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

int sct_of_answer(struct ctx *c, struct bytes json, struct sct *ret)
{
	struct answer answer;
	struct sct sct = { .time_ms = 0 };
	struct bytes signature;
	TRY(fields_parse_json(c, &answer_fields, json, &answer));
	if (answer.sct_version != VERSION_1) {
		return broken(c, "is not of version 1");
	}
	if (base64_decode(c->arena, bytes_of_text(answer.id), &sct.log_id) != 0 || sct.log_id.n != LOG_ID_SIZE ||
	    base64_decode(c->arena, bytes_of_text(answer.extensions), &sct.extensions) != 0 ||
	    base64_decode(c->arena, bytes_of_text(answer.signature), &signature) != 0) {
		return broken(c, "is not in base64, or its log id has another length");
	}
	if (answer.timestamp < 0 || (uint64_t) answer.timestamp > TIME_MS_MAX) {
		return broken(c, "has no sane time");
	}
	if (sct.extensions.n > UINT16_MAX || take_signature(&signature, &sct) != 0) {
		return broken(c, "is broken");
	}
	sct.time_ms = (uint64_t) answer.timestamp;
	if (sct_encode(c->arena, &sct).n > SCT_SIZE_MAX) {
		return broken(c, "is too long");
	}
	*ret = sct;
	return 0;
}

struct bytes sct_question(struct arena *a, const struct bytes_list *chain)
{
	struct buffer b;
	buffer_init(&b, a, 8192);
	buffer_add_text(&b, "{\"chain\":[");
	for (size_t i = 0; i < chain->n; i++) {
		buffer_add_text(&b, i == 0 ? "\"" : ",\"");
		buffer_add_text(&b, base64_encode(a, chain->v[i]));
		buffer_add_char(&b, '"');
	}
	buffer_add_text(&b, "]}");
	return buffer_bytes(&b);
}

/* ---- the signature ---- */

struct timestamp sct_time(const struct sct *sct)
{
	return (struct timestamp) { (int64_t) sct->time_ms * 1000 };
}

struct bytes sct_signed(struct arena *a, const struct sct *sct, const struct ct_entry *entry)
{
	struct buffer b;
	buffer_init(&b, a, entry->body.n + 128);
	put_number(&b, 1, VERSION_1);
	put_number(&b, 1, 0); /* certificate_timestamp */
	put_number(&b, 8, sct->time_ms);
	put_number(&b, 2, entry->precertificate ? 1 : 0);
	if (entry->precertificate) {
		buffer_add(&b, entry->issuer_key_hash.p, entry->issuer_key_hash.n);
	}
	put_opaque(&b, 3, entry->body);
	put_opaque(&b, 2, sct->extensions);
	return buffer_bytes(&b);
}

bool sct_verify(struct arena *a, const struct sct *sct, const struct ct_entry *entry, EVP_PKEY *key)
{
	enum key_kind kind = key_kind_of(key);
	bool fits =
	    (kind == KEY_P256 && sct->algorithm == ALGORITHM_ECDSA) || (kind == KEY_RSA && sct->algorithm == ALGORITHM_RSA);
	return sct->hash == HASH_SHA256 && fits &&
	       key_verify_hashed(key, DIGEST_SHA256, sct_signed(a, sct, entry), sct->signature);
}
