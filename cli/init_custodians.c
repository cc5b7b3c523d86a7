#include "cli/init_custodians.h"

#include <openssl/rand.h>

#include "cli/files.h"
#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/custody.h"

#define DAYS 3650
#define HASH_KEY_SIZE 32

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

/* Self-signed: nobody verifies it, it only says whose key it is. */
static bool fill(X509 *cert, EVP_PKEY *key, const char *name)
{
	uint8_t serial[CERT_SERIAL_SIZE];
	cert_serial_new(1, serial);
	AUTO(BIGNUM) number = BN_bin2bn(serial, sizeof(serial), NULL);
	X509_NAME *subject = X509_get_subject_name(cert);
	time_t now = (time_t) (clock_now().us / 1000000);
	return number != NULL && X509_set_version(cert, X509_VERSION_3) == 1 &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *) name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
	       X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &now) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), DAYS, 0, &now) != NULL &&
	       add_extension(cert, NID_key_usage, "critical,keyAgreement") &&
	       add_extension(cert, NID_subject_key_identifier, "hash") && X509_sign(cert, key, EVP_sha256()) > 0;
}

static int make_certificate(struct ctx *c, EVP_PKEY *key, const char *name, struct bytes *ret_der)
{
	AUTO(X509) cert = X509_new();
	unsigned char *der = NULL;
	if (cert == NULL || !fill(cert, key, name)) {
		return key_fault(c, "a custodian's certificate");
	}
	int n = i2d_X509(cert, &der);
	if (n <= 0) {
		return key_fault(c, "i2d_X509");
	}
	*ret_der = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return 0;
}

static int make_custodian(struct ctx *c, const char *state, const char *group)
{
	const char *folder = arena_printf(c->arena, "%s/pki/custodians/%s", state, group);
	EVP_PKEY *key = NULL;
	struct bytes pem = { NULL, 0 };
	struct bytes der = { NULL, 0 };
	TRY(folder_make(c, folder, 0700));
	TRY(key_generate(c, "p256", &key));
	TRY(key_to_pem(c, key, &pem));
	TRY(make_certificate(c, key, arena_printf(c->arena, "Cairn TEST custodian of group %s", group), &der));
	TRY(file_make(c, arena_printf(c->arena, "%s/custodian-keys/%s.key", state, group), pem, 0600));
	return file_make(c, arena_printf(c->arena, "%s/test.pem", folder), cert_to_pem(c->arena, der), 0644);
}

static int make_hash_key(struct ctx *c, const char *path)
{
	uint8_t octets[HASH_KEY_SIZE];
	if (RAND_priv_bytes(octets, sizeof(octets)) != 1) {
		return key_fault(c, "random octets");
	}
	const char *text = base64url_encode(c->arena, (struct bytes) { octets, sizeof(octets) });
	OPENSSL_cleanse(octets, sizeof(octets));
	return file_make(c, path, bytes_of_text(arena_printf(c->arena, "%s\n", text)), 0600);
}

int init_custodians(struct ctx *c, const char *state, bool *ret_made)
{
	const char *key = arena_printf(c->arena, "%s/pki/recovery/hash.key", state);
	*ret_made = !file_exists(key);
	if (!*ret_made) {
		return 0;
	}
	TRY(folder_make(c, arena_printf(c->arena, "%s/pki", state), 0700));
	TRY(folder_make(c, arena_printf(c->arena, "%s/pki/recovery", state), 0700));
	TRY(folder_make(c, arena_printf(c->arena, "%s/pki/custodians", state), 0700));
	TRY(folder_make(c, arena_printf(c->arena, "%s/custodian-keys", state), 0700));
	for (size_t i = 0; i < CUSTODY_GROUPS; i++) {
		TRY(make_custodian(c, state, custody_group_names[i]));
	}
	return make_hash_key(c, key);
}
