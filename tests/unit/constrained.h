/* A certificate with name constraints, as an operator may import one. */
#ifndef CAIRN_TESTS_CONSTRAINED_H
#define CAIRN_TESTS_CONSTRAINED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/conf.h>

#include "lib/base/ctx.h"
#include "lib/crypto/auto_openssl.h"

/* DER, signed by itself. value: as in OpenSSL's configuration, "permitted;DNS:corp.test"; NULL: without constraints. */
static inline struct bytes constrained_cert(struct arena *a, const char *value)
{
	AUTO(EVP_PKEY) key = EVP_EC_gen("P-256");
	AUTO(X509) cert = X509_new();
	uint8_t *der = NULL;
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -60));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	if (value != NULL) {
		/* a section for names of directories: "permitted;dirName:office" */
		AUTO(BIO) text = BIO_new_mem_buf("[office]\nO=Office\n", -1);
		CONF *conf = NCONF_new(NULL);
		assert_true(NCONF_load_bio(conf, text, NULL) > 0);
		X509V3_CTX ctx;
		X509V3_set_ctx(&ctx, NULL, cert, NULL, NULL, 0);
		X509V3_set_nconf(&ctx, conf);
		X509_EXTENSION *extension = X509V3_EXT_nconf_nid(conf, &ctx, NID_name_constraints, value);
		NCONF_free(conf);
		assert_non_null(extension);
		assert_int_equal(X509_add_ext(cert, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	int n = i2d_X509(cert, &der);
	assert_true(n > 0);
	struct bytes copy = arena_bytes(a, der, (size_t) n);
	OPENSSL_free(der);
	return copy;
}

#endif
