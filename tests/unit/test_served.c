/* What the URLs in certificates lead to (D-15): what is taken for right, and what is said of everything else. */
#include "tests/unit/crypto_test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/buffer.h"
#include "lib/crypto/ocsp.h"
#include "lib/http/served.h"

/* A server for one request. */
struct server {
	int fd;
	struct bytes reply; /* empty: it says nothing until the client has gone */
	char request[4096];
	pthread_t thread;
	char url[64];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	char rest[64];
	(void) !recv(fd, s->request, sizeof(s->request) - 1, 0);
	if (s->reply.n == 0) {
		(void) !recv(fd, rest, sizeof(rest), 0);
	}
	(void) !send(fd, s->reply.p, s->reply.n, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void prepare(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	*s = (struct server) { .fd = socket(AF_INET, SOCK_STREAM, 0) };
	assert_int_equal(bind(s->fd, (struct sockaddr *) &at, n), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *) &at, &n), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/x", ntohs(at.sin_port));
}

static struct bytes answer(struct ctx *c, const char *status, const char *type, struct bytes body)
{
	struct buffer b;
	buffer_init(&b, c->arena, 256 + body.n);
	buffer_printf(&b, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
	    type, body.n);
	buffer_add(&b, body.p, body.n);
	return buffer_bytes(&b);
}

/* why NULL: it is right. */
static void assert_told(
    struct ctx *c, struct server *s, enum served_kind kind, const struct cert_info *issuer, const char *why)
{
	const struct served served = { kind, s->url, issuer, NULL };
	struct ctx own;
	ctx_init(&own);
	ctx_limit_ms(&own, s->reply.n == 0 ? 300 : 60000);
	(void) c;
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	int got = served_check(&own, &served);
	(void) pthread_join(s->thread, NULL);
	close(s->fd);
	if (why == NULL) {
		assert_good(&own, got);
	} else {
		assert_int_equal(got, -1);
		assert_int_equal(own.err.type, PROBLEM_UNAVAILABLE);
		if (strstr(own.err.detail, why) == NULL || strstr(own.err.detail, s->url) == NULL) {
			fail_msg("%s, instead of %s", own.err.detail, why);
		}
	}
	ctx_done(&own);
}

static void certificates(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p256", "p256", &h);
	static const char cert[] = "application/pkix-cert";
	const struct {
		struct bytes reply;
		const char *why;
	} rows[] = {
		{ answer(c, "200 OK", cert, h.intermediate.der), NULL },
		{ answer(c, "200 OK", cert, h.root.der), "not the issuer's certificate" },
		{ answer(c, "200 OK", cert, (struct bytes) { h.intermediate.der.p, h.intermediate.der.n - 1 }),
		    "not the issuer's certificate" },
		{ answer(c, "200 OK", "application/x-x509-ca-cert", h.intermediate.der), "\"application/x-x509-ca-cert\"" },
		{ answer(c, "404 Not Found", cert, h.intermediate.der), "answers with status 404" },
		{ answer(c, "301 Moved\r\nLocation: http://127.0.0.1:1/", cert, h.intermediate.der),
		    "answers with status 301" },
		{ { (const uint8_t *) "garbage\r\n\r\n", 11 }, "http://127.0.0.1" },
		{ { NULL, 0 }, "Timeout" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct server s;
		prepare(&s);
		s.reply = rows[i].reply;
		assert_told(c, &s, SERVED_CERTIFICATE, &h.intermediate.info, rows[i].why);
		assert_ptr_equal(strstr(s.request, "GET /x HTTP/1.1\r\n"), s.request);
	}
}

enum crl_fault { RIGHT, OF_ANOTHER, OTHER_KEY, OTHER_URL, NO_URL, ENDED, NO_CRL };

static struct bytes make_crl(struct ctx *c, const struct hierarchy *h, const char *url, enum crl_fault fault)
{
	struct crl_template t = crl_template(fault == OF_ANOTHER ? &h->root : &h->intermediate);
	struct bytes tbs;
	struct bytes der = h->root.der;
	t.url = fault == NO_URL ? NULL : fault == OTHER_URL ? "http://127.0.0.1/x" : url;
	if (fault == ENDED) {
		t.this_update = timestamp_add_s(t.this_update, -86400);
		t.next_update = timestamp_add_s(t.this_update, 86399);
	}
	if (fault != NO_CRL) {
		assert_good(c, crl_build_tbs(c, &t, &tbs));
		assert_good(
		    c, cert_sign(c, fault == OF_ANOTHER || fault == OTHER_KEY ? h->root.key : h->intermediate.key, tbs, &der));
	}
	return der;
}

static void crls(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p256", "p256", &h);
	static const char *const whys[] = {
		[RIGHT] = NULL,
		[OF_ANOTHER] = "not a CRL of its issuer",
		[OTHER_KEY] = "not a CRL of its issuer",
		[OTHER_URL] = "of another URL",
		[NO_URL] = "of another URL",
		[ENDED] = "has ended",
		[NO_CRL] = "is no CRL",
	};
	for (size_t i = 0; i < COUNT_OF(whys); i++) {
		struct server s;
		prepare(&s);
		s.reply = answer(c, "200 OK", "application/pkix-crl", make_crl(c, &h, s.url, (enum crl_fault) i));
		assert_told(c, &s, SERVED_CRL, &h.intermediate.info, whys[i]);
	}
}

/* What is asked is a request that our own responder reads. */
static void responders(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	make_hierarchy(c, "p256", "p256", &h);
	for (int right = 0; right < 2; right++) {
		struct server s;
		struct ocsp_cert_id asked;
		struct ocsp_cert_id expected;
		static const uint8_t one[] = { 1 };
		prepare(&s);
		s.reply = answer(
		    c, "200 OK", "application/ocsp-response", ocsp_refusal(c->arena, right ? OCSP_UNAUTHORIZED : OCSP_LATER));
		assert_told(c, &s, SERVED_OCSP, &h.intermediate.info, right ? NULL : "not an OCSP responder's answer");
		assert_non_null(strstr(s.request, "Content-Type: application/ocsp-request\r\n"));
		const char *length = strstr(s.request, "Content-Length: ");
		const char *body = strstr(s.request, "\r\n\r\n");
		assert_true(length != NULL && body != NULL);
		const struct bytes der = { (const uint8_t *) body + 4, strtoul(length + 16, NULL, 10) };
		assert_good(c, ocsp_request_parse(c, der, &asked));
		assert_good(c, ocsp_cert_id(c, OCSP_SHA1, &h.intermediate.info, (struct bytes) { one, 1 }, &expected));
		assert_true(bytes_equal(asked.name_hash, expected.name_hash) &&
		            bytes_equal(asked.key_hash, expected.key_hash) && bytes_equal(asked.serial, expected.serial));
	}
}

static void stopped(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct server s;
	static atomic_bool stop = true;
	make_hierarchy(c, "p256", "p256", &h);
	prepare(&s); /* it accepts nobody, and the kernel answers */
	const struct served served = { SERVED_CERTIFICATE, s.url, &h.intermediate.info, &stop };
	ctx_limit_ms(c, 600000);
	assert_int_equal(served_check(c, &served), -1);
	close(s.fd);
}

/* Of who signed the issuer's own certificate. */
static void parents(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct hierarchy other;
	make_hierarchy(c, "p256", "p256", &h);
	make_hierarchy(c, "p256", "p256", &other);
	static const char cert[] = "application/pkix-cert";
	static const char why[] = "not the certificate of who signed the issuer's";
	const struct {
		struct bytes reply;
		const char *why;
	} rows[] = {
		{ answer(c, "200 OK", cert, h.root.der), NULL },
		{ answer(c, "200 OK", cert, h.intermediate.der), why },
		{ answer(c, "200 OK", cert, other.root.der), why }, /* of the same name */
		{ answer(c, "200 OK", cert, (struct bytes) { (const uint8_t *) "x", 1 }), why },
		{ answer(c, "404 Not Found", cert, h.root.der), "answers with status 404" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct server s;
		prepare(&s);
		s.reply = rows[i].reply;
		assert_told(c, &s, SERVED_PARENT, &h.intermediate.info, rows[i].why);
	}
}

static struct bytes root_crl(struct ctx *c, const struct hierarchy *h, const char *url)
{
	struct crl_template t = crl_template(&h->root);
	struct bytes tbs;
	struct bytes der;
	t.url = url;
	assert_good(c, crl_build_tbs(c, &t, &tbs));
	assert_good(c, cert_sign(c, h->root.key, tbs, &der));
	return der;
}

static void crls_of_parents(void **state)
{
	struct ctx *c = *state;
	struct hierarchy h;
	struct hierarchy other;
	make_hierarchy(c, "p256", "p256", &h);
	make_hierarchy(c, "p256", "p256", &other);
	const struct {
		const struct hierarchy *crl;  /* whose root signed it */
		const struct hierarchy *cert; /* whose root is at the other URL; NULL: there is none */
		const char *url;              /* in the CRL; "": its own */
		const char *why;
	} rows[] = {
		{ &h, &h, "", NULL },
		{ &h, &h, NULL, NULL },
		{ &h, NULL, "", NULL },
		{ &h, &h, "http://127.0.0.1/y", "that of another URL" },
		{ &other, &h, "", "not a CRL of its issuer" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct server s;
		struct server above;
		struct cert_info issuer = h.intermediate.info;
		prepare(&s);
		prepare(&above);
		issuer.aia_url = rows[i].cert == NULL ? NULL : above.url;
		const char *url = rows[i].url != NULL && rows[i].url[0] == '\0' ? s.url : rows[i].url;
		s.reply = answer(c, "200 OK", "application/pkix-crl", root_crl(c, rows[i].crl, url));
		if (rows[i].cert != NULL) {
			above.reply = answer(c, "200 OK", "application/pkix-cert", rows[i].cert->root.der);
			assert_int_equal(pthread_create(&above.thread, NULL, serve, &above), 0);
		}
		assert_told(c, &s, SERVED_PARENT_CRL, &issuer, rows[i].why);
		if (rows[i].cert != NULL) {
			(void) pthread_join(above.thread, NULL);
		}
		close(above.fd);
	}
}

static void all_urls(void **state)
{
	struct ctx *c = *state;
	const struct cert_info issuer = { .serial = { NULL, 0 } };
	struct config_issuer config = {
		.crl_url = "http://a.test/crl/e.crl", .crl_shards = 3, .aia_url = "http://a.test/e.der", .ocsp_url = NULL
	};
	assert_int_equal(served_by(c->arena, &config, &issuer, NULL).n, 4);
	config.ocsp_url = "http://a.test/ocsp";
	struct served_list all = served_by(c->arena, &config, &issuer, NULL);
	static const char *const urls[] = { "http://a.test/e.der", "http://a.test/crl/e.crl", "http://a.test/crl/e/1.crl",
		"http://a.test/crl/e/2.crl", "http://a.test/ocsp" };
	assert_int_equal(all.n, COUNT_OF(urls));
	for (size_t i = 0; i < all.n; i++) {
		assert_string_equal(all.v[i].url, urls[i]);
	}
	const struct cert_info signed_by_another = { .aia_url = "http://b.test/r.der", .crl_url = "http://b.test/r.crl" };
	struct served_list more = served_by(c->arena, &config, &signed_by_another, NULL);
	assert_int_equal(more.n, COUNT_OF(urls) + 2);
	assert_true(more.v[5].kind == SERVED_PARENT && more.v[6].kind == SERVED_PARENT_CRL);
	assert_string_equal(more.v[5].url, "http://b.test/r.der");
	assert_string_equal(more.v[6].url, "http://b.test/r.crl");
	const struct cert_info in_directory = { .aia_url = "ldap://b.test/r", .crl_url = "ldap://b.test/r" };
	assert_int_equal(served_by(c->arena, &config, &in_directory, NULL).n, COUNT_OF(urls));
	assert_true(all.v[0].kind == SERVED_CERTIFICATE && all.v[3].kind == SERVED_CRL && all.v[4].kind == SERVED_OCSP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificates, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(crls, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(responders, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(stopped, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(parents, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(crls_of_parents, test_ctx_new, test_ctx_free),
		cmocka_unit_test_setup_teardown(all_urls, test_ctx_new, test_ctx_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
