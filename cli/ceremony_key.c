#include "cli/ceremony_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "cli/files.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/key.h"

/* A key made elsewhere: its public half alone. */
static int read_public(struct ctx *c, const char *path, struct ceremony_key *ret)
{
	struct bytes pem;
	EVP_PKEY *key = NULL;
	TRY(file_read(c, path, &pem));
	if (key_read_public(c, pem, &key) != 0) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s: holds no public key in PEM", path);
	}
	*ret = (struct ceremony_key) { 0 };
	return key_spki(c, key, &ret->spki);
}

int ceremony_key_read(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, EVP_PKEY **ret_key)
{
	struct token_key key;
	if (step->key_label == NULL) {
		return plan->passphrase.text == NULL ? key_read_file(c, step->key_file, ret_key)
		                                     : key_read_encrypted_file(c, step->key_file, &plan->passphrase, ret_key);
	}
	TRY(token_key(c, plan->opened, step->key_label, NULL, ceremony_mode(plan) == POLICY_WEBPKI, &key));
	*ret_key = key.key;
	return 0;
}

/* In the token from its first moment on (F-1). */
static int make_new(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, EVP_PKEY **ret_key)
{
	struct token_key key;
	if (step->key_label == NULL) {
		return key_generate(c, step->key, ret_key);
	}
	const struct ceremony_entry making = {
		.action = CEREMONY_MAKING,
		.name = step->name,
		.key = step->key,
		.file = step->key_label,
	};
	bool begun = false;
	size_t n = 0;
	TRY(ceremony_announced(c, plan, step, CEREMONY_MAKING, &begun));
	TRY(token_count(c, plan->opened, step->key_label, &n));
	if (begun && n > 0) { /* the ceremony was cut off behind the making of it */
		TRY(token_key(c, plan->opened, step->key_label, NULL, true, &key));
		*ret_key = key.key;
		return 0;
	}
	TRY(ceremony_record(c, plan, making));
	TRY(token_make_key(c, plan->opened, step->key, step->key_label, &key));
	*ret_key = key.key;
	return 0;
}

int ceremony_key_of(struct ctx *c, const struct ceremony *plan, size_t i, struct ceremony_key *ret)
{
	const struct ceremony_step *step = &plan->steps.v[i];
	*ret = (struct ceremony_key) { 0 };
	if (step->key != NULL) {
		TRY(make_new(c, plan, step, &ret->key));
	} else if (step->key_of != NULL) {
		TRY(ceremony_key_read(c, plan, ceremony_find(plan, step->key_of, i), &ret->key));
	} else {
		return read_public(c, step->public_file, ret);
	}
	return key_spki(c, ret->key, &ret->spki);
}

int ceremony_key_write(
    struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, const struct ceremony_key *key)
{
	struct bytes pem;
	if (step->key_label != NULL) {
		return 0;
	}
	TRY(plan->passphrase.text == NULL ? key_to_pem(c, key->key, &pem)
	                                  : key_to_encrypted_pem(c, key->key, &plan->passphrase, &pem)); /* F-2 */
	return file_make(c, step->key_file, pem, 0600);
}

static int write_public(struct ctx *c, const struct ceremony_step *step, EVP_PKEY *key)
{
	AUTO(BIO) out = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (out == NULL || PEM_write_bio_PUBKEY(out, key) != 1) {
		return key_fault(c, "PEM_write_bio_PUBKEY");
	}
	long n = BIO_get_mem_data(out, &text);
	return file_make(c, step->public_file, (struct bytes) { (const uint8_t *) text, (size_t) n }, 0644);
}

static struct ceremony_entry entry_of(struct arena *a, const struct ceremony_step *step, const struct ceremony_key *key)
{
	return (struct ceremony_entry) {
		.action = step->action,
		.name = step->name,
		.key = key_kind_name(key_kind_of(key->key)),
		.spki_sha256 = ceremony_sha256(a, key->spki),
		.file = step->key_label == NULL ? step->key_file : step->key_label,
	};
}

int ceremony_key_make(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step)
{
	struct ceremony_key key;
	TRY(make_new(c, plan, step, &key.key));
	TRY(key_spki(c, key.key, &key.spki));
	TRY(ceremony_record(c, plan, entry_of(c->arena, step, &key)));
	TRY(step->public_file == NULL ? 0 : write_public(c, step, key.key));
	return ceremony_key_write(c, plan, step, &key);
}

/* Random octets over the whole file, on the medium before its name goes. */
static int overwrite(struct ctx *c, const char *path)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int why = errno;
		if (fd >= 0) {
			close(fd);
		}
		return ctx_fault(c, "%s can't be overwritten: %s", path, strerror(why));
	}
	uint8_t *noise = arena_alloc(c->arena, (size_t) st.st_size);
	random_bytes(noise, (size_t) st.st_size);
	bool done = pwrite(fd, noise, (size_t) st.st_size, 0) == st.st_size && fsync(fd) == 0;
	int why = errno;
	close(fd);
	return done ? 0 : ctx_fault(c, "%s can't be overwritten: %s", path, strerror(why));
}

static int check_meant(struct ctx *c, const struct ceremony_step *step, const struct ceremony_entry *entry)
{
	return strcasecmp(entry->spki_sha256, step->spki_sha256) == 0
	           ? 0
	           : FAIL(c, MALFORMED,
	                 "%s holds another key than the one to be destroyed: the SHA-256 of its public key is %s",
	                 entry->file, entry->spki_sha256);
}

/* Announced, ended, and told: a ceremony that was cut off between finds no key, and tells. That there is none is the token's word: a
 * failure to look is no end of a key (F-9). */
static int destroy_in_token(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step)
{
	struct ceremony_entry entry = { .action = CEREMONY_DESTROYING, .name = step->name, .file = step->key_label };
	struct ceremony_key key;
	struct token_key found;
	bool announced = false;
	size_t n = 0;
	TRY(ceremony_announced(c, plan, step, CEREMONY_DESTROYING, &announced));
	TRY(token_count(c, plan->opened, step->key_label, &n));
	if (n > 0 || !announced) {
		TRY(token_key_any(c, plan->opened, step->key_label, NULL, &found));
		key.key = found.key;
		TRY(key_spki(c, key.key, &key.spki));
		entry = entry_of(c->arena, step, &key);
		TRY(check_meant(c, step, &entry));
		entry.action = CEREMONY_DESTROYING;
		TRY(ceremony_record(c, plan, entry));
		TRY(token_destroy_key(c, plan->opened, &found));
	}
	entry.action = step->action;
	entry.spki_sha256 = step->spki_sha256;
	return ceremony_record(c, plan, entry);
}

int ceremony_key_destroy(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step)
{
	struct ceremony_key key;
	if (step->key_label != NULL) {
		return destroy_in_token(c, plan, step);
	}
	if (ceremony_key_read(c, plan, step, &key.key) != 0) { /* one from before that is not encrypted may end too */
		const char *why = c->err.cause;
		ctx_forgive(c);
		if (key_read_file(c, step->key_file, &key.key) != 0) {
			ctx_forgive(c);
			return ctx_fault(c, "%s", why == NULL ? "the key can't be read" : why);
		}
	}
	TRY(key_spki(c, key.key, &key.spki));
	struct ceremony_entry entry = entry_of(c->arena, step, &key);
	TRY(check_meant(c, step, &entry));
	TRY(ceremony_record(c, plan, entry));
	TRY(overwrite(c, step->key_file));
	return file_remove(c, step->key_file);
}
