/* AUTO(X509) and its like for the handles of OpenSSL and jansson; lists are AUTO_STACK(X509). */
#ifndef CAIRN_CRYPTO_AUTO_OPENSSL_H
#define CAIRN_CRYPTO_AUTO_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/base/auto.h"

AUTO_DEFINE(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
AUTO_DEFINE(ASN1_INTEGER, ASN1_INTEGER_free)
AUTO_DEFINE(ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
AUTO_DEFINE(AUTHORITY_KEYID, AUTHORITY_KEYID_free)
AUTO_DEFINE(BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
AUTO_DEFINE(BIGNUM, BN_free)
AUTO_DEFINE(BIO, BIO_free_all)
AUTO_DEFINE(BN_CTX, BN_CTX_free)
AUTO_DEFINE(CRL_DIST_POINTS, CRL_DIST_POINTS_free)
AUTO_DEFINE(ECDSA_SIG, ECDSA_SIG_free)
AUTO_DEFINE(EVP_CIPHER, EVP_CIPHER_free)
AUTO_DEFINE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
AUTO_DEFINE(EVP_MD, EVP_MD_free)
AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
AUTO_DEFINE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
AUTO_DEFINE(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
AUTO_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)
AUTO_DEFINE(ISSUING_DIST_POINT, ISSUING_DIST_POINT_free)
AUTO_DEFINE(OSSL_PARAM, OSSL_PARAM_free)
AUTO_DEFINE(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
AUTO_DEFINE(X509, X509_free)
AUTO_DEFINE(X509_CRL, X509_CRL_free)
AUTO_DEFINE(X509_NAME, X509_NAME_free)
AUTO_DEFINE(X509_PUBKEY, X509_PUBKEY_free)
AUTO_DEFINE(X509_REQ, X509_REQ_free)
AUTO_DEFINE(X509_STORE, X509_STORE_free)
AUTO_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)

#define AUTO_STACK(type) __attribute__((cleanup(auto_free_stack_##type))) STACK_OF(type) *

/* As AUTO_DEFINE, for a STACK_OF(type) that owns what it holds. */
#define AUTO_DEFINE_STACK(type, release) \
	__attribute__((unused)) static inline void auto_free_stack_##type(STACK_OF(type) * *p) \
	{ \
		sk_##type##_pop_free(*p, release); \
	}

AUTO_DEFINE_STACK(X509, X509_free)
AUTO_DEFINE_STACK(X509_CRL, X509_CRL_free)
AUTO_DEFINE_STACK(X509_EXTENSION, X509_EXTENSION_free)

#endif
