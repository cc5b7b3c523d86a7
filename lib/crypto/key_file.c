/* Making keys, and keys in PEM. */
#include <openssl/pkcs12.h>
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/key.h"
#include "lib/crypto/secret.h"

#define SALT_SIZE 16
#define DERIVE_ROUNDS 600000 /* of PBKDF2 with HMAC-SHA-256 */
#define ROUNDS_MIN 2048      /* of what others encrypted: as many as openssl takes unless it is told */
#define HOW_TO_ENCRYPT "openssl pkcs8 -topk8 -v2 aes256 -v2prf hmacWithSHA256 -iter 600000"

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

int key_read_file(struct ctx *c, const char *path, EVP_PKEY **ret_key)
{
	int fd = secret_open(c, "the key file", path);
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

int key_read_public(struct ctx *c, struct bytes pem, EVP_PKEY **ret_key)
{
	AUTO(BIO) bio = pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int) pem.n) : NULL;
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (key == NULL) {
		ERR_clear_error();
		return FAIL(c, MALFORMED, "There is no public key in PEM");
	}
	arena_on_free(c->arena, free_key, key);
	*ret_key = key;
	return 0;
}

static bool is_one_of(const X509_ALGOR *algorithm, const int *nids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (algorithm != NULL && OBJ_obj2nid(algorithm->algorithm) == nids[i]) {
			return true;
		}
	}
	return false;
}

static bool is_derived_slowly(const X509_ALGOR *derivation)
{
	static const int sha2[] = { NID_hmacWithSHA256, NID_hmacWithSHA384, NID_hmacWithSHA512 };
	if (OBJ_obj2nid(derivation->algorithm) == NID_id_scrypt) {
		return true;
	}
	AUTO(PBKDF2PARAM)
	p = OBJ_obj2nid(derivation->algorithm) != NID_id_pbkdf2
	        ? NULL
	        : ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), derivation->parameter);
	return p != NULL && is_one_of(p->prf, sha2, COUNT_OF(sha2)) && ASN1_INTEGER_get(p->iter) >= ROUNDS_MIN;
}

/* F-2: strength that is fit for the key's life. */
static bool is_strong(const X509_SIG *sealed)
{
	static const int ciphers[] = { NID_aes_128_cbc, NID_aes_192_cbc, NID_aes_256_cbc };
	const X509_ALGOR *how = NULL;
	X509_SIG_get0(sealed, &how, NULL);
	AUTO(PBE2PARAM)
	p = OBJ_obj2nid(how->algorithm) != NID_pbes2 ? NULL
	                                             : ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), how->parameter);
	return p != NULL && is_one_of(p->encryption, ciphers, COUNT_OF(ciphers)) && is_derived_slowly(p->keyfunc);
}

/* F-2: PKCS#8 by PBES2 only; the older form of PEM derives its key by one round of MD5. */
int key_read_encrypted_file(struct ctx *c, const char *path, const struct secret *passphrase, EVP_PKEY **ret_key)
{
	int fd = secret_open(c, "the key file", path);
	if (fd < 0) {
		return -1;
	}
	AUTO(BIO) bio = BIO_new_fd(fd, BIO_CLOSE);
	AUTO(X509_SIG) sealed = bio == NULL ? NULL : PEM_read_bio_PKCS8(bio, NULL, no_pass_phrase, NULL);
	if (sealed == NULL) {
		ERR_clear_error();
		return ctx_fault(c,
		    "%s holds no encrypted key, but a passphrase is given for it: it must begin with BEGIN ENCRYPTED PRIVATE "
		    "KEY (" HOW_TO_ENCRYPT ")",
		    path);
	}
	if (!is_strong(sealed)) {
		return ctx_fault(c,
		    "%s is encrypted too weakly for the key of a CA: encrypt it anew (" HOW_TO_ENCRYPT "), and end this file",
		    path);
	}
	AUTO(PKCS8_PRIV_KEY_INFO) opened = PKCS8_decrypt(sealed, passphrase->text, (int) passphrase->n);
	EVP_PKEY *key = opened == NULL ? NULL : EVP_PKCS82PKEY(opened);
	if (key == NULL) {
		ERR_clear_error();
		return ctx_fault(c, "the passphrase does not open %s: it is another one's, or the file is damaged", path);
	}
	arena_on_free(c->arena, free_key, key);
	*ret_key = key;
	return 0;
}

static X509_SIG *seal(const EVP_PKEY *key, const struct secret *passphrase)
{
	uint8_t salt[SALT_SIZE];
	random_bytes(salt, sizeof(salt));
	AUTO(PKCS8_PRIV_KEY_INFO) plain = EVP_PKEY2PKCS8(key);
	X509_ALGOR *how = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), DERIVE_ROUNDS, salt, sizeof(salt), NULL, NID_hmacWithSHA256);
	X509_SIG *sealed =
	    plain == NULL || how == NULL ? NULL : PKCS8_set0_pbe(passphrase->text, (int) passphrase->n, plain, how);
	if (sealed == NULL) {
		X509_ALGOR_free(how);
	}
	return sealed;
}

int key_to_encrypted_pem(struct ctx *c, const EVP_PKEY *key, const struct secret *passphrase, struct bytes *ret_pem)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	AUTO(X509_SIG) sealed = seal(key, passphrase);
	char *text = NULL;
	if (bio == NULL || sealed == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1) {
		return key_fault(c, "PEM_write_bio_PKCS8");
	}
	long n = BIO_get_mem_data(bio, &text);
	*ret_pem = arena_bytes(c->arena, text, (size_t) n);
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
