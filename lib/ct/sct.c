#include "lib/ct/sct.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/ct/tls.h"

#define VERSION_1 0
#define LOG_ID_SIZE 32
#define TIME_MS_MAX (UINT64_C(253402300799) * 1000) /* the last second of the year 9999 */

static int broken(struct ctx *c, const char *what)
{
	return FAIL(c, MALFORMED, "An SCT %s", what);
}

static int take_signature(struct bytes *in, struct sct *sct)
{
	struct tls_signature signature;
	TRY(tls_take_signature(in, &signature));
	sct->hash = signature.hash;
	sct->algorithm = signature.algorithm;
	sct->signature = signature.octets;
	return 0;
}

int sct_parse(struct ctx *c, struct bytes in, struct sct *ret)
{
	struct sct sct = { .time_ms = 0 };
	uint64_t version = 0;
	if (in.n > SCT_SIZE_MAX) {
		return broken(c, "is too long");
	}
	if (tls_take_number(&in, 1, &version) != 0 || version != VERSION_1) {
		return broken(c, "is not of version 1");
	}
	if (tls_take(&in, LOG_ID_SIZE, &sct.log_id) != 0 || tls_take_number(&in, 8, &sct.time_ms) != 0 ||
	    tls_take_opaque(&in, 2, &sct.extensions) != 0 || take_signature(&in, &sct) != 0) {
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
	tls_put_number(&b, 1, VERSION_1);
	buffer_add(&b, sct->log_id.p, sct->log_id.n);
	tls_put_number(&b, 8, sct->time_ms);
	tls_put_opaque(&b, 2, sct->extensions);
	tls_put_number(&b, 1, sct->hash);
	tls_put_number(&b, 1, sct->algorithm);
	tls_put_opaque(&b, 2, sct->signature);
	return buffer_bytes(&b);
}

int sct_list_parse(struct ctx *c, struct bytes in, struct sct_list *ret)
{
	struct sct_list list = { ARENA_ARRAY(c->arena, SCT_LIST_MAX, struct sct), 0 };
	struct bytes rest;
	if (tls_take_opaque(&in, 2, &rest) != 0 || in.n > 0 || rest.n == 0) {
		return broken(c, "list is broken");
	}
	while (rest.n > 0) {
		struct bytes one;
		if (list.n == SCT_LIST_MAX || tls_take_opaque(&rest, 2, &one) != 0) {
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
		tls_put_opaque(&inner, 2, sct_encode(a, &list->v[i]));
	}
	tls_put_opaque(&b, 2, buffer_bytes(&inner));
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
	tls_put_number(&b, 1, VERSION_1);
	tls_put_number(&b, 1, 0); /* certificate_timestamp */
	tls_put_number(&b, 8, sct->time_ms);
	tls_put_number(&b, 2, entry->precertificate ? 1 : 0);
	if (entry->precertificate) {
		buffer_add(&b, entry->issuer_key_hash.p, entry->issuer_key_hash.n);
	}
	tls_put_opaque(&b, 3, entry->body);
	tls_put_opaque(&b, 2, sct->extensions);
	return buffer_bytes(&b);
}

bool sct_verify(struct arena *a, const struct sct *sct, const struct ct_entry *entry, EVP_PKEY *key)
{
	const struct tls_signature signature = { sct->hash, sct->algorithm, sct->signature };
	return tls_signature_holds(&signature, key, sct_signed(a, sct, entry));
}
