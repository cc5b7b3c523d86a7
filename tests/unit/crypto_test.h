/* What the tests of lib/crypto and policy share: a context for each test and expectations on its error. */
#ifndef CAIRN_TESTS_CRYPTO_TEST_H
#define CAIRN_TESTS_CRYPTO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/authority.h"
#include "lib/crypto/crl.h"
#include "lib/crypto/der.h"

static inline int test_ctx_new(void **state)
{
	struct ctx *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		return -1;
	}
	ctx_init(c);
	*state = c;
	return 0;
}

static inline int test_ctx_free(void **state)
{
	struct ctx *c = *state;
	ctx_done(c);
	free(c);
	return 0;
}

#define WITH_CTX(f) cmocka_unit_test_setup_teardown(f, test_ctx_new, test_ctx_free)

#define assert_good(c, call) \
	do { \
		if ((call) != 0) { \
			fail_msg("%s: %s (%s)", #call, (c)->err.detail, (c)->err.cause == NULL ? "" : (c)->err.cause); \
		} \
	} while (0)

/* The call fails with this problem, and the context is good again after it. */
#define assert_problem(c, problem, call) \
	do { \
		assert_int_equal((call), -1); \
		assert_string_equal(problem_info((c)->err.type)->name, problem_info(problem)->name); \
		ctx_forgive(c); \
	} while (0)

/* The call fails by a fault whose cause holds this text. */
#define assert_cause(c, text, call) \
	do { \
		assert_int_equal((call), -1); \
		if ((c)->err.cause == NULL || strstr((c)->err.cause, text) == NULL) { \
			fail_msg("expected \"%s\", found \"%s\"", text, (c)->err.cause == NULL ? "" : (c)->err.cause); \
		} \
		ctx_forgive(c); \
	} while (0)

#define TEXTS(name, ...) \
	const char *name##_v[] = { __VA_ARGS__ }; \
	const struct text_list name = { name##_v, COUNT_OF(name##_v) }

#define CRL_URL "http://crl.test/1.crl"
#define AIA_URL "http://pki.test/1.der"

/* A whole hierarchy of the kind of keys: root and intermediate. */
struct hierarchy {
	struct authority root;
	struct authority intermediate;
};

/* since_s ago. */
static inline void make_hierarchy_since(
    struct ctx *c, const char *root_kind, const char *kind, int64_t since_s, struct hierarchy *ret)
{
	struct authority_request r = {
		.subject = { "XX", "Test Org", "Test Root" },
		.key_kind = root_kind,
		.not_before = timestamp_add_s(clock_now(), -since_s),
		.days = 3650,
	};
	assert_good(c, authority_make(c, CERT_ROOT, &r, NULL, &ret->root));
	r.subject.common_name = "Test E1";
	r.key_kind = kind;
	r.days = 1000;
	r.crl_url = "http://crl.test/root.crl";
	r.aia_url = "http://pki.test/root.der";
	assert_good(c, authority_make(c, CERT_INTERMEDIATE, &r, &ret->root, &ret->intermediate));
}

static inline void make_hierarchy(struct ctx *c, const char *root_kind, const char *kind, struct hierarchy *ret)
{
	make_hierarchy_since(c, root_kind, kind, 3600, ret);
}

/* A good template of a leaf for these names, with a new key of the kind. */
static inline struct cert_template leaf_template(
    struct ctx *c, const struct authority *issuer, const char *kind, const struct text_list *names)
{
	EVP_PKEY *key = NULL;
	uint8_t *serial = arena_alloc(c->arena, CERT_SERIAL_SIZE);
	cert_serial_new(1, serial);
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	struct cert_template t = {
		.kind = CERT_LEAF,
		.serial = { serial, CERT_SERIAL_SIZE },
		.sigalg = sigalg_of_key(issuer->key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.not_before = timestamp_add_s(now, -3600),
		.not_after = timestamp_add_s(now, -3600 + 90 * 86400 - 1),
		.dns_names = *names,
		.crl_url = CRL_URL,
		.aia_url = AIA_URL,
	};
	assert_good(c, key_generate(c, kind, &key));
	assert_good(c, key_spki(c, key, &t.spki));
	return t;
}

/* A good template of an issuer's CRL without entries. */
static inline struct crl_template crl_template(const struct authority *issuer)
{
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	return (struct crl_template) {
		.sigalg = sigalg_of_key(issuer->key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.this_update = timestamp_add_s(now, -60),
		.next_update = timestamp_add_s(now, 9 * 86400),
		.number = 0x80,
		.url = CRL_URL,
	};
}

static inline X509 *to_x509(struct bytes der)
{
	const uint8_t *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long) der.n);
	assert_non_null(x);
	assert_ptr_equal(p, der.p + der.n);
	return x;
}

#endif
