/* Making keys, and keys in PEM. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/key.h"

#define KEY_FILE_MAX 65536

struct maker {
	const char *name;
	const char *algorithm;
	const char *group;
	unsigned bits;
};

static const struct maker makers[] = {
	{ .name = "rsa2048", .algorithm = "RSA", .bits = 2048 },
	{ .name = "rsa3072", .algorithm = "RSA", .bits = 3072 },
	{ .name = "rsa4096", .algorithm = "RSA", .bits = 4096 },
	{ .name = "p256", .algorithm = "EC", .group = "P-256" },
	{ .name = "p384", .algorithm = "EC", .group = "P-384" },
	{ .name = "p521", .algorithm = "EC", .group = "P-521" },
	{ .name = "ed25519", .algorithm = "ED25519" },
};

static void free_key(void *key)
{
	EVP_PKEY_free(key);
}

static EVP_PKEY *make(const struct maker *m)
{
	AUTO(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, m->algorithm, NULL);
	EVP_PKEY *key = NULL;
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    (m->bits > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int) m->bits) != 1) ||
	    (m->group != NULL && EVP_PKEY_CTX_set_group_name(ctx, m->group) != 1) || EVP_PKEY_generate(ctx, &key) != 1) {
		return NULL;
	}
	return key;
}

int key_generate(struct ctx *c, const char *kind, EVP_PKEY **ret_key)
{
	for (size_t i = 0; i < COUNT_OF(makers); i++) {
		if (strcmp(makers[i].name, kind) != 0) {
			continue;
		}
		EVP_PKEY *key = make(&makers[i]);
		if (key == NULL) {
			return key_fault(c, "key generation");
		}
		arena_on_free(c->arena, free_key, key);
		*ret_key = key;
		return 0;
	}
	return ctx_fault(c, "there is no kind of key \"%s\"", kind);
}

/* No pass phrase is ever asked for: a prompt in a service would hang it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL prescribes the type */
static int no_pass_phrase(char *buffer, int size, int writing, void *data)
{
	(void) buffer;
	(void) size;
	(void) writing;
	(void) data;
	return -1;
}

static int open_checked(struct ctx *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return ctx_fault(c, "the key file %s can't be opened: %s", path, strerror(errno));
	}
	struct stat s;
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > KEY_FILE_MAX || (s.st_mode & S_IRWXO) != 0) {
		close(fd);
		return ctx_fault(c, "the key file %s must be a small regular file that is closed to others (chmod 600)", path);
	}
	return fd;
}

int key_read_file(struct ctx *c, const char *path, EVP_PKEY **ret_key)
{
	int fd = open_checked(c, path);
	if (fd < 0) {
		return -1;
	}
	AUTO(BIO) bio = BIO_new_fd(fd, BIO_CLOSE);
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
	if (key == NULL) {
		return key_fault(c, arena_printf(c->arena, "no private key without pass phrase in %s", path));
	}
	arena_on_free(c->arena, free_key, key);
	*ret_key = key;
	return 0;
}

int key_to_pem(struct ctx *c, const EVP_PKEY *key, struct bytes *ret_pem)
{
	AUTO(BIO) bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		return key_fault(c, "PEM_write_bio_PKCS8PrivateKey");
	}
	long n = BIO_get_mem_data(bio, &text);
	*ret_pem = arena_bytes(c->arena, text, (size_t) n);
	return 0;
}
