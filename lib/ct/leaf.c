#include "lib/ct/leaf.h"

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/ct/tls.h"
#include "lib/crypto/digest.h"

enum entry_type { ENTRY_X509 = 0, ENTRY_PRECERTIFICATE = 1 };
#define LEAF_INDEX 0 /* an extension of static-ct-api */
#define LEAF_INDEX_SIZE 5

static int broken(struct ctx *c)
{
	return FAIL(c, MALFORMED, "An entry is broken");
}

/* TimestampedEntry */
static int take_timestamped(struct bytes *in, struct ct_leaf *ret)
{
	uint64_t type = 0;
	struct bytes key_hash = { NULL, 0 };
	TRY(tls_take_number(in, 8, &ret->time_ms));
	TRY(tls_take_number(in, 2, &type));
	if (type != ENTRY_X509 && type != ENTRY_PRECERTIFICATE) {
		return -1;
	}
	if (type == ENTRY_PRECERTIFICATE) {
		TRY(tls_take(in, SHA256_SIZE, &key_hash));
	}
	ret->entry = (struct ct_entry) { .precertificate = type == ENTRY_PRECERTIFICATE, .issuer_key_hash = key_hash };
	TRY(tls_take_opaque(in, 3, &ret->entry.body));
	return tls_take_opaque(in, 2, &ret->extensions);
}

int ct_leaf_parse(struct ctx *c, struct bytes in, struct ct_leaf *ret)
{
	struct ct_leaf leaf = { .octets = in };
	uint64_t version = 1;
	uint64_t type = 1;
	if (tls_take_number(&in, 1, &version) != 0 || tls_take_number(&in, 1, &type) != 0 || version != 0 || type != 0 ||
	    take_timestamped(&in, &leaf) != 0 || in.n > 0) {
		return broken(c);
	}
	*ret = leaf;
	return 0;
}

struct entry {
	const char *leaf_input;
	const char *extra_data;
};
static const struct field entry_field[] = {
	FIELD(struct entry, leaf_input, .flags = FIELD_REQUIRED),
	FIELD(struct entry, extra_data),
};
static const struct fields entry_fields = FIELDS(struct entry, entry_field);

struct entry_list {
	struct entry *v;
	size_t n;
};
struct answer {
	struct entry_list entries;
};
static const struct field answer_field[] = { FIELD_STRUCTS(
	struct answer, entries, &entry_fields, .flags = FIELD_REQUIRED) };
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

/* PrecertChainEntry (RFC 6962 4.6). A log may say here what it likes. */
static struct bytes precertificate_of(struct arena *a, const char *extra_data)
{
	struct bytes octets;
	struct bytes precertificate;
	if (extra_data == NULL || base64_decode(a, bytes_of_text(extra_data), &octets) != 0 ||
	    tls_take_opaque(&octets, 3, &precertificate) != 0) {
		return (struct bytes) { NULL, 0 };
	}
	return precertificate;
}

int ct_leaves_of_answer(struct ctx *c, struct bytes json, size_t most, struct ct_leaf_list *ret)
{
	struct answer answer;
	TRY(fields_parse_json(c, &answer_fields, json, &answer));
	size_t n = answer.entries.n < most ? answer.entries.n : most;
	struct ct_leaf_list list = { ARENA_ARRAY(c->arena, n, struct ct_leaf), n };
	for (size_t i = 0; i < n; i++) {
		struct bytes octets;
		if (base64_decode(c->arena, bytes_of_text(answer.entries.v[i].leaf_input), &octets) != 0) {
			return broken(c);
		}
		TRY(ct_leaf_parse(c, octets, &list.v[i]));
		if (list.v[i].entry.precertificate) {
			list.v[i].precertificate = precertificate_of(c->arena, answer.entries.v[i].extra_data);
		}
	}
	*ret = list;
	return 0;
}

/* TileLeaf */
static int take_tile_leaf(struct arena *a, struct bytes *in, struct ct_leaf *ret)
{
	struct bytes from = *in;
	struct bytes chain;
	struct buffer b;
	ret->precertificate = (struct bytes) { NULL, 0 };
	TRY(take_timestamped(in, ret));
	buffer_init(&b, a, from.n - in->n + 2);
	tls_put_number(&b, 2, 0); /* version and type of a MerkleTreeLeaf */
	buffer_add(&b, from.p, from.n - in->n);
	ret->octets = buffer_bytes(&b);
	if (ret->entry.precertificate) {
		TRY(tls_take_opaque(in, 3, &ret->precertificate));
	}
	return tls_take_opaque(in, 2, &chain); /* fingerprints */
}

int ct_leaves_of_tile(struct ctx *c, struct bytes tile, size_t width, struct ct_leaf_list *ret)
{
	struct ct_leaf_list list = { ARENA_ARRAY(c->arena, width, struct ct_leaf), width };
	for (size_t i = 0; i < width; i++) {
		if (take_tile_leaf(c->arena, &tile, &list.v[i]) != 0) {
			return broken(c);
		}
	}
	if (tile.n > 0) {
		return broken(c);
	}
	*ret = list;
	return 0;
}

int ct_leaf_index(struct bytes extensions, uint64_t *ret)
{
	uint64_t type = 0;
	struct bytes value;
	while (extensions.n > 0) {
		TRY(tls_take_number(&extensions, 1, &type));
		TRY(tls_take_opaque(&extensions, 2, &value));
		if (type == LEAF_INDEX) {
			return value.n == LEAF_INDEX_SIZE ? tls_take_number(&value, LEAF_INDEX_SIZE, ret) : -1;
		}
	}
	return -1;
}
