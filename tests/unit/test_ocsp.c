/* OCSP requests and responses: requests of OpenSSL are read, others refused; responses are those that OpenSSL takes. */
#include "tests/unit/crypto_test.h"

#include <openssl/ocsp.h>

#include "lib/crypto/ocsp.h"

static struct hierarchy h;
static struct ctx all;

static int setup(void **state)
{
	(void) state;
	ctx_init(&all);
	make_hierarchy(&all, "p384", "p256", &h);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	ctx_done(&all);
	return 0;
}

static const uint8_t serial[] = { 0x01, 0x82, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09 };
static const struct bytes serial_octets = { serial, sizeof(serial) };

static OCSP_CERTID *openssl_id(const EVP_MD *md)
{
	AUTO(X509) issuer = to_x509(h.intermediate.der);
	AUTO(BIGNUM) n = BN_bin2bn(serial, sizeof(serial), NULL);
	AUTO(ASN1_INTEGER) number = BN_to_ASN1_INTEGER(n, NULL);
	OCSP_CERTID *id = OCSP_cert_id_new(md, X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), number);
	assert_non_null(id);
	return id;
}

static struct bytes take_der(struct ctx *c, uint8_t *der, int n)
{
	assert_true(n > 0);
	struct bytes ret = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return ret;
}

static struct bytes openssl_request(struct ctx *c, const EVP_MD *md, bool nonce, size_t times)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	for (size_t i = 0; i < times; i++) {
		assert_non_null(OCSP_request_add0_id(request, openssl_id(md)));
	}
	if (nonce) {
		assert_int_equal(OCSP_request_add1_nonce(request, NULL, 16), 1);
	}
	uint8_t *der = NULL;
	int n = i2d_OCSP_REQUEST(request, &der);
	OCSP_REQUEST_free(request);
	return take_der(c, der, n);
}

/* E-35: with a nonce or without */
static void requests_are_read(void **state)
{
	struct ctx *c = *state;
	for (enum ocsp_hash hash = OCSP_SHA1; hash < OCSP_HASHES; hash++) {
		for (int nonce = 0; nonce < 2; nonce++) {
			struct ocsp_cert_id read;
			struct ocsp_cert_id made;
			struct bytes der = openssl_request(c, hash == OCSP_SHA1 ? EVP_sha1() : EVP_sha256(), nonce == 1, 1);
			assert_good(c, ocsp_request_parse(c, der, &read));
			assert_good(c, ocsp_cert_id(c, hash, &h.intermediate.info, serial_octets, &made));
			assert_int_equal(read.hash, hash);
			assert_true(bytes_equal(read.serial, serial_octets));
			assert_true(bytes_equal(read.name_hash, made.name_hash)); /* as OpenSSL hashes them */
			assert_true(bytes_equal(read.key_hash, made.key_hash));
		}
	}
}

static void assert_refused(struct ctx *c, struct bytes der, const char *why)
{
	struct ocsp_cert_id id;
	assert_int_equal(ocsp_request_parse(c, der, &id), -1);
	assert_int_equal(c->err.type, PROBLEM_MALFORMED);
	if (strstr(c->err.detail, why) == NULL) {
		fail_msg("expected \"%s\", found \"%s\"", why, c->err.detail);
	}
	ctx_forgive(c);
}

#define PIECE(...) ((struct bytes) { (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }) })

/* A request around this CertID's content and what may follow. */
static struct bytes request_of(struct ctx *c, struct bytes id, struct bytes single, struct bytes extensions)
{
	struct arena *a = c->arena;
	struct bytes one = DER(a, DER_SEQUENCE, DER(a, DER_SEQUENCE, id), single);
	return DER(a, DER_SEQUENCE, DER(a, DER_SEQUENCE, DER(a, DER_SEQUENCE, one), extensions));
}

static struct bytes id_of(struct ctx *c, struct bytes algorithm, size_t hash_n, struct bytes number)
{
	static const uint8_t zeros[64] = { 0 };
	struct bytes hash = DER(c->arena, DER_OCTET_STRING, { zeros, hash_n });
	return der_join(c->arena, (struct bytes[]) { algorithm, hash, hash, number }, 4);
}

static const struct bytes none = { NULL, 0 };

static void requests_are_refused(void **state)
{
	struct ctx *c = *state;
	struct bytes sha1 = PIECE(0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00);
	struct bytes bare = PIECE(0x30, 0x07, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a);
	struct bytes md5 = PIECE(0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00);
	struct bytes one = PIECE(0x02, 0x01, 0x01);
	struct ocsp_cert_id id;
	assert_good(c, ocsp_request_parse(c, request_of(c, id_of(c, sha1, 20, one), none, none), &id));
	assert_good(c, ocsp_request_parse(c, request_of(c, id_of(c, bare, 20, one), none, none), &id));
	assert_refused(c, request_of(c, id_of(c, md5, 16, one), none, none), "another hash");
	assert_refused(c, request_of(c, id_of(c, sha1, 32, one), none, none), "hashes of the issuer");
	assert_refused(c, request_of(c, id_of(c, sha1, 20, PIECE(0x02, 0x00)), none, none), "serial");
	assert_refused(c, request_of(c, id_of(c, sha1, 20, PIECE(0x02, 0x01, 0x80)), none, none), "serial");
	assert_refused(c, request_of(c, id_of(c, sha1, 20, PIECE(0x02, 0x02, 0x00, 0x7f)), none, none), "serial");
	uint8_t number[2 + 21] = { 0x02, 21, 1 };
	assert_refused(
	    c, request_of(c, id_of(c, sha1, 20, (struct bytes) { number, sizeof(number) }), none, none), "serial");
	assert_refused(c, openssl_request(c, EVP_sha1(), false, 2), "more than one");
	struct bytes critical = PIECE(0x30, 0x0a, 0x30, 0x08, 0x06, 0x01, 0x2a, 0x01, 0x01, 0xff, 0x04, 0x00);
	struct bytes plain = PIECE(0x30, 0x07, 0x30, 0x05, 0x06, 0x01, 0x2a, 0x04, 0x00);
	struct bytes good_id = id_of(c, sha1, 20, one);
	for (int at = 0; at < 2; at++) { /* of the one certificate, and of the request */
		struct bytes bad = DER(c->arena, DER_CONTEXT_CONSTRUCTED(at == 0 ? 0 : 2), critical);
		struct bytes good = DER(c->arena, DER_CONTEXT_CONSTRUCTED(at == 0 ? 0 : 2), plain);
		assert_refused(c, request_of(c, good_id, at == 0 ? bad : none, at == 0 ? none : bad), "critical");
		assert_good(
		    c, ocsp_request_parse(c, request_of(c, good_id, at == 0 ? good : none, at == 0 ? none : good), &id));
	}
	assert_refused(c, request_of(c, good_id, PIECE(0x05, 0x00), none), "list of certificates");
	assert_refused(c, request_of(c, good_id, none, PIECE(0x05, 0x00)), "extensions");
	assert_refused(c, PIECE(0x30, 0x04, 0x30, 0x02, 0x30, 0x00), "list of certificates");
	assert_refused(c, none, "outer form");
	uint8_t large[OCSP_REQUEST_MAX + 1] = { 0x30, 0x82, (OCSP_REQUEST_MAX - 3) >> 8, (OCSP_REQUEST_MAX - 3) & 0xff };
	assert_refused(c, (struct bytes) { large, sizeof(large) }, "outer form");
	struct bytes whole = openssl_request(c, EVP_sha1(), true, 1);
	for (size_t n = 0; n < whole.n; n++) {
		assert_problem(c, PROBLEM_MALFORMED, ocsp_request_parse(c, (struct bytes) { whole.p, n }, &id));
	}
}

/* ---- responses ---- */

static struct authority responder(struct ctx *c)
{
	struct authority made;
	struct authority_request r = {
		.subject = { "XX", "Test Org", "Test OCSP" },
		.key_kind = "p256",
		.not_before = timestamp_add_s(clock_now(), -60),
		.days = 10,
	};
	assert_good(c, authority_make(c, CERT_OCSP, &r, &h.intermediate, &made));
	return made;
}

static struct ocsp_answer answer_of(struct ctx *c, const struct authority *by, int64_t reason, bool revoked)
{
	uint8_t *hash = arena_alloc(c->arena, OCSP_KEY_HASH_SIZE);
	struct timestamp now = { clock_now().us / 1000000 * 1000000 };
	assert_good(c, ocsp_key_hash(c, by->info.spki, hash));
	struct ocsp_answer t = {
		.responder_key_hash = { hash, OCSP_KEY_HASH_SIZE },
		.produced_at = now,
		.revoked = revoked,
		.revoked_at = { revoked ? now.us - 5000000 : 0 },
		.reason = reason,
		.this_update = now,
		.next_update = timestamp_add_s(now, 4 * 86400),
	};
	assert_good(c, ocsp_cert_id(c, OCSP_SHA1, &h.intermediate.info, serial_octets, &t.id));
	return t;
}

static struct bytes sign(struct ctx *c, const struct authority *by, const struct ocsp_answer *t)
{
	struct bytes tbs;
	struct bytes signature;
	assert_good(c, ocsp_build_tbs(c, t, &tbs));
	assert_good(c, key_sign(c, by->key, tbs, &signature));
	return ocsp_assemble(c->arena, tbs, sigalg_of_key(by->key), signature, by->der);
}

/* What OpenSSL makes of it: the response verifies to the root, by the delegated certificate inside. */
static void openssl_takes(struct bytes der, int status, int reason)
{
	const uint8_t *p = der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long) der.n);
	assert_non_null(response);
	assert_ptr_equal(p, der.p + der.n);
	assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	assert_non_null(basic);
	AUTO(X509_STORE) store = X509_STORE_new();
	AUTO(X509) root = to_x509(h.root.der);
	AUTO_STACK(X509) chain = sk_X509_new_null();
	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	sk_X509_push(chain, to_x509(h.intermediate.der));
	assert_int_equal(OCSP_basic_verify(basic, chain, store, 0), 1);
	OCSP_CERTID *id = openssl_id(EVP_sha1());
	ASN1_GENERALIZEDTIME *revoked = NULL;
	ASN1_GENERALIZEDTIME *this_update = NULL;
	ASN1_GENERALIZEDTIME *next_update = NULL;
	int found_status = -1;
	int found_reason = -1;
	assert_int_equal(
	    OCSP_resp_find_status(basic, id, &found_status, &found_reason, &revoked, &this_update, &next_update), 1);
	assert_int_equal(found_status, status);
	assert_int_equal(found_reason, reason);
	assert_int_equal(OCSP_check_validity(this_update, next_update, 5, -1), 1);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

/* E-35, E-37 */
static void responses_are_taken(void **state)
{
	struct ctx *c = *state;
	struct authority by = responder(c);
	const struct {
		bool revoked;
		int64_t reason;
		int status, found;
	} cases[] = { { false, 0, V_OCSP_CERTSTATUS_GOOD, -1 }, { true, 0, V_OCSP_CERTSTATUS_REVOKED, -1 },
		{ true, 1, V_OCSP_CERTSTATUS_REVOKED, 1 }, { true, 9, V_OCSP_CERTSTATUS_REVOKED, 9 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ocsp_answer t = answer_of(c, &by, cases[i].reason, cases[i].revoked);
		struct bytes der = sign(c, &by, &t);
		struct ocsp_info info;
		struct bytes again;
		openssl_takes(der, cases[i].status, cases[i].found);
		assert_good(c, ocsp_parse(c, der, &info));
		assert_true(bytes_equal(info.certificate, by.der));
		assert_int_equal(info.answer.reason, cases[i].reason);
		assert_true(info.answer.revoked == cases[i].revoked && info.answer.revoked_at.us == t.revoked_at.us);
		assert_good(c, ocsp_build_tbs(c, &info.answer, &again));
		assert_true(bytes_equal(again, info.tbs));
		assert_good(c, ocsp_verify_signature(c, &info, by.key));
		assert_cause(c, "does not verify", ocsp_verify_signature(c, &info, h.intermediate.key));
		for (size_t n = 0; n < der.n; n++) {
			assert_problem(c, PROBLEM_MALFORMED, ocsp_parse(c, (struct bytes) { der.p, n }, &info));
		}
	}
}

static void bad_answers_are_not_built(void **state)
{
	struct ctx *c = *state;
	struct authority by = responder(c);
	struct bytes tbs;
	for (int i = 0; i < 12; i++) {
		struct ocsp_answer t = answer_of(c, &by, i < 6 ? 1 : 0, i < 6);
		const char *why = i < 3 ? "reason" : i < 6 ? "times" : i < 9 ? "hashes or serial" : "time or reason";
		switch (i) {
		case 0:
			t.reason = 2;
			break; /* cACompromise */
		case 1:
			t.reason = 6;
			break; /* certificateHold */
		case 2:
			t.revoked_at.us = 0;
			break;
		case 3:
			t.next_update = t.this_update;
			break;
		case 4:
			t.produced_at.us -= 1000000;
			break;
		case 5:
			t.this_update.us += 1;
			break;
		case 6:
			t.id.serial.n = 0;
			break;
		case 7:
			t.id.key_hash.n = 19;
			break;
		case 8:
			t.responder_key_hash.n = 0;
			break;
		case 9:
			t.reason = 1;
			break;
		case 10:
			t.revoked_at = t.this_update;
			break;
		default:
			t.id.hash = OCSP_HASHES;
			why = "hashes";
			break;
		}
		assert_cause(c, why, ocsp_build_tbs(c, &t, &tbs));
	}
}

static void refusals(void **state)
{
	struct ctx *c = *state;
	const enum ocsp_refusal kinds[] = { OCSP_MALFORMED, OCSP_INTERNAL, OCSP_LATER, OCSP_UNAUTHORIZED };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct bytes der = ocsp_refusal(c->arena, kinds[i]);
		const uint8_t *p = der.p;
		OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long) der.n);
		assert_int_equal(OCSP_response_status(response), kinds[i]);
		OCSP_RESPONSE_free(response);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(requests_are_read),
		WITH_CTX(requests_are_refused),
		WITH_CTX(responses_are_taken),
		WITH_CTX(bad_answers_are_not_built),
		WITH_CTX(refusals),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
