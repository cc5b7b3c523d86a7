#include "ra/log_source.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/fields.h"
#include "lib/seal/tiles.h"
#include "ra/logs.h"

#define ANSWER_MAX (16 << 20)
#define SMALL_MAX 65536
#define ANSWER_S 20L
#define DONE 200
#define STATUS_UNKNOWN 404 /* also 400, by which logs of RFC 6962 say that they have no such leaf */

struct body {
	struct buffer b;
	size_t most;
};

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct body *body = arg;
	if (body->b.n + one * n > body->most) {
		return 0;
	}
	buffer_add(&body->b, p, one * n);
	return one * n;
}

/* Not 0 ends the transfer. */
static int go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
	(void) arg;
	(void) a;
	(void) b;
	(void) d;
	(void) e;
	return logs_ending() ? 1 : 0;
}

static bool prepare(struct ctx *c, const struct log_source *s, const char *url, struct body *body)
{
	CURL *easy = s->easy;
	curl_easy_reset(easy); /* its connections stay */
	int64_t left_ms = ctx_left_ms(c, ANSWER_S * 1000);
	return left_ms > 0 && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       (s->ca_file == NULL || (curl_easy_setopt(easy, CURLOPT_CAINFO, s->ca_file) == CURLE_OK &&
	                                  curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       /* tiles are mostly stored compressed; what comes out is what is counted */
	       curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, go_on) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, body) == CURLE_OK;
}

/* NOT_FOUND: the log says that it has nothing there. */
static int get(struct ctx *c, const struct log_source *s, const char *path, size_t most, struct bytes *ret)
{
	struct body body = { .most = most };
	long status = 0;
	buffer_init(&body.b, c->arena, 4096);
	if (!prepare(c, s, arena_printf(c->arena, "%s%s", s->log->read_url, path), &body)) {
		return FAIL(c, UNAVAILABLE, "%s can't be asked for", path);
	}
	CURLcode result = curl_easy_perform(s->easy);
	(void) curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK) {
		return FAIL(c, UNAVAILABLE, "%s: %s", path, curl_easy_strerror(result));
	}
	if (status == STATUS_UNKNOWN || status == 400) {
		return FAIL(c, NOT_FOUND, "%s: status %ld", path, status);
	}
	if (status != DONE) {
		return FAIL(c, UNAVAILABLE, "%s: status %ld", path, status);
	}
	*ret = buffer_bytes(&body.b);
	return 0;
}

/* What every log has. */
static int get_surely(struct ctx *c, const struct log_source *s, const char *path, size_t most, struct bytes *ret)
{
	if (get(c, s, path, most, ret) == 0) {
		return 0;
	}
	const char *why = c->err.detail;
	ctx_forgive(c);
	return FAIL(c, UNAVAILABLE, "%s", why);
}

int log_source_head(struct ctx *c, const struct log_source *s, struct log_head *ret)
{
	struct bytes said;
	TRY(get_surely(c, s, s->log->tiled ? "checkpoint" : "ct/v1/get-sth", SMALL_MAX, &said));
	return log_head_open(c, s->log, said, ret);
}

/* A tile as it is in that tree; one that is not full may have become full, and is then there no more. */
static int get_tile(struct ctx *c, const struct log_source *s, bool data, const struct tile *tile, struct bytes *ret,
    unsigned *ret_width)
{
	struct tile t = *tile;
	for (;;) {
		const char *path = tile_path(c->arena, &t);
		path = data ? arena_printf(c->arena, "tile/data%s", path + strlen("tile/0")) : path;
		*ret_width = t.width;
		if (t.width == TILE_WIDTH) {
			return get_surely(c, s, path, data ? ANSWER_MAX : SMALL_MAX, ret);
		}
		if (get(c, s, path, data ? ANSWER_MAX : SMALL_MAX, ret) == 0) {
			return 0;
		}
		if (c->err.type != PROBLEM_NOT_FOUND) {
			return -1;
		}
		ctx_forgive(c);
		t.width = TILE_WIDTH;
	}
}

struct tile_asker {
	const struct log_source *s;
};

/* Of a tile_source. */
static int read_tile(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	unsigned width = 0;
	const struct tile_asker *asker = arg;
	TRY(get_tile(c, asker->s, false, tile, ret, &width));
	return ret->n == (size_t) width * SHA256_SIZE ? 0 : FAIL(c, MALFORMED, "A tile has another size");
}

static int leaves_of_tile(
    struct ctx *c, const struct log_source *s, const struct merkle_head *head, uint64_t from, struct ct_leaf_list *ret)
{
	struct bytes octets;
	unsigned width = 0;
	struct tile tile = { 0, from / TILE_WIDTH, 0 };
	size_t skip = (size_t) (from % TILE_WIDTH);
	tile.width = tile_width_in(0, tile.n, head->size);
	TRY(get_tile(c, s, true, &tile, &octets, &width));
	TRY(ct_leaves_of_tile(c, octets, width, ret));
	*ret = (struct ct_leaf_list) { ret->v + skip, tile.width - skip }; /* no more than the tree has */
	return 0;
}

int log_source_leaves(
    struct ctx *c, const struct log_source *s, const struct merkle_head *head, uint64_t from, struct ct_leaf_list *ret)
{
	struct bytes json;
	if (s->log->tiled) {
		return leaves_of_tile(c, s, head, from, ret);
	}
	/* entries may be large, and some logs then give all that were asked for */
	uint64_t left = head->size - from;
	uint64_t n = left < LOG_LEAVES_MAX ? left : LOG_LEAVES_MAX;
	int result = -1;
	for (; n > 0 && result != 0; n = n == 1 ? 0 : (n + 15) / 16) {
		ctx_forgive(c);
		result = get_surely(c, s,
		    arena_printf(c->arena, "ct/v1/get-entries?start=%llu&end=%llu", (unsigned long long) from,
		        (unsigned long long) (from + n - 1)),
		    ANSWER_MAX, &json);
	}
	TRY(result);
	TRY(ct_leaves_of_answer(c, json, (size_t) (left < LOG_LEAVES_MAX ? left : LOG_LEAVES_MAX), ret));
	return ret->n > 0 ? 0 : FAIL(c, MALFORMED, "It gives no entries");
}

struct answer {
	int64_t leaf_index;
	struct text_list audit_path;
};
static const struct field answer_field[] = {
	FIELD(struct answer, leaf_index, .flags = FIELD_REQUIRED),
	FIELD(struct answer, audit_path, .flags = FIELD_REQUIRED, .min = 0, .max = MERKLE_PROOF_MAX),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static int read_proof(struct ctx *c, struct bytes json, uint64_t *ret_at, struct merkle_proof *ret)
{
	struct answer answer;
	TRY(fields_parse_json(c, &answer_fields, json, &answer));
	ret->n = 0;
	for (size_t i = 0; i < answer.audit_path.n; i++) {
		struct bytes hash;
		if (base64_decode(c->arena, bytes_of_text(answer.audit_path.v[i]), &hash) != 0 || hash.n != SHA256_SIZE) {
			return FAIL(c, MALFORMED, "A proof is broken");
		}
		memcpy(ret->v[ret->n++].b, hash.p, SHA256_SIZE);
	}
	*ret_at = (uint64_t) answer.leaf_index;
	return answer.leaf_index >= 0 ? 0 : FAIL(c, MALFORMED, "A proof is broken");
}

/* All of a URL's query that base64 has and a query has not. */
static const char *in_query(struct arena *a, const struct merkle_hash *hash)
{
	const char *text = base64_encode(a, (struct bytes) { hash->b, SHA256_SIZE });
	struct buffer b;
	buffer_init(&b, a, 64);
	for (; *text != '\0'; text++) {
		if (*text == '+' || *text == '/' || *text == '=') {
			buffer_printf(&b, "%%%02X", (unsigned) *text);
		} else {
			buffer_add_char(&b, *text);
		}
	}
	buffer_add_char(&b, '\0');
	return (const char *) buffer_bytes(&b).p;
}

static int ask_proof(struct ctx *c, const struct log_source *s, const struct merkle_head *head,
    const struct merkle_hash *leaf, uint64_t *at, struct merkle_proof *ret)
{
	struct bytes json;
	if (s->log->tiled) {
		struct tile_asker asker = { s };
		struct tile_source tiles = { .read = read_tile, .arg = &asker, .size = head->size };
		return *at < head->size ? tiles_inclusion(c, &tiles, *at, head->size, ret)
		                        : FAIL(c, NOT_FOUND, "The tree does not reach to the place that the log promised");
	}
	TRY(get(c, s,
	    arena_printf(c->arena, "ct/v1/get-proof-by-hash?hash=%s&tree_size=%llu", in_query(c->arena, leaf),
	        (unsigned long long) head->size),
	    SMALL_MAX, &json));
	return read_proof(c, json, at, ret);
}

int log_source_prove(struct ctx *c, const struct log_source *s, const struct merkle_head *head,
    const struct merkle_hash *leaf, uint64_t *at, struct merkle_proof *ret)
{
	TRY(ask_proof(c, s, head, leaf, at, ret));
	const struct merkle_place place = { *at, head->size, head->root };
	if (merkle_check_inclusion(&place, leaf, ret)) {
		return 0;
	}
	/* tiles are of the tree, whatever was asked for; a proof that was made for this leaf has to be one */
	return s->log->tiled ? FAIL(c, NOT_FOUND, "Its tiles do not prove it")
	                     : FAIL(c, MALFORMED, "Its proof does not hold");
}
