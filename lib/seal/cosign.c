#include "lib/seal/cosign.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/key.h"

#define TIME_SIZE 8
#define OLD "old "

/* What is signed: the time, and the text behind it. */
static struct bytes message_of(struct arena *a, struct bytes text, int64_t time_s)
{
	return bytes_of_text(
	    arena_printf(a, "cosignature/v1\ntime %lld\n%.*s", (long long) time_s, (int) text.n, (const char *) text.p));
}

int cosign_sign(
    struct ctx *c, const struct note_key *name, EVP_PKEY *key, struct bytes text, int64_t time_s, const char **ret_line)
{
	uint8_t octets[TIME_SIZE + NOTE_SIGNATURE_SIZE];
	size_t n = NOTE_SIGNATURE_SIZE;
	struct bytes message = message_of(c->arena, text, time_s);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	for (size_t i = 0; i < TIME_SIZE; i++) {
		octets[i] = (uint8_t) ((uint64_t) time_s >> (8 * (TIME_SIZE - 1 - i)));
	}
	if (md == NULL || EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(md, octets + TIME_SIZE, &n, message.p, message.n) != 1 || n != NOTE_SIGNATURE_SIZE) {
		return key_fault(c, "the witness' key can't sign");
	}
	*ret_line = note_signature_line(c->arena, name, (struct bytes) { octets, sizeof(octets) });
	return 0;
}

int cosign_check(struct ctx *c, const struct note_key *key, struct bytes text, struct bytes line, int64_t *ret_time_s)
{
	struct bytes octets;
	uint64_t time_s = 0;
	line.n -= line.n > 0 && line.p[line.n - 1] == '\n' ? 1 : 0;
	if (note_signature_octets(c->arena, key, line, &octets) != 0 || octets.n != TIME_SIZE + NOTE_SIGNATURE_SIZE) {
		return FAIL(c, MALFORMED, "This is no cosignature by %s", key->name);
	}
	for (size_t i = 0; i < TIME_SIZE; i++) {
		time_s = time_s << 8 | octets.p[i];
	}
	struct bytes signature = { octets.p + TIME_SIZE, NOTE_SIGNATURE_SIZE };
	if (time_s > INT64_MAX || !note_verify(key, message_of(c->arena, text, (int64_t) time_s), signature)) {
		return FAIL(c, MALFORMED, "The cosignature by %s is wrong", key->name);
	}
	*ret_time_s = (int64_t) time_s;
	return 0;
}

struct bytes cosign_ask_encode(struct arena *a, const struct cosign_ask *ask)
{
	struct buffer b;
	buffer_init(&b, a, 4096);
	buffer_printf(&b, OLD "%llu\n", (unsigned long long) ask->old);
	for (size_t i = 0; i < ask->proof.n; i++) {
		buffer_add_text(&b, hash_encode(a, &ask->proof.v[i]));
		buffer_add_char(&b, '\n');
	}
	buffer_add_char(&b, '\n');
	buffer_add(&b, ask->checkpoint.p, ask->checkpoint.n);
	return buffer_bytes(&b);
}

/* UTF-8 without control characters save the ends of lines (C2SP signed-note). */
static bool is_note_text(struct arena *a, struct bytes note)
{
	for (size_t i = 0; i < note.n; i++) {
		if ((note.p[i] < 0x20 && note.p[i] != '\n') || note.p[i] == 0x7f) {
			return false;
		}
	}
	const char *text = arena_text_n(a, note.p, note.n);
	return strcmp(buffer_utf8(a, text), text) == 0;
}

int cosign_ask_parse(struct ctx *c, struct bytes body, struct cosign_ask *ret)
{
	struct cosign_ask ask = { .old = 0 };
	struct bytes line = { NULL, 0 };
	const size_t n = sizeof(OLD) - 1;
	bool good = line_take(&body, &line) == 0 && line.n > n && memcmp(line.p, OLD, n) == 0 &&
	            size_parse((struct bytes) { line.p + n, line.n - n }, &ask.old) == 0 && line_take(&body, &line) == 0;
	while (good && line.n > 0) {
		good = ask.proof.n < MERKLE_PROOF_MAX && hash_parse(c->arena, line, &ask.proof.v[ask.proof.n++]) == 0 &&
		       line_take(&body, &line) == 0;
	}
	if (!good || body.n == 0 || !is_note_text(c->arena, body)) {
		return FAIL(c, MALFORMED, "This is no request to add a checkpoint");
	}
	ask.checkpoint = body;
	*ret = ask;
	return 0;
}
