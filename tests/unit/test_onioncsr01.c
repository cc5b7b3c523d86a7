/* link: va */
/* onion-csr-01 and the CAA of onion services by the engine: B-36, B-37, B-38, B-39. No name server is asked about any of it. */
#include "tests/unit/crypto_test.h"

#include "policy/onion_caa.h"
#include "tests/unit/onion_world.h"
#include "tests/unit/va_run.h"

static struct service service;
static struct ctx context;

static void run_service(struct run *r, const char *name)
{
	method = "onion-csr-01";
	run_init(r, name);
	r->in.token = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
	r->in.key_authorization = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8.x";
	r->in.check_caa = false;
	struct csr_ask ask = { .applicant = bytes_of_text("qqqqqqqq") };
	assert_int_equal(base64url_decode(r->c.arena, bytes_of_text(r->in.token), &ask.nonce), 0);
	r->in.response = onion_csr(&r->c, &service, &ask);
}

static void run_whole(struct run *r, const char *problem, const char *detail)
{
	run_begin(r);
	run_wait(r);
	check_against(r, problem, detail);
	check_replay(r);
}

/* The names in front share the service's key, a wildcard among them. */
static void validations(void **state)
{
	struct run r;
	(void) state;
	const char *sub = arena_printf(context.arena, "a.b.%s", service.name);
	run_service(&r, service.name);
	run_whole(&r, NULL, "");
	assert_int_equal(r.result->resolutions.n, 0);
	assert_int_equal(r.result->attempts.n, 1);
	const struct connection_attempt *t = &r.result->attempts.v[0]; /* F-43: the request as it came */
	assert_string_equal(t->host, service.name);
	assert_true(bytes_equal(t->body, r.in.response) && t->body_octets == (int64_t) t->body.n);
	assert_int_equal(t->body_sha256.n, SHA256_SIZE);
	assert_null(t->address_used);
	run_free(&r);
	run_service(&r, sub);
	r.in.wildcard = true;
	run_whole(&r, NULL, "");
	run_free(&r);
	run_service(&r, service.name);
	r.in.response.n--;
	run_whole(&r, "BAD_CSR", "not one whole PKCS#10");
	run_free(&r);
	run_service(&r, service.name);
	r.in.response.n = 0;
	run_whole(&r, "BAD_CSR", "not one whole PKCS#10");
	run_free(&r);
}

static void assert_not_taken(const char *name, const char *by, bool check_caa)
{
	struct run r;
	run_service(&r, name);
	r.in.method = by;
	r.in.check_caa = check_caa;
	assert_int_equal(engine_submit(&r.c, engine, &r.in, on_done, &r), -1);
	assert_int_equal(r.c.err.type, PROBLEM_MALFORMED);
	run_free(&r);
}

/* B-36: onion services by nothing else, and nothing else by it; their CAA is never looked up. */
static void what_is_not_taken(void **state)
{
	(void) state;
	static const char *const others[] = { "http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01" };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_not_taken(service.name, others[i], false);
	}
	assert_not_taken("pass.web.example", "onion-csr-01", false);
	assert_not_taken("127.0.0.1", "onion-csr-01", false);
	assert_not_taken(service.name, "onion-csr-01", true);
}

/* As finalize asks: CAA alone, by a set that the client brought. */
static void run_caa(const char *caa, bool wildcard, const char *problem, const char *detail)
{
	struct run r;
	method = "onion-csr-01";
	run_init(&r, service.name);
	r.in.token = NULL;
	r.in.key_authorization = NULL;
	r.in.wildcard = wildcard;
	r.in.onion_caa = (struct onion_caa) { .caa = caa, .expiry = clock_now().us / 1000000 + 600 };
	r.in.onion_caa.signature = service_sign(&r.c, &service, onion_caa_signed(r.c.arena, &r.in.onion_caa));
	run_whole(&r, problem, detail);
	assert_int_equal(r.result->resolutions.n, 1);
	const struct resolution *kept = &r.result->resolutions.v[0];
	assert_string_equal(kept->type, "CAA");
	assert_string_equal(kept->resolver, "client");
	assert_string_equal(kept->name, service.name);
	assert_true(bytes_equal(kept->raw, onion_caa_signed(r.c.arena, &r.in.onion_caa)));
	bool relied = problem == NULL || strcmp(problem, "CAA") == 0;
	assert_int_equal(r.result->caa.checked, relied);
	assert_int_equal(r.result->caa.permitted, problem == NULL);
	assert_int_equal(r.result->caa.records.n, relied && caa != NULL);
	run_free(&r);
}

static void sets_of_the_client(void **state)
{
	(void) state;
	run_caa(NULL, false, NULL, "");
	run_caa("caa 0 issue \"ca.test\"", false, NULL, "");
	run_caa("caa 0 issue \"other.test\"", false, "CAA", "names another CA (found in onionCAA)");
	run_caa("caa 0 issuewild \";\"", true, "CAA", "authorises nobody");
	run_caa("caa 0 issuewild \";\"", false, NULL, "");
	run_caa("caa 0 issue", false, "MALFORMED", "is not of the form");
}

/* RFC 7686 2: a redirect to an onion service is not followed, nor is its name looked up (B-36). */
static void redirects(void **state)
{
	struct target at;
	struct ctx c;
	(void) state;
	const struct redirect_ports ports = { 80, 443 };
	ctx_init(&c);
	target_first(c.arena, "a.example", 80, "token", &at);
	const char *to = arena_printf(c.arena, "http://%s/x", service.name);
	assert_int_equal(redirect_resolve(&c, &at, bytes_of_text(to), &ports, &at), -1);
	assert_non_null(strstr(c.err.detail, "onion services are out of reach"));
	ctx_done(&c);
}

static int begin(void **state)
{
	ctx_init(&context);
	service = service_new(&context);
	return set_up(state);
}

static int end(void **state)
{
	ctx_done(&context);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validations),
		cmocka_unit_test(what_is_not_taken),
		cmocka_unit_test(sets_of_the_client),
		cmocka_unit_test(redirects),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
