/* CSRs and finalize, over ra_world.h. Include it behind cmocka.h. */
#ifndef CAIRN_TESTS_FINALIZE_WORLD_H
#define CAIRN_TESTS_FINALIZE_WORLD_H

#include "tests/unit/ra_world.h"

/* A CSR for the names with the key. */
static inline struct bytes make_csr(struct ctx *c, EVP_PKEY *key, const char *const *names, size_t n)
{
	X509_REQ *req = X509_REQ_new();
	const char *san = "";
	for (size_t i = 0; i < n; i++) {
		san = arena_printf(c->arena, "%s%sDNS:%s", san, i == 0 ? "" : ",", names[i]);
	}
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	assert_non_null(extension);
	sk_X509_EXTENSION_push(list, extension);
	X509_REQ_add_extensions(req, list);
	X509_REQ_set_pubkey(req, key);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int size = i2d_X509_REQ(req, &der);
	assert_true(size > 0);
	struct bytes copy = arena_bytes(c->arena, der, (size_t) size);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
	return copy;
}

static inline int finalize(struct fixture *f, struct id order, struct bytes csr, struct order *ret)
{
	struct finalize_order_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .order_id = order, .csr = csr
	};
	ctx_forgive(&f->c);
	return ra_finalize_order_serve(&f->c, &in, ret);
}

static inline void assert_finalize_fails(struct fixture *f, struct id order, struct bytes csr, enum problem expected)
{
	struct order ret;
	int calls = the_ca.calls;
	assert_int_equal(finalize(f, order, csr, &ret), -1);
	assert_int_equal(f->c.err.type, expected);
	assert_int_equal(the_ca.calls, calls);
}

#endif
