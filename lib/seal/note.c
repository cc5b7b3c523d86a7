#include "lib/seal/note.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/key.h"

#define NAME_MAX_OCTETS 255
#define DASH "\xe2\x80\x94 " /* U+2014 and a blank */

const char *log_origin(struct arena *a, const struct config *config)
{
	const char *url = config->acme.external_url;
	const char *host = strstr(url, "://");
	return config->subscriber.origin != NULL ? config->subscriber.origin
	                                         : arena_printf(a, "%s/log", host == NULL ? url : host + 3);
}

bool note_name_is_good(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '+') {
			return false;
		}
	}
	return n > 0 && n <= NAME_MAX_OCTETS;
}

static void set_id(struct note_key *key)
{
	const uint8_t between[] = { '\n', key->type };
	const struct bytes pieces[] = { bytes_of_text(key->name), { between, sizeof(between) },
		{ key->public_key, NOTE_KEY_SIZE } };
	uint8_t digest[SHA256_SIZE];
	sha256(pieces, COUNT_OF(pieces), digest);
	memcpy(key->id, digest, sizeof(key->id));
}

int note_key_of(struct ctx *c, const char *name, const EVP_PKEY *key, struct note_key *ret)
{
	struct note_key made = { .name = name, .type = NOTE_ED25519 };
	size_t n = NOTE_KEY_SIZE;
	if (!note_name_is_good(name)) {
		return FAIL(c, SERVER_INTERNAL, "\"%s\" can't be the name of a log: no blanks, no plus sign", name);
	}
	if (key_kind_of(key) != KEY_ED25519 || EVP_PKEY_get_raw_public_key(key, made.public_key, &n) != 1) {
		return FAIL(c, SERVER_INTERNAL, "The key that signs the log is no Ed25519 key");
	}
	set_id(&made);
	*ret = made;
	return 0;
}

void note_key_set_type(struct note_key *key, enum note_key_type type)
{
	key->type = (uint8_t) type;
	set_id(key);
}

const char *note_key_encode(struct arena *a, const struct note_key *key)
{
	uint8_t octets[1 + NOTE_KEY_SIZE] = { key->type };
	memcpy(octets + 1, key->public_key, NOTE_KEY_SIZE);
	return arena_printf(a, "%s+%s+%s", key->name, hex_encode(a, (struct bytes) { key->id, sizeof(key->id) }),
	    base64_encode(a, (struct bytes) { octets, sizeof(octets) }));
}

int note_key_parse(struct ctx *c, const char *text, struct note_key *ret)
{
	return note_key_parse_type(c, text, NOTE_ED25519, ret);
}

int note_key_parse_type(struct ctx *c, const char *text, enum note_key_type type, struct note_key *ret)
{
	struct note_key key = { .type = (uint8_t) type };
	struct bytes octets = { NULL, 0 };
	size_t n = strcspn(text, " \t\r\n");
	const char *whole = arena_text_n(c->arena, text, n);
	const char *plus = strchr(whole, '+');
	const char *second = plus == NULL ? NULL : strchr(plus + 1, '+');
	bool good = text[n + strspn(text + n, " \t\r\n")] == '\0' && second != NULL &&
	            base64_decode(c->arena, bytes_of_text(second + 1), &octets) == 0 && octets.n == 1 + NOTE_KEY_SIZE &&
	            octets.p[0] == key.type;
	if (good) {
		key.name = arena_text_n(c->arena, whole, (size_t) (plus - whole));
		memcpy(key.public_key, octets.p + 1, NOTE_KEY_SIZE);
		set_id(&key);
		good = note_name_is_good(key.name) &&
		       bytes_equal_text((struct bytes) { (const uint8_t *) plus + 1, (size_t) (second - plus - 1) },
		           hex_encode(c->arena, (struct bytes) { key.id, sizeof(key.id) }));
	}
	if (!good) {
		return FAIL(c, MALFORMED, "This is no key of a log: NAME+HASH+KEY is wanted");
	}
	*ret = key;
	return 0;
}

int note_sign(struct ctx *c, const struct note_key *name, EVP_PKEY *key, struct bytes text, struct bytes *ret_note)
{
	uint8_t octets[NOTE_SIGNATURE_SIZE];
	size_t n = sizeof(octets);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	if (md == NULL || EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(md, octets, &n, text.p, text.n) != 1 || n != sizeof(octets)) {
		return key_fault(c, "the log's key can't sign");
	}
	*ret_note = bytes_of_text(arena_printf(c->arena, "%.*s\n%s", (int) text.n, (const char *) text.p,
	    note_signature_line(c->arena, name, (struct bytes) { octets, n })));
	return 0;
}

const char *note_signature_line(struct arena *a, const struct note_key *key, struct bytes octets)
{
	struct buffer b;
	buffer_init(&b, a, 256);
	buffer_add(&b, key->id, sizeof(key->id));
	buffer_add(&b, octets.p, octets.n);
	return arena_printf(a, DASH "%s %s\n", key->name, base64_encode(a, buffer_bytes(&b)));
}

int line_take(struct bytes *left, struct bytes *ret_line)
{
	const uint8_t *end = left->n == 0 ? NULL : memchr(left->p, '\n', left->n);
	if (end == NULL) {
		return -1;
	}
	*ret_line = (struct bytes) { left->p, (size_t) (end - left->p) };
	left->p = end + 1;
	left->n -= ret_line->n + 1;
	return 0;
}

/* Text and signatures are separated by the last empty line. */
static int divide(struct bytes note, struct bytes *ret_text, struct bytes *ret_signatures)
{
	if (note.n < 3 || note.n > NOTE_OCTETS_MAX || note.p[note.n - 1] != '\n') {
		return -1;
	}
	size_t at = note.n - 2;
	while (at > 0 && !(note.p[at] == '\n' && note.p[at - 1] == '\n')) {
		at--;
	}
	if (at == 0) {
		return -1;
	}
	*ret_text = (struct bytes) { note.p, at };
	*ret_signatures = (struct bytes) { note.p + at + 1, note.n - at - 1 };
	return 0;
}

/* The octets of the signature when the line is one of this key; -1: of another, or none. */
int note_signature_octets(struct arena *a, const struct note_key *key, struct bytes line, struct bytes *ret)
{
	const char *start = arena_printf(a, DASH "%s ", key->name);
	size_t n = strlen(start);
	struct bytes octets;
	if (line.n < n || memcmp(line.p, start, n) != 0 ||
	    base64_decode(a, (struct bytes) { line.p + n, line.n - n }, &octets) != 0 || octets.n < sizeof(key->id) ||
	    memcmp(octets.p, key->id, sizeof(key->id)) != 0) {
		return -1;
	}
	*ret = (struct bytes) { octets.p + sizeof(key->id), octets.n - sizeof(key->id) };
	return 0;
}

bool note_verify(const struct note_key *key, struct bytes text, struct bytes signature)
{
	AUTO(EVP_PKEY) pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public_key, NOTE_KEY_SIZE);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	return pkey != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 &&
	       EVP_DigestVerify(md, signature.p, signature.n, text.p, text.n) == 1;
}

int note_open(struct ctx *c, const struct note_key *key, struct bytes note, struct bytes *ret_text)
{
	struct bytes text = { NULL, 0 };
	struct bytes left = { NULL, 0 };
	struct bytes line;
	bool found = false;
	if (divide(note, &text, &left) != 0) {
		return FAIL(c, MALFORMED, "This is no signed note");
	}
	while (line_take(&left, &line) == 0) {
		struct bytes signature;
		if (note_signature_octets(c->arena, key, line, &signature) != 0) {
			continue;
		}
		if (!note_verify(key, text, signature)) {
			return FAIL(c, MALFORMED, "The signature of %s is wrong", key->name);
		}
		found = true;
	}
	if (!found) {
		return FAIL(c, MALFORMED, "The note is not signed by the key %s", note_key_encode(c->arena, key));
	}
	*ret_text = text;
	return 0;
}

int note_take(struct bytes *left, struct bytes *ret_note)
{
	static const char dash[] = DASH;
	struct bytes whole = *left;
	struct bytes line;
	bool signed_yet = false;
	while (left->n > 0) {
		struct bytes before = *left;
		if (line_take(left, &line) != 0) {
			return -1;
		}
		bool is_signature = line.n >= sizeof(dash) - 1 && memcmp(line.p, dash, sizeof(dash) - 1) == 0;
		if (signed_yet && !is_signature) {
			*left = before;
			break;
		}
		signed_yet = is_signature;
	}
	*ret_note = (struct bytes) { whole.p, whole.n - left->n };
	return signed_yet ? 0 : -1;
}

const char *hash_encode(struct arena *a, const struct merkle_hash *hash)
{
	return base64_encode(a, (struct bytes) { hash->b, sizeof(hash->b) });
}

int hash_parse(struct arena *a, struct bytes line, struct merkle_hash *ret)
{
	struct bytes octets;
	if (base64_decode(a, line, &octets) != 0 || octets.n != sizeof(ret->b)) {
		return -1;
	}
	memcpy(ret->b, octets.p, sizeof(ret->b));
	return 0;
}

int size_parse(struct bytes digits, uint64_t *ret)
{
	uint64_t size = 0;
	if (digits.n == 0 || digits.n > 18 || (digits.p[0] == '0' && digits.n > 1)) {
		return -1;
	}
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9') {
			return -1;
		}
		size = size * 10 + (unsigned) (digits.p[i] - '0');
	}
	*ret = size;
	return 0;
}

const char *checkpoint_text(struct arena *a, const char *origin, const struct merkle_head *head)
{
	return arena_printf(a, "%s\n%llu\n%s\n", origin, (unsigned long long) head->size, hash_encode(a, &head->root));
}

int checkpoint_parse(struct ctx *c, struct bytes text, const char **ret_origin, struct merkle_head *ret)
{
	struct bytes origin = { NULL, 0 };
	struct bytes size;
	struct bytes root;
	struct merkle_head head;
	if (line_take(&text, &origin) != 0 || origin.n == 0 || line_take(&text, &size) != 0 ||
	    size_parse(size, &head.size) != 0 || line_take(&text, &root) != 0 ||
	    hash_parse(c->arena, root, &head.root) != 0) {
		return FAIL(c, MALFORMED, "This is no checkpoint of a log");
	}
	if (ret_origin != NULL) {
		*ret_origin = arena_text_n(c->arena, origin.p, origin.n);
	}
	*ret = head;
	return 0;
}

int checkpoint_open(struct ctx *c, const struct note_key *key, struct bytes note, struct merkle_head *ret)
{
	struct bytes text;
	const char *origin = NULL;
	struct merkle_head head;
	TRY(note_open(c, key, note, &text));
	TRY(checkpoint_parse(c, text, &origin, &head));
	if (strcmp(origin, key->name) != 0) {
		return FAIL(c, MALFORMED, "The checkpoint is of another log: %s", origin);
	}
	*ret = head;
	return 0;
}
