#include "lib/ct/log_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/base64.h"
#include "lib/base/die.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/key.h"

#define LOG_FILES 2 /* the list and its signature */

struct read_list {
	struct read_list *before;
	struct arena *arena;
	struct ct_log_list list;
	int64_t replaced_us; /* by the clock that never jumps; 0: in force */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct read_list *newest;
static struct stat seen[LOG_FILES]; /* of the thread that refreshes */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What nobody can be using any more. */
static void free_old(struct read_list *of)
{
	while (of->before != NULL) {
		struct read_list *old = of->before;
		if (old->replaced_us + LOG_FILE_KEPT_S * INT64_C(1000000) < clock_monotonic_us()) {
			of->before = old->before;
			arena_free(old->arena);
			free(old);
		} else {
			of = old;
		}
	}
}

static void put(struct read_list *next)
{
	pthread_mutex_lock(&lock);
	if (newest != NULL) {
		newest->replaced_us = clock_monotonic_us();
	}
	next->before = newest;
	newest = next;
	pthread_mutex_unlock(&lock);
	free_old(next);
}

static int check_signature(struct ctx *c, const struct config_ct *config, struct bytes json)
{
	struct bytes pem;
	struct bytes signature;
	EVP_PKEY *key = NULL;
	if (config->log_list_key_file == NULL) {
		return 0;
	}
	TRY(file_read(c, config->log_list_key_file, &pem));
	TRY(key_read_public(c, pem, &key));
	TRY(file_read(c, config->log_list_signature_file, &signature));
	return key_verify_hashed(key, DIGEST_SHA256, json, signature)
	           ? 0
	           : FAIL(c, MALFORMED, "its signature in %s does not hold", config->log_list_signature_file);
}

static int read_signed(struct ctx *c, const struct config_ct *config, struct bytes *ret_json, struct ct_log_list *ret)
{
	TRY(file_read(c, config->log_list_file, ret_json));
	TRY(check_signature(c, config, *ret_json));
	return ct_log_list_parse(c, *ret_json, ret);
}

int log_file_read(struct ctx *c, const struct config_ct *config, struct ct_log_list *ret)
{
	struct bytes json;
	return read_signed(c, config, &json, ret);
}

static int take_file(struct ctx *own, const struct config_ct *config)
{
	struct bytes json;
	struct ct_log_list list;
	uint8_t digest[SHA256_SIZE];
	TRY(read_signed(own, config, &json, &list));
	if (log_file_list() != NULL && list.made_at.us < log_file_list()->made_at.us) {
		return FAIL(own, MALFORMED, "it is older than the one in force"); /* H-8 */
	}
	if (list.left_out != NULL) {
		log_event(own, LOG_WARN, "logs in states that are not known are left out", "logs", list.left_out, NULL);
	}
	sha256_of(json, digest);
	log_event(own, LOG_INFO, "the list of transparency logs is read", "file", config->log_list_file, "sha256",
	    hex_encode(own->arena, (struct bytes) { digest, sizeof(digest) }), "signature",
	    config->log_list_key_file == NULL ? "not asked for" : "holds", NULL);
	struct read_list *next = calloc(1, sizeof(*next));
	if (next == NULL) {
		die("out of memory");
	}
	next->list = list;
	next->arena = ctx_take_arena(own);
	put(next);
	return 0;
}

/* The list's file, and its signature's where there is one: whichever of the two comes last has both looked at. */
static int look(struct ctx *c, const struct config_ct *config, struct stat ret[LOG_FILES])
{
	const char *const paths[LOG_FILES] = { config->log_list_file, config->log_list_signature_file };
	for (size_t i = 0; i < LOG_FILES; i++) {
		ret[i] = (struct stat) { .st_size = 0 };
		if (paths[i] != NULL && stat(paths[i], &ret[i]) != 0) {
			return ctx_fault(c, "%s: %s", paths[i], strerror(errno));
		}
	}
	return 0;
}

int log_file_refresh(struct ctx *c, const struct config_ct *config)
{
	struct stat now[LOG_FILES];
	TRY(look(c, config, now));
	if (log_file_list() != NULL && is_same(&now[0], &seen[0]) && is_same(&now[1], &seen[1])) {
		return 0;
	}
	struct ctx own;
	ctx_init(&own);
	int result = take_file(&own, config);
	memcpy(seen, now, sizeof(seen)); /* one that is refused is refused once */
	if (result != 0) {
		(void) ctx_fault(c, "%s is not taken: %s", config->log_list_file, own.err.detail);
	}
	ctx_done(&own);
	return result;
}

const struct ct_log_list *log_file_list(void)
{
	pthread_mutex_lock(&lock);
	const struct ct_log_list *list = newest == NULL ? NULL : &newest->list;
	pthread_mutex_unlock(&lock);
	return list;
}
