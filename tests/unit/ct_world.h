/* Logs of our own: keys that really sign SCTs, and the list that names them. */
#ifndef CAIRN_TESTS_CT_WORLD_H
#define CAIRN_TESTS_CT_WORLD_H

#include "lib/base/buffer.h"
#include "lib/crypto/digest.h"
#include "policy/ct.h"
#include "tests/unit/crypto_test.h"

struct test_log {
	const char *operator;
	const char *description;
	bool tiled;
	const char *state; /* NULL: usable */
	const char *since; /* NULL: 2020 */
	const char *from;  /* NULL: no shard */
	const char *until;
	const char *former; /* JSON of previous_operators, or NULL */
	EVP_PKEY *key;      /* made by test_logs_make */
	struct bytes spki;
	uint8_t id[SHA256_SIZE];
	const char *url; /* NULL: one that nobody answers at */
};

static inline void test_logs_make(struct ctx *c, struct test_log *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_good(c, key_generate(c, "p256", &v[i].key));
		assert_good(c, key_spki(c, v[i].key, &v[i].spki));
		sha256_of(v[i].spki, v[i].id);
	}
}

static inline const char *test_log_json(struct ctx *c, const struct test_log *log)
{
	const char *interval =
	    log->from == NULL
	        ? ""
	        : arena_printf(c->arena, "\"temporal_interval\":{\"start_inclusive\":\"%s\",\"end_exclusive\":\"%s\"},",
	              log->from, log->until);
	const char *former = log->former == NULL ? "" : arena_printf(c->arena, "\"previous_operators\":%s,", log->former);
	const char *url = log->url == NULL ? "https://log.test/one/" : log->url;
	return arena_printf(c->arena,
	    "{\"description\":\"%s\",\"log_id\":\"%s\",\"key\":\"%s\",\"%s\":\"%s\",%s%s\"mmd\":86400,"
	    "\"state\":{\"%s\":{\"timestamp\":\"%s\"}}}",
	    log->description, base64_encode(c->arena, (struct bytes) { log->id, SHA256_SIZE }),
	    base64_encode(c->arena, log->spki), log->tiled ? "submission_url" : "url", url, interval, former,
	    log->state == NULL ? "usable" : log->state, log->since == NULL ? "2020-01-01T00:00:00Z" : log->since);
}

/* Each log under an operator entry of its own; entries of one name are one operator. */
static inline struct bytes test_logs_json(struct ctx *c, const struct test_log *v, size_t n, struct timestamp made_at)
{
	struct buffer b;
	char at[RFC3339_SIZE];
	timestamp_encode(made_at, false, at);
	buffer_init(&b, c->arena, 4096);
	buffer_printf(&b, "{\"version\":\"60.1\",\"log_list_timestamp\":\"%s\",\"operators\":[", at);
	for (size_t i = 0; i < n; i++) {
		buffer_printf(&b, "%s{\"name\":\"%s\",\"email\":[],\"%s\":[%s],\"%s\":[]}", i == 0 ? "" : ",", v[i].operator,
		    v[i].tiled ? "tiled_logs" : "logs", test_log_json(c, &v[i]), v[i].tiled ? "logs" : "tiled_logs");
	}
	buffer_add_text(&b, "]}");
	return buffer_bytes(&b);
}

/* What the log would promise for the entry. */
static inline struct sct test_log_sign(struct ctx *c, const struct test_log *log, const struct ct_entry *entry,
    struct timestamp when, struct bytes extensions)
{
	struct sct sct = { .log_id = arena_bytes(c->arena, log->id, SHA256_SIZE),
		.time_ms = (uint64_t) (when.us / 1000),
		.extensions = extensions,
		.hash = 4,
		.algorithm = 3 };
	assert_good(c, key_sign(c, log->key, sct_signed(c->arena, &sct, entry), &sct.signature));
	return sct;
}

#endif
