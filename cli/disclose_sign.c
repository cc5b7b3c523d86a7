#include "cli/disclose_sign.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>

#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/key.h"

#define RSA_BITS_MIN 3072
#define RSA_BITS_MAX 8192
#define CMS_MAX 65536

AUTO_DEFINE(CMS_ContentInfo, CMS_ContentInfo_free)

static void release(void *cert)
{
	X509_free(cert);
}

/* The modulus as the database compares it: without leading zeros. */
static int read_modulus(struct ctx *c, const char *path, const X509 *x509, struct bytes *ret)
{
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;
	bool rsa = key != NULL && key_kind_of(key) == KEY_RSA &&
	           EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	           EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1;
	int bits = rsa ? BN_num_bits(n) : 0;
	bool fits = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && bits % 8 == 0 && BN_is_word(e, RSA_F4);
	if (fits) {
		uint8_t *octets = arena_alloc(c->arena, (size_t) bits / 8);
		(void) BN_bn2bin(n, octets);
		*ret = (struct bytes) { octets, (size_t) bits / 8 };
	}
	BN_free(n);
	BN_free(e);
	return fits ? 0
	            : FAIL(c, MALFORMED, "%s: an officer's key must be RSA of %d to %d bits with the exponent 65537", path,
	                  RSA_BITS_MIN, RSA_BITS_MAX);
}

int officer_cert_read(struct ctx *c, const char *path, struct officer_cert *ret)
{
	struct bytes_list chain;
	TRY(cert_read_file(c, path, &chain));
	const unsigned char *at = chain.v[0].p;
	X509 *x509 = chain.n == 1 ? d2i_X509(NULL, &at, (long) chain.v[0].n) : NULL;
	if (x509 == NULL) {
		return FAIL(c, MALFORMED, "%s: must hold one certificate, the officer's", path);
	}
	arena_on_free(c->arena, release, x509);
	struct officer_cert cert = { .x509 = x509, .der = chain.v[0] };
	TRY(read_modulus(c, path, x509, &cert.modulus));
	*ret = cert;
	return 0;
}

static int refuse(struct ctx *c, const char *why)
{
	ERR_clear_error();
	return FAIL(c, UNAUTHORIZED, "%s", why);
}

/* One signer, SHA-256, no signed attributes; and the library says that it is a signature by the certificate. */
static int check(struct ctx *c, CMS_ContentInfo *cms, const struct officer_cert *cert, const char *statement,
    struct officer_signature *ret)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	CMS_SignerInfo *signer =
	    signers != NULL && sk_CMS_SignerInfo_num(signers) == 1 ? sk_CMS_SignerInfo_value(signers, 0) : NULL;
	X509_ALGOR *digest = NULL;
	if (signer == NULL) {
		return refuse(c, "The signature must be of one officer");
	}
	CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
	if (CMS_signed_get_attr_count(signer) > 0 || OBJ_obj2nid(digest->algorithm) != NID_sha256) {
		return refuse(
		    c, "The signature must be by SHA-256 and without signed attributes: openssl cms -sign -md sha256 -noattr");
	}
	AUTO(BIO) content = BIO_new_mem_buf(statement, (int) strlen(statement));
	STACK_OF(X509) *certs = sk_X509_new_null();
	bool pushed = certs != NULL && sk_X509_push(certs, cert->x509) > 0;
	bool good = content != NULL && pushed &&
	            CMS_verify(cms, certs, NULL, content, NULL, CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY) == 1;
	sk_X509_free(certs);
	if (!good) {
		return refuse(c, "It is no signature by this certificate under this statement");
	}
	const ASN1_OCTET_STRING *octets = CMS_SignerInfo_get0_signature(signer);
	ret->signature = arena_bytes(c->arena, ASN1_STRING_get0_data(octets), (size_t) ASN1_STRING_length(octets));
	unsigned char *der = NULL;
	int n = i2d_CMS_ContentInfo(cms, &der);
	if (n <= 0) {
		return key_fault(c, "i2d_CMS_ContentInfo");
	}
	ret->cms = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return 0;
}

int officer_sign(struct ctx *c, const struct officer_cert *cert, const char *key_path, const char *statement,
    struct officer_signature *ret)
{
	EVP_PKEY *key = NULL;
	TRY(key_read_file(c, key_path, &key));
	if (X509_check_private_key(cert->x509, key) != 1) {
		return refuse(c, "This key is not that of the certificate");
	}
	unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOATTR | CMS_PARTIAL;
	AUTO(BIO) content = BIO_new_mem_buf(statement, (int) strlen(statement));
	AUTO(CMS_ContentInfo) cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	if (content == NULL || cms == NULL || CMS_add1_signer(cms, cert->x509, key, EVP_sha256(), flags) == NULL ||
	    CMS_final(cms, content, NULL, flags) != 1) {
		return key_fault(c, "CMS_sign");
	}
	return check(c, cms, cert, statement, ret);
}

int officer_signature_of(struct ctx *c, const struct officer_cert *cert, struct bytes der, const char *statement,
    struct officer_signature *ret)
{
	if (der.n == 0 || der.n > CMS_MAX) {
		return FAIL(c, MALFORMED, "This is no signature");
	}
	AUTO(BIO) in = BIO_new_mem_buf(der.p, (int) der.n);
	AUTO(CMS_ContentInfo)
	cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	if (cms == NULL || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
		ERR_clear_error();
		return FAIL(c, MALFORMED, "This is no signature in CMS");
	}
	return check(c, cms, cert, statement, ret);
}

int officer_signature_read(struct ctx *c, const struct officer_cert *cert, const char *path, const char *statement,
    struct officer_signature *ret)
{
	struct bytes file;
	TRY(file_read(c, path, &file));
	return officer_signature_of(c, cert, file, statement, ret);
}
