#include "policy/log_head.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/ct/tls.h"
#include "lib/seal/note.h"

#define TREE_HASH 1      /* RFC 6962 3.5 */
#define NOTE_TREE_HEAD 5 /* type of a key of static-ct-api */
#define NOTE_KEY_ID_SIZE 4
#define TIME_MAX_MS INT64_C(253402300799000)

struct answer {
	int64_t tree_size;
	int64_t timestamp;
	const char *sha256_root_hash;
	const char *tree_head_signature;
};
static const struct field answer_field[] = {
	FIELD(struct answer, tree_size, .flags = FIELD_REQUIRED),
	FIELD(struct answer, timestamp, .flags = FIELD_REQUIRED),
	FIELD(struct answer, sha256_root_hash, .flags = FIELD_REQUIRED),
	FIELD(struct answer, tree_head_signature, .flags = FIELD_REQUIRED),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static int broken(struct ctx *c, const char *what)
{
	return FAIL(c, MALFORMED, "The head of its tree %s", what);
}

/* TreeHeadSignature */
static int check(struct ctx *c, const struct ct_log *log, const struct log_head *head, struct bytes signature)
{
	struct tls_signature s;
	struct buffer b;
	buffer_init(&b, c->arena, 64);
	tls_put_number(&b, 1, 0);
	tls_put_number(&b, 1, TREE_HASH);
	tls_put_number(&b, 8, (uint64_t) (head->at.us / 1000));
	tls_put_number(&b, 8, head->tree.size);
	buffer_add(&b, head->tree.root.b, SHA256_SIZE);
	if (tls_take_signature(&signature, &s) != 0 || !tls_signature_holds(&s, log->key, buffer_bytes(&b))) {
		return broken(c, "is not signed by the log");
	}
	return head->tree.size <= LOG_SIZE_MAX ? 0 : broken(c, "is of too many entries");
}

static int open_answer(struct ctx *c, const struct ct_log *log, struct bytes said, struct log_head *ret)
{
	struct answer answer;
	struct bytes root;
	struct bytes signature;
	TRY(fields_parse_json(c, &answer_fields, said, &answer));
	if (answer.tree_size < 0 || answer.timestamp < 0 || answer.timestamp > TIME_MAX_MS ||
	    base64_decode(c->arena, bytes_of_text(answer.sha256_root_hash), &root) != 0 || root.n != SHA256_SIZE ||
	    base64_decode(c->arena, bytes_of_text(answer.tree_head_signature), &signature) != 0) {
		return broken(c, "is broken");
	}
	*ret = (struct log_head) { .at = { answer.timestamp * 1000 }, .said = said };
	ret->tree.size = (uint64_t) answer.tree_size;
	memcpy(ret->tree.root.b, root.p, SHA256_SIZE);
	return check(c, log, ret, signature);
}

/* The origin of a static log, which is the name of its key: the URL to submit to, without its scheme and last slash. */
static const char *origin_of(struct arena *a, const struct ct_log *log)
{
	const char *from = strstr(log->url, "://") + 3;
	return arena_text_n(a, from, strlen(from) - 1);
}

/* The octets of the signature of a note by this name whose key id is that of the log. */
static int find_signature(
    struct ctx *c, const struct ct_log *log, const char *origin, struct bytes lines, struct bytes *ret)
{
	static const char type = NOTE_TREE_HEAD;
	uint8_t id[SHA256_SIZE];
	const struct bytes pieces[] = { bytes_of_text(origin), bytes_of_text("\n"), { (const uint8_t *) &type, 1 },
		log->id };
	const char *front = arena_printf(c->arena, "\xe2\x80\x94 %s ", origin);
	struct bytes line;
	sha256(pieces, COUNT_OF(pieces), id);
	while (line_take(&lines, &line) == 0) {
		struct bytes octets;
		size_t n = strlen(front);
		if (line.n > n && memcmp(line.p, front, n) == 0 &&
		    base64_decode(c->arena, (struct bytes) { line.p + n, line.n - n }, &octets) == 0 &&
		    octets.n > NOTE_KEY_ID_SIZE && memcmp(octets.p, id, NOTE_KEY_ID_SIZE) == 0) {
			*ret = (struct bytes) { octets.p + NOTE_KEY_ID_SIZE, octets.n - NOTE_KEY_ID_SIZE };
			return 0;
		}
	}
	return broken(c, "is not signed by the log");
}

static int open_checkpoint(struct ctx *c, const struct ct_log *log, struct bytes said, struct log_head *ret)
{
	const char *origin = NULL;
	const char *expected = origin_of(c->arena, log);
	const uint8_t *gap = memmem(said.p, said.n, "\n\n", 2);
	struct bytes signature;
	uint64_t time_ms = 0;
	if (gap == NULL) {
		return broken(c, "is no checkpoint");
	}
	struct bytes text = { said.p, (size_t) (gap - said.p) + 1 };
	*ret = (struct log_head) { .said = said };
	TRY(checkpoint_parse(c, text, &origin, &ret->tree));
	if (strcmp(origin, expected) != 0) {
		return broken(c, "is of another log");
	}
	TRY(find_signature(c, log, origin, (struct bytes) { gap + 2, said.n - text.n - 1 }, &signature));
	if (tls_take_number(&signature, 8, &time_ms) != 0 || time_ms > (uint64_t) TIME_MAX_MS) {
		return broken(c, "is broken");
	}
	ret->at.us = (int64_t) time_ms * 1000;
	return check(c, log, ret, signature);
}

int log_head_open(struct ctx *c, const struct ct_log *log, struct bytes said, struct log_head *ret)
{
	return (log->tiled ? open_checkpoint : open_answer)(c, log, said, ret);
}
