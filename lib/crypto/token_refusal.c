#include "lib/crypto/token_refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/crypto/digest.h"

#define SALT_SIZE 16
#define KEPT_SIZE (SALT_SIZE + SHA256_SIZE)
#define ROUNDS 200000

const char *token_refusal_path(struct arena *a, const struct config_token *config)
{
	if (config->refused_file != NULL) {
		return config->refused_file;
	}
	return config->pin_file == NULL ? NULL : arena_printf(a, "%s.refused", config->pin_file);
}

int token_refusal_open(struct ctx *c, const struct config_token *config, bool create, struct token_refusal *ret)
{
	const char *path = token_refusal_path(c->arena, config);
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
	if (path != NULL && fd < 0 && (create || errno != ENOENT)) {
		return ctx_fault(c,
		    "%s, where it is kept that the token refused a PIN, can't be opened (%s), so none is given to the token. "
		    "Correct ca.token.refused_file",
		    path, strerror(errno));
	}
	*ret = (struct token_refusal) { fd, config };
	return 0;
}

void token_refusal_close(struct token_refusal *r)
{
	if (r->fd >= 0) {
		close(r->fd);
	}
	r->fd = -1;
}

/* Of the PIN for the token as the configuration names it: another token may take what this one refused. */
static bool digest(
    const struct token_refusal *r, const struct secret *pin, const uint8_t salt[SALT_SIZE], uint8_t ret[SHA256_SIZE])
{
	const char *const parts[] = { r->config->module, r->config->label, r->config->serial };
	uint8_t both[SHA256_SIZE + SALT_SIZE];
	struct arena *a = arena_new();
	const char *name = "";
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		name = arena_printf(a, "%s\n%s", name, parts[i] == NULL ? "" : parts[i]);
	}
	sha256_of(bytes_of_text(name), both);
	memcpy(both + SHA256_SIZE, salt, SALT_SIZE);
	arena_free(a);
	return PKCS5_PBKDF2_HMAC(pin->text, (int) pin->n, both, sizeof(both), ROUNDS, EVP_sha256(), SHA256_SIZE, ret) == 1;
}

bool token_refusal_is(const struct token_refusal *r, const struct secret *pin)
{
	uint8_t kept[KEPT_SIZE];
	uint8_t own[SHA256_SIZE];
	return r->fd >= 0 && pin->text != NULL && pread(r->fd, kept, sizeof(kept), 0) == KEPT_SIZE &&
	       digest(r, pin, kept, own) && CRYPTO_memcmp(own, kept + SALT_SIZE, sizeof(own)) == 0;
}

int token_refusal_note(struct ctx *c, const struct token_refusal *r, const struct secret *pin)
{
	uint8_t kept[KEPT_SIZE];
	random_bytes(kept, SALT_SIZE);
	if (r->fd < 0) {
		return 0;
	}
	bool good = digest(r, pin, kept, kept + SALT_SIZE) && pwrite(r->fd, kept, sizeof(kept), 0) == KEPT_SIZE &&
	            fsync(r->fd) == 0;
	return good ? 0 : ctx_fault(c, "that the token refused the PIN could not be kept: %s", strerror(errno));
}

int token_refusal_forget(struct ctx *c, const struct token_refusal *r)
{
	bool good = r->fd < 0 || (ftruncate(r->fd, 0) == 0 && fsync(r->fd) == 0);
	return good ? 0 : ctx_fault(c, "the file of the refused PIN can't be emptied: %s", strerror(errno));
}
