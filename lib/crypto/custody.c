#include "lib/crypto/custody.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>

#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"

#define RSA_BITS_MIN 3072
#define OPENED_MAX ((size_t) 1024 * 1024)

AUTO_DEFINE(CMS_ContentInfo, CMS_ContentInfo_free)

const char *const custody_group_names[CUSTODY_GROUPS] = { "a", "b" };

static int refuse(struct ctx *c, const char *what, const char *why)
{
	return FAIL(c, MALFORMED, "%s: %s", what, why);
}

int custody_check(struct ctx *c, const char *what, X509 *member)
{
	EVP_PKEY *key = X509_get0_pubkey(member);
	enum key_kind kind = key == NULL ? KEY_OTHER : key_kind_of(key);
	bool rsa = kind == KEY_RSA;
	if (!rsa && kind != KEY_P256 && kind != KEY_P384 && kind != KEY_P521) {
		return refuse(c, what, "a custodian's key must be RSA or on P-256, P-384 or P-521");
	}
	if (rsa && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
		return refuse(c, what, "a custodian's RSA key must have 3072 bits at least");
	}
	uint32_t usage = X509_get_key_usage(member); /* all bits when there is no such extension */
	if ((usage & (rsa ? X509v3_KU_KEY_ENCIPHERMENT : X509v3_KU_KEY_AGREEMENT)) == 0) {
		return refuse(c, what,
		    rsa ? "the certificate's key usage lacks keyEncipherment"
		        : "the certificate's key usage lacks keyAgreement");
	}
	return 0;
}

bool custody_has_ended(const X509 *member)
{
	time_t now = (time_t) (clock_now().us / 1000000);
	return X509_cmp_time(X509_get0_notAfter(member), &now) <= 0;
}

static int add_file(struct ctx *c, const char *path, STACK_OF(X509) * members)
{
	struct bytes_list chain;
	TRY(cert_read_file(c, path, &chain));
	if (chain.n != 1) {
		return refuse(c, path, "must hold one certificate, the custodian's");
	}
	const unsigned char *at = chain.v[0].p;
	AUTO(X509) member = d2i_X509(NULL, &at, (long) chain.v[0].n);
	if (member == NULL) {
		return refuse(c, path, "is not a certificate");
	}
	TRY(custody_check(c, path, member));
	for (int i = 0; i < sk_X509_num(members); i++) {
		if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(members, i)), X509_get0_pubkey(member)) == 1) {
			return refuse(c, path, "the key stands in its group twice");
		}
	}
	if (sk_X509_push(members, member) <= 0) {
		return ctx_fault(c, "a custodian finds no place");
	}
	member = NULL;
	return 0;
}

static void free_members(void *members)
{
	sk_X509_pop_free(members, X509_free);
}

static int read_group(struct ctx *c, const char *folder, const char *group, STACK_OF(X509) * *ret)
{
	const char *path = arena_printf(c->arena, "%s/%s", folder, group);
	struct file_list files;
	TRY(folder_read(c, path, &files));
	if (files.n == 0 || files.n > CUSTODIANS_MAX) {
		return FAIL(
		    c, MALFORMED, "%s: a group has 1 to %d custodians, this one has %zu", path, CUSTODIANS_MAX, files.n);
	}
	STACK_OF(X509) *members = sk_X509_new_null();
	if (members == NULL) {
		return ctx_fault(c, "out of memory");
	}
	arena_on_free(c->arena, free_members, members);
	for (size_t i = 0; i < files.n; i++) {
		TRY(add_file(c, files.v[i].path, members));
	}
	*ret = members;
	return 0;
}

/* Whoever is in both groups could open alone (G-14). */
static int check_apart(struct ctx *c, const char *folder, const struct custody *custody)
{
	for (int i = 0; i < sk_X509_num(custody->members[CUSTODY_A]); i++) {
		for (int k = 0; k < sk_X509_num(custody->members[CUSTODY_B]); k++) {
			if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(custody->members[CUSTODY_A], i)),
			        X509_get0_pubkey(sk_X509_value(custody->members[CUSTODY_B], k))) == 1) {
				return refuse(c, folder, "a custodian's key stands in both groups: he could open alone");
			}
		}
	}
	return 0;
}

int custody_read(struct ctx *c, const char *folder, struct custody *ret)
{
	struct custody custody = { { NULL } };
	for (size_t i = 0; i < CUSTODY_GROUPS; i++) {
		TRY(read_group(c, folder, custody_group_names[i], &custody.members[i]));
	}
	TRY(check_apart(c, folder, &custody));
	*ret = custody;
	return 0;
}

/* RSA with OAEP and SHA-256, keys on curves with the KDF of X9.63 and SHA-256: OpenSSL would take PKCS#1 v1.5 and SHA-1. */
static int add_recipient(struct ctx *c, CMS_ContentInfo *cms, X509 *member)
{
	unsigned named = X509_get0_subject_key_id(member) != NULL ? CMS_USE_KEYID : 0;
	CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, member, CMS_KEY_PARAM | named);
	EVP_PKEY_CTX *key = info == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(info);
	bool set = false;
	if (key != NULL && EVP_PKEY_get_base_id(X509_get0_pubkey(member)) == EVP_PKEY_RSA) {
		set = EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_OAEP_PADDING) == 1 &&
		      EVP_PKEY_CTX_set_rsa_oaep_md(key, EVP_sha256()) == 1 &&
		      EVP_PKEY_CTX_set_rsa_mgf1_md(key, EVP_sha256()) == 1;
	} else if (key != NULL) {
		set = EVP_PKEY_CTX_set_ecdh_kdf_md(key, EVP_sha256()) == 1;
	}
	return set ? 0 : key_fault(c, "a custodian's key can't be sealed for");
}

/* CMS_final would copy what is clear through buffers that nobody wipes; the chain of BIOs takes it from where it lies. */
static int seal_layer(struct ctx *c, STACK_OF(X509) * members, struct bytes clear, struct bytes *ret)
{
	AUTO(CMS_ContentInfo) cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
	if (cms == NULL || CMS_set_detached(cms, 0) != 1) {
		return key_fault(c, "CMS_AuthEnvelopedData_create");
	}
	for (int i = 0; i < sk_X509_num(members); i++) {
		TRY(add_recipient(c, cms, sk_X509_value(members, i)));
	}
	AUTO(BIO) chain = CMS_dataInit(cms, NULL);
	if (chain == NULL || clear.n > INT32_MAX || BIO_write(chain, clear.p, (int) clear.n) != (int) clear.n ||
	    BIO_flush(chain) != 1 || CMS_dataFinal(cms, chain) != 1) {
		return key_fault(c, "CMS_dataFinal");
	}
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);
	if (n <= 0) {
		return key_fault(c, "i2d_CMS_ContentInfo");
	}
	*ret = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return 0;
}

int custody_seal(struct ctx *c, const struct custody *custody, struct bytes clear, struct bytes *ret_sealed)
{
	struct bytes inner = { NULL, 0 };
	TRY(seal_layer(c, custody->members[CUSTODY_A], clear, &inner));
	return seal_layer(c, custody->members[CUSTODY_B], inner, ret_sealed);
}

static int refuse_open(struct ctx *c, const char *why)
{
	ERR_clear_error();
	return FAIL(c, UNAUTHORIZED, "%s", why);
}

/* All that the chain gives, but only when its end was authentic. */
static int read_chain(struct ctx *c, BIO *chain, size_t most, struct bytes *ret)
{
	uint8_t *to = arena_alloc(c->arena, most + 1);
	size_t n = 0;
	int got = 0;
	while (n < most && (got = BIO_read(chain, to + n, (int) (most - n))) > 0) {
		n += (size_t) got;
	}
	uint8_t more = 0;
	if (BIO_read(chain, &more, 1) > 0 || BIO_get_cipher_status(chain) <= 0) {
		return refuse_open(c, "What was sealed is not whole");
	}
	*ret = (struct bytes) { to, n };
	return 0;
}

int custody_open(struct ctx *c, struct bytes sealed, X509 *member, EVP_PKEY *key, struct bytes *ret)
{
	const unsigned char *at = sealed.p;
	if (sealed.n == 0 || sealed.n > OPENED_MAX) {
		return refuse_open(c, "This is nothing that was sealed");
	}
	AUTO(CMS_ContentInfo) cms = d2i_CMS_ContentInfo(NULL, &at, (long) sealed.n);
	if (cms == NULL || at != sealed.p + sealed.n ||
	    OBJ_obj2nid(CMS_get0_type(cms)) != NID_id_smime_ct_authEnvelopedData) {
		return refuse_open(c, "This is nothing that was sealed");
	}
	if (CMS_decrypt_set1_pkey(cms, key, member) != 1) {
		return refuse_open(c, "It is not sealed for this key");
	}
	AUTO(BIO) chain = CMS_dataInit(cms, NULL);
	if (chain == NULL) {
		return refuse_open(c, "It is not sealed for this key");
	}
	return read_chain(c, chain, sealed.n, ret);
}
