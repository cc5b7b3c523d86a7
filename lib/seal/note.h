/* Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), by Ed25519. */
#ifndef CAIRN_SEAL_NOTE_H
#define CAIRN_SEAL_NOTE_H

#include <openssl/types.h>

#include "lib/base/config.h"
#include "lib/seal/merkle.h"

#define NOTE_KEY_SIZE 32
#define NOTE_OCTETS_MAX 65536
#define NOTE_SIGNATURE_SIZE 64

/* What a key signs: notes themselves, or checkpoints of others at a time (C2SP tlog-cosignature). */
enum note_key_type { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };

/* Who signs: the name and the public key. */
struct note_key {
	const char *name;
	uint8_t public_key[NOTE_KEY_SIZE];
	uint8_t type; /* enum note_key_type */
	uint8_t id[4];
};

/* The origin of the log, which is the name of its key: subscriber.origin, or acme.external_url without its scheme and with
 * "/log" behind it. */
const char *log_origin(struct arena *a, const struct config *config);

/* What a name may be: not empty, printable ASCII without blanks and `+`, at most 255 characters. */
bool note_name_is_good(const char *name);

/* Of the private key, which must be an Ed25519 one; name is borrowed. SERVER_INTERNAL otherwise. */
int note_key_of(struct ctx *c, const char *name, const EVP_PKEY *key, struct note_key *ret) MUST_CHECK;

/* The same key for another use, which has another id. */
void note_key_set_type(struct note_key *key, enum note_key_type type);

/* "NAME+0123abcd+BASE64", as people hand it on (a vkey). */
const char *note_key_encode(struct arena *a, const struct note_key *key);
/* MALFORMED, with a sentence. Blanks at the end are fine. */
int note_key_parse(struct ctx *c, const char *text, struct note_key *ret) MUST_CHECK;
int note_key_parse_type(struct ctx *c, const char *text, enum note_key_type type, struct note_key *ret) MUST_CHECK;

/* The text, which ends with a newline, an empty line, and the signature's line. */
int note_sign(
    struct ctx *c, const struct note_key *name, EVP_PKEY *key, struct bytes text, struct bytes *ret_note) MUST_CHECK;

/* The text of a note that this key signed; signatures of others are passed over. MALFORMED: it has no good signature of the
 * key, or is no note. The text is borrowed from the note. */
int note_open(struct ctx *c, const struct note_key *key, struct bytes note, struct bytes *ret_text) MUST_CHECK;

/* The line of a signature, with its newline, and the octets of one by this key; -1: of another key, or none. */
const char *note_signature_line(struct arena *a, const struct note_key *key, struct bytes octets);
int note_signature_octets(struct arena *a, const struct note_key *key, struct bytes line, struct bytes *ret) MUST_CHECK;
bool note_verify(const struct note_key *key, struct bytes text, struct bytes signature);

/* Cuts the first note off a file of notes that stand one behind the other; -1: there is none. */
int note_take(struct bytes *left, struct bytes *ret_note) MUST_CHECK;

/* The text of a checkpoint. */
const char *checkpoint_text(struct arena *a, const char *origin, const struct merkle_head *head);

/* The head that the key signed, under the key's own name as its origin. MALFORMED. */
int checkpoint_open(struct ctx *c, const struct note_key *key, struct bytes note, struct merkle_head *ret) MUST_CHECK;

/* The head of a text without a look at who signed it. MALFORMED. ret_origin may be NULL. */
int checkpoint_parse(struct ctx *c, struct bytes text, const char **ret_origin, struct merkle_head *ret) MUST_CHECK;

/* Base64 of a hash on a line of its own; -1 for all else. */
int hash_parse(struct arena *a, struct bytes line, struct merkle_hash *ret) MUST_CHECK;
const char *hash_encode(struct arena *a, const struct merkle_hash *hash);

/* Takes the first line, without its newline; -1 when there is none. */
int line_take(struct bytes *left, struct bytes *ret_line) MUST_CHECK;

/* A decimal number without leading zeros. */
int size_parse(struct bytes digits, uint64_t *ret) MUST_CHECK;

#endif
