/* link: wfe */
/* What every request to the API has to be and every answer has: RFC 8555 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"

#define NEW_ORDER "/acme/new-order"
#define NAMES "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}"

static void the_directory_names_all_resources(void **state)
{
	(void) state;
	assert_int_equal(request("GET", "/directory", NULL), 200);
	assert_string_equal(t.type, "application/json"); /* */
	assert_string_equal(t.body,
	    "{\"newNonce\":\"" BASE "/acme/new-nonce\",\"newAccount\":\"" BASE "/acme/new-account\",\"newOrder\":\"" BASE
	    "/acme/new-order\",\"revokeCert\":\"" BASE "/acme/revoke-cert\",\"keyChange\":\"" BASE
	    "/acme/key-change\",\"renewalInfo\":\"" BASE "/acme/renewal-info\",\"meta\":{\"termsOfService\":\"" TERMS
	    "\",\"privacyNotice\":\"" BASE "/privacy\",\"caaIdentities\":[],\"profiles\":{}}}"); /* A-6, G-8 */
	assert_null(answer_header("Link", "index"));                                             /* */
	assert_null(answer_header("Replay-Nonce", ""));
	assert_int_equal(request("HEAD", "/directory", NULL), 200);
	assert_non_null(answer_header("Replay-Nonce", ""));
	assert_int_equal(post_as(&t.alice, "/directory", ""), 200); /* */
	t.config.acme.eab_required = true;
	assert_int_equal(request("GET", "/directory", NULL), 200);
	assert_non_null(strstr(t.body, "\"externalAccountRequired\":true")); /* */
}

static void nonces_are_handed_out(void **state)
{
	(void) state;
	assert_int_equal(request("HEAD", "/acme/new-nonce", NULL), 200); /* */
	const char *first = answer_header("Replay-Nonce", "");
	assert_non_null(first);
	assert_non_null(answer_header("Cache-Control", "no-store"));
	assert_non_null(answer_header("Link", "<" BASE "/directory>;rel=\"index\"")); /* */
	assert_int_equal(request("GET", "/acme/new-nonce", NULL), 204);
	assert_string_equal(t.body, "");
	assert_non_null(answer_header("Replay-Nonce", ""));
	assert_string_not_equal(answer_header("Replay-Nonce", ""), first); /* */
	assert_int_equal(post_as(&t.alice, "/acme/new-nonce", ""), 204);   /* */
}

static void wrong_methods_are_named(void **state)
{
	(void) state;
	static const char *const refused[] = { "GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE" };
	const char *paths[] = { NEW_ORDER, "/acme/new-account", "/acme/revoke-cert", t.alice.kid + strlen(BASE),
		object_path("order", t.order.id), object_path("authz", t.order.id), object_path("challenge", t.order.id),
		object_path("cert", t.order.id) };
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		for (size_t k = 0; k < COUNT_OF(refused); k++) {
			(void) request(refused[k], paths[i], NULL);
			assert_problem(405, "malformed"); /* */
			assert_non_null(answer_header("Allow", "POST"));
			assert_null(answer_header("Allow", "GET"));
		}
	}
	(void) request("HEAD", NEW_ORDER, NULL);
	assert_non_null(answer_header("Replay-Nonce", "")); /* python-acme asks the resource itself */
	(void) request("DELETE", "/directory", NULL);
	assert_non_null(answer_header("Allow", "GET, HEAD, POST"));
}

static void other_paths_are_nothing(void **state)
{
	(void) state;
	const char *order = object_path("order", t.order.id);
	const char *paths[] = { "/acme", "/acme/", "/directory/", "//directory", "/./directory", "/acme//new-order",
		"/acme/%6eew-order", "/acme/new-order/", "/acme/../directory", "/ACME/new-order", "/acme/order/",
		"/acme/order/AAAA", "/acme/order/AAAAAAAAAAAAAAAAAAAAAA", arena_printf(t.c.arena, "%s/", order),
		arena_printf(t.c.arena, "%s/finalise", order), arena_printf(t.c.arena, "%sA", order) };
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		(void) post_as(&t.alice, paths[i], "");
		assert_problem(404, "malformed");                /* */
		assert_string_equal(last_begin().route, "none"); /* G-2 */
		assert_false(last_begin().has_body);
		assert_int_equal(last_end().status, 404);
		assert_non_null(answer_header("Replay-Nonce", ""));
		assert_non_null(answer_header("Link", "rel=\"index\""));
	}
}

static void the_content_type_must_fit(void **state)
{
	(void) state;
	static const char *const types[] = { NULL, "application/json", "text/plain", "application/jose",
		"application/jose+jsonx" };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i] != NULL) {
			header_in("Content-Type", types[i]);
		}
		(void) request(
		    "POST", NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES));
		assert_problem(415, "malformed"); /* */
		assert_null(t.called);
	}
	header_in("Content-Type", "application/jose+json");
	assert_int_equal(post_as(&t.alice, NEW_ORDER, NAMES), 415); /* twice */
	header_in("content-type", "Application/JOSE+JSON; charset=utf-8");
	(void) request("POST", NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES));
	assert_int_equal(t.status, 201);
}

static void a_nonce_works_once(void **state)
{
	(void) state;
	const char *jws = jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES);
	assert_int_equal(post(NEW_ORDER, jws), 201);
	(void) post(NEW_ORDER, jws);
	assert_problem(400, "badNonce"); /* */
	assert_null(t.called);
	const char *fresh = answer_header("Replay-Nonce", "");
	assert_int_equal(post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, fresh, BASE NEW_ORDER), NAMES)), 201);
	(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, "AAAA", BASE NEW_ORDER), NAMES));
	assert_problem(400, "badNonce");
	(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, "a=b", BASE NEW_ORDER), NAMES));
	assert_problem(400, "malformed"); /* */
}

/* whatever is wrong with the request, its nonce is gone. */
static void a_nonce_is_spent_once_seen(void **state)
{
	(void) state;
	const char *nonce = fresh_nonce();
	const char *good = jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE NEW_ORDER), NAMES);
	const char *broken_payload = arena_printf(
	    t.c.arena, "%.*s\"payload\":\"%%\",\"signature\":\"AAAA\"}", (int) (strstr(good, "\"payload") - good), good);
	(void) post(NEW_ORDER, broken_payload);
	assert_problem(400, "malformed");
	(void) post(NEW_ORDER, good);
	assert_problem(400, "badNonce");

	nonce = fresh_nonce();
	(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE "/acme/other"), NAMES));
	assert_problem(403, "unauthorized");
	(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE NEW_ORDER), NAMES));
	assert_problem(400, "badNonce");
}

static void a_share_of_nonces_can_be_refused(void **state)
{
	(void) state;
	size_t refused = 0;
	t.config.acme.nonce_reject_percent = 50;
	for (size_t i = 0; i < 200; i++) {
		refused += post_as(&t.alice, NEW_ORDER, NAMES) == 400 ? 1 : 0;
	}
	assert_in_range(refused, 50, 150); /* */
}

static void the_url_must_be_ours(void **state)
{
	(void) state;
	static const char *const urls[] = { BASE "/acme/new-account", BASE NEW_ORDER "?x=1", BASE NEW_ORDER "/",
		"https://CA.test:14000" NEW_ORDER, "http://ca.test:14000" NEW_ORDER, "https://ca.test" NEW_ORDER,
		"https://evil.test" NEW_ORDER, "" };
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		header_in("Host", "evil.test"); /* not believed */
		header_in("X-Forwarded-Host", "evil.test");
		(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), urls[i]), NAMES));
		assert_problem(403, "unauthorized"); /* */
		assert_null(strstr(t.body, "evil"));
		assert_null(t.called);
	}
}

static void the_kid_must_be_an_account_url(void **state)
{
	(void) state;
	const char *id = t.alice.kid + strlen(BASE "/acme/account/");
	struct arena *a = t.c.arena;
	const char *kids[] = { id, arena_printf(a, "%s/", t.alice.kid),
		arena_printf(a, "https://other.test/acme/account/%s", id), arena_printf(a, BASE "/acme/order/%s", id),
		t.bob.kid, arena_printf(a, "%s?x", t.alice.kid), "" };
	for (size_t i = 0; i < COUNT_OF(kids); i++) {
		(void) post(NEW_ORDER, jws_of(&t.alice, header_kid(kids[i], fresh_nonce(), BASE NEW_ORDER), NAMES));
		assert_problem(400, "accountDoesNotExist"); /* */
		assert_null(t.called);
	}
}

static void each_resource_has_its_kind_of_key(void **state)
{
	(void) state;
	(void) post_with_key(&t.alice, NEW_ORDER, NAMES);
	assert_problem(400, "malformed"); /* */
	(void) post_with_key(&t.alice, object_path("order", t.order.id), "");
	assert_problem(400, "malformed");
	(void) post_as(&t.alice, "/acme/new-account", "{}");
	assert_problem(400, "malformed");
	assert_null(t.called);
}

static void a_wrong_signature_does_nothing(void **state)
{
	(void) state;
	(void) post(NEW_ORDER, jws_of(&t.bob, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES));
	assert_problem(400, "malformed"); /* */
	assert_null(t.called);
	(void) post("/acme/new-account", jws_of(&t.alice, header_jwk(&t.bob, fresh_nonce(), BASE "/acme/new-account"),
	                                     "{\"termsOfServiceAgreed\":true}"));
	assert_problem(400, "malformed");
	assert_null(t.called);
}

static void unsupported_algorithms_are_told(void **state)
{
	(void) state;
	static const char *const algs[] = { "none", "HS256", "PS256", "RS1", "ES256K" };
	for (size_t i = 0; i < COUNT_OF(algs); i++) {
		const char *header = arena_printf(t.c.arena, "{\"alg\":\"%s\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s\"}",
		    algs[i], t.alice.kid, fresh_nonce(), BASE NEW_ORDER);
		(void) post(NEW_ORDER, jws_of(&t.alice, header, NAMES));
		assert_problem(400, "badSignatureAlgorithm");                  /* */
		assert_non_null(strstr(t.body, "\"algorithms\":[\"ES256\",")); /* */
	}
}

/* what was read before the end of an account, and arrives after it, is not remembered. */
static void accounts_that_end_amid_a_question(void **state)
{
	(void) state;
	const char *account = t.alice.kid + strlen(BASE);
	accounts_forget(t.alice.id);
	t.meanwhile = "deactivated";
	(void) post_as(&t.alice, account, "");
	assert_int_equal(t.status, 200); /* came before */
	assert_null(t.meanwhile);
	(void) post_as(&t.alice, account, "");
	assert_problem(401, "unauthorized");
	t.alice.status = "valid";
	accounts_forget(t.alice.id);
}

static void dead_accounts_stay_dead(void **state)
{
	(void) state;
	static const char *const states[] = { "deactivated", "revoked" };
	const char *account = t.alice.kid + strlen(BASE);
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		t.alice.status = states[i];
		accounts_forget(t.alice.id);
		(void) post_as(&t.alice, NEW_ORDER, NAMES);
		assert_problem(401, "unauthorized"); /* */
		assert_non_null(strstr(t.body, states[i]));
		(void) post_as(&t.alice, account, "");
		assert_problem(401, "unauthorized");
		(void) post_with_key(&t.alice, "/acme/new-account", "{\"termsOfServiceAgreed\":true}");
		assert_problem(401, "unauthorized"); /* not revived */
		/* Who does not hold the key is not told. */
		(void) post(NEW_ORDER, jws_of(&t.bob, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES));
		assert_problem(400, "malformed");
		assert_null(t.called);
	}
}

static void payloads_must_fit(void **state)
{
	(void) state;
	const char *order = object_path("order", t.order.id);
	static const char *const for_reads[] = { "{}", "null", "{\"x\":1}", " " };
	for (size_t i = 0; i < COUNT_OF(for_reads); i++) {
		(void) post_as(&t.alice, order, for_reads[i]);
		assert_problem(400, "malformed"); /* */
	}
	static const char *const for_writes[] = { "", "null", "[]", "1", "{", "{}{}", "{\"identifiers\":1}",
		"{\"identifiers\":[],\"identifiers\":[]}" };
	for (size_t i = 0; i < COUNT_OF(for_writes); i++) {
		(void) post_as(&t.alice, NEW_ORDER, for_writes[i]);
		assert_problem(400, "malformed"); /* */
		assert_null(t.called);
	}
}

static void bodies_that_are_no_jws(void **state)
{
	(void) state;
	static const char *const bodies[] = { "", "{", "eyJ.eyJ.c2ln", "[]", "{\"signatures\":[]}",
		"{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"\"}" };
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		(void) post(NEW_ORDER, bodies[i]);
		assert_problem(400, "malformed");                   /* */
		assert_non_null(answer_header("Replay-Nonce", "")); /* */
	}
}

static void browsers_may_ask(void **state)
{
	(void) state;
	header_in("Origin", "https://page.test");
	assert_int_equal(request("OPTIONS", NEW_ORDER, NULL), 204); /* */
	assert_non_null(answer_header("Access-Control-Allow-Origin", "*"));
	assert_non_null(answer_header("Access-Control-Allow-Methods", "POST"));
	assert_non_null(answer_header("Access-Control-Allow-Headers", "Content-Type"));
	(void) post_as(&t.alice, NEW_ORDER, "");
	assert_problem(400, "malformed");
	assert_non_null(answer_header("Access-Control-Allow-Origin", "*"));
	assert_non_null(answer_header("Access-Control-Expose-Headers", "Link, Replay-Nonce, Location, Retry-After"));
}

static void faults_do_not_leak(void **state)
{
	(void) state;
	t.database_down = true;
	accounts_forget(t.alice.id);
	(void) post_as(&t.alice, object_path("order", t.order.id), "");
	assert_problem(503, "serverInternal");   /* */
	assert_null(strstr(t.body, "10.1.2.3")); /* */
	assert_non_null(answer_header("Retry-After", "5"));
	t.database_down = false;
	t.ra_problem = PROBLEM_DEADLINE; /* whoever hangs: what can be done is to come again */
	(void) post_as(&t.alice, NEW_ORDER, NAMES);
	assert_problem(503, "serverInternal");
	assert_non_null(answer_header("Retry-After", "5"));
	t.ra_problem = PROBLEM_RATE_LIMITED;
	(void) post_as(&t.alice, NEW_ORDER, NAMES);
	assert_problem(429, "rateLimited"); /* */
}

/* What the HTTP server refuses by itself may not even have a method. */
static void refusals_of_the_server_are_problems(void **state)
{
	(void) state;
	struct http_request r = { .method = NULL };
	ctx_init(&r.ctx);
	(void) FAIL(&r.ctx, TOO_LARGE, "The body is larger than 65536 octets");
	t.n_out = 0;
	front_refuse(&r, &t.front);
	ctx_done(&r.ctx);
	assert_problem(413, "malformed"); /* */
	assert_non_null(answer_header("Link", "rel=\"index\""));

	r = (struct http_request) { .method = "POST", .target = NEW_ORDER "?a", .path = NEW_ORDER };
	r.received_at = clock_now();
	ctx_init(&r.ctx);
	(void) FAIL(&r.ctx, HEADERS_TOO_LARGE, "There are more than 64 header fields");
	t.n_out = 0;
	front_refuse(&r, &t.front);
	ctx_done(&r.ctx);
	assert_problem(431, "malformed");
	assert_memory_equal(last_begin().url, NEW_ORDER "?a", sizeof(NEW_ORDER "?a") - 1); /* G-2 */
	assert_string_equal(last_begin().route, "new-order");
	assert_int_equal(last_end().status, 431);
}

/* ---- the record of each request ---- */

static void requests_are_recorded_whole(void **state)
{
	(void) state;
	const char *jws = jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES);
	header_in("User-Agent", "client/1.0");
	header_in("Accept-Language", "de");
	header_in("Cookie", "secret=12345");
	header_in("From", "a@b.com");
	header_in("user-agent", "client/2.0");
	header_in("DNT", "1");
	assert_int_equal(post(NEW_ORDER, jws), 201);
	struct record_begin begin = last_begin();
	struct record_end end = last_end();
	assert_string_equal(begin.method, "POST"); /* G-2 */
	assert_string_equal(begin.route, "new-order");
	assert_string_equal(begin.url, NEW_ORDER);
	assert_string_equal(begin.remote_address, "192.0.2.7");
	assert_int_equal(begin.remote_port, 40000);
	assert_string_equal(begin.user_agent, "client/1.0"); /* A-12, G-4 */
	assert_string_equal(begin.accept_language, "de");
	assert_string_equal(begin.headers,
	    "Cookie:(12 octets withheld)\nFrom:(7 octets withheld)\nuser-agent: client/2.0\nDNT: 1\n"
	    "Content-Type: application/jose+json"); /* G-5, G-6 */
	assert_true(begin.has_body && bytes_equal_text(begin.body, jws));
	assert_int_equal(begin.body_octets, strlen(jws));
	assert_true(id_equal(end.account_id, t.alice.id));
	assert_int_equal(end.status, 201);
	assert_null(end.problem);
	assert_true(end.has_reply && bytes_equal_text(end.reply, t.body));
	jws = jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), BASE NEW_ORDER), NAMES);
	assert_int_equal(post(NEW_ORDER, jws), 201); /* without a User-Agent as well */
	assert_null(last_begin().user_agent);
	(void) request("GET", NEW_ORDER, NULL);
	end = last_end();
	assert_int_equal(end.status, 405);
	assert_string_equal(end.problem, "METHOD_NOT_ALLOWED");
	assert_true(id_is_none(end.account_id));
}

/* F-45: what can't be recorded is not done. */
static void no_record_no_act(void **state)
{
	(void) state;
	spool_close(t.front.spool);
	const struct spool_options options = { t.dir, SPOOL_SEGMENT_OCTETS, 0 };
	assert_int_equal(spool_open(&t.c, &options, &t.front.spool), 0);
	assert_int_equal(post_as(&t.alice, NEW_ORDER, NAMES), 201); /* the first octets of an empty spool */
	const char *nonce = fresh_nonce();
	const char *jws = jws_of(&t.alice, header_kid(t.alice.kid, nonce, BASE NEW_ORDER), NAMES);
	(void) post(NEW_ORDER, jws);
	assert_problem(503, "serverInternal"); /* */
	assert_non_null(answer_header("Retry-After", ""));
	assert_null(t.called);
	/* Not even the nonce was spent. */
	assert_int_equal(nonce_redeem(t.front.nonces, bytes_of_text(nonce)), NONCE_GOOD);
}

#define CANARY "canary@recovery.test"

static bool holds(struct bytes in, const char *text)
{
	return in.p != NULL && memmem(in.p, in.n, text, strlen(text)) != NULL;
}

/* G-5: a recovery contact stands in no record, wherever a client puts it. */
static void contacts_are_never_recorded(void **state)
{
	(void) state;
	static const char *const payloads[] = {
		"{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:" CANARY "\"]}",
		"{\"termsOfServiceAgreed\":true,\"Contact\":[\"mailto:" CANARY "\"]}",
		"{\"termsOfServiceAgreed\":true,\"email\":\"" CANARY "\"}",
		"{\"status\":\"mailto:" CANARY "\"}",
		"{\"contact\":[\"tel:" CANARY "\"]}",
		"{\"contact\":[\"mailto:" CANARY "\"",
		"[\"mailto:" CANARY "\"]",
	};
	const char *account = t.alice.kid + strlen(BASE);
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		const char *jws[] = { jws_of(&t.bob, header_jwk(&t.bob, fresh_nonce(), BASE "/acme/new-account"), payloads[i]),
			jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), url_of(account)), payloads[i]) };
		const char *targets[] = { "/acme/new-account", account };
		for (size_t k = 0; k < COUNT_OF(jws); k++) {
			(void) post(targets[k], jws[k]);
			assert_null(strstr(t.body, "canary"));
			struct record_begin begin = last_begin();
			assert_false(begin.has_body);
			assert_int_equal(begin.body.n, 0);
			assert_int_equal(begin.body_octets, strlen(jws[k]));
			assert_false(holds(last_record(SPOOL_BEGIN), "canary"));
			assert_false(holds(last_record(SPOOL_END), "canary"));
		}
	}
	/* Nor when the body is no JWS at all. */
	(void) post("/acme/new-account", "{\"contact\":[\"mailto:" CANARY "\"]}");
	assert_false(last_begin().has_body);
	/* On another resource too. */
	(void) post_as(&t.alice, NEW_ORDER, payloads[0]);
	assert_false(last_begin().has_body);
	(void) post_as(&t.alice, NEW_ORDER, "{\"contacts\":[\"mailto:" CANARY "\"]}");
	assert_false(last_begin().has_body);
	/* What is known to hold none is kept. */
	(void) post_with_key(&t.bob, "/acme/new-account", "{\"termsOfServiceAgreed\":true,\"onlyReturnExisting\":false}");
	assert_true(last_begin().has_body);
	/* Nor in the header or in the key. */
	const char *key = t.bob.jwk.canonical;
	const char *headers[] = {
		arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\",\"url\":\"%s\",\"contact\":\"%s\"}",
		    key, fresh_nonce(), BASE "/acme/new-account", CANARY),
		arena_printf(t.c.arena, "{\"alg\":\"ES256\",\"jwk\":{\"kid\":\"%s\",%s,\"nonce\":\"%s\",\"url\":\"%s\"}",
		    CANARY, key + 1, fresh_nonce(), BASE "/acme/new-account"),
	};
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		assert_int_equal(post("/acme/new-account", jws_of(&t.bob, headers[i], "{\"termsOfServiceAgreed\":true}")), 201);
		assert_false(last_begin().has_body);
	}
}

/* G-5: in other members, at any depth; in what is no JWS, or has no object in it; beside the JWS. */
static void contacts_elsewhere_are_not_recorded(void **state)
{
	(void) state;
	const char *account = t.alice.kid + strlen(BASE);
	static const char *const elsewhere[] = { "{\"recoveryContacts\":[\"" CANARY "\"]}",
		"{\"recovery\":{\"contacts\":[\"" CANARY "\"]}}", "{\"recovery\":[{\"email\":\"MAILTO:" CANARY "\"}]}",
		("\"mailto:" CANARY "\""), ("[\"" CANARY "\"]"), "contact=" CANARY };
	for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
		(void) post_as(&t.alice, NEW_ORDER, elsewhere[i]);
		assert_false(last_begin().has_body);
		(void) post(NEW_ORDER, elsewhere[i]);
		assert_false(last_begin().has_body);
	}
	const char *sound = jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), url_of(NEW_ORDER)), "{}");
	const char *beside[] = { "contacts\":[\"" CANARY "\"", "header\":{\"contact\":\"" CANARY "\"}",
		"x\":\"mailto:" CANARY "\"" };
	for (size_t i = 0; i < COUNT_OF(beside); i++) {
		const char *targets[] = { NEW_ORDER, account };
		for (size_t k = 0; k < COUNT_OF(targets); k++) {
			(void) post(targets[k], arena_printf(t.c.arena, "{\"%s%s,%s", beside[i], i == 0 ? "]" : "", sound + 1));
			assert_false(last_begin().has_body);
		}
	}
	(void) post(NEW_ORDER, arena_printf(t.c.arena, "{\"remark\":\"none\",%s", sound + 1));
	assert_true(last_begin().has_body);
}

/* G-5: nor in the URL, of which the digest is recorded instead. */
static void contacts_in_urls_are_not_recorded(void **state)
{
	(void) state;
	static const char *const targets[] = { NEW_ORDER "?contact=mailto:" CANARY, NEW_ORDER "?Contact=49301234567",
		NEW_ORDER "?x=canary%40recovery.test", "/acme/recovery-contacts/mailto:" CANARY,
		"/acme/recovery-contacts/49301234567", "/directory?contact=" CANARY };
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		(void) request("GET", targets[i], NULL);
		assert_null(strstr(last_begin().url, "canary"));
		assert_null(strstr(last_begin().url, "4930"));
		assert_non_null(strstr(last_begin().url, "[sha256 "));
		(void) post(targets[i], jws_of(&t.alice, header_kid(t.alice.kid, fresh_nonce(), url_of(targets[i])), "{}"));
		assert_false(last_begin().has_body);
		assert_null(strstr(last_begin().url, "canary"));
	}
	(void) request("GET", NEW_ORDER "?contact=" CANARY, NULL);
	assert_int_equal(strncmp(last_begin().url, NEW_ORDER "[sha256 ", strlen(NEW_ORDER "[sha256 ")), 0);
	static const char *const kept[] = { NEW_ORDER "?cursor=abc", "/acme/nothing?a=b" };
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		(void) request("GET", kept[i], NULL);
		assert_string_equal(last_begin().url, kept[i]);
	}
}

/* The client's own line comes first, the proxy's behind it: as HAProxy sends them. */
static void a_proxy_may_add_a_line(void **state)
{
	(void) state;
	const char *networks[] = { "192.0.2.0/29" };
	t.config.wfe.trusted_proxies = (struct text_list) { networks, 1 };
	header_in("X-Forwarded-For", "10.66.66.66");
	header_in("X-Forwarded-For", "198.51.100.9");
	(void) request("GET", "/directory", NULL);
	assert_string_equal(last_begin().remote_address, "198.51.100.9"); /* G-2, A-33 */
}

static void pages_leave_no_record(void **state)
{
	(void) state;
	(void) request("GET", "/directory", NULL);
	struct bytes before = last_record(SPOOL_BEGIN);
	static const char *const paths[] = { "/", "/favicon.ico", "/robots.txt" };
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		(void) request("GET", paths[i], NULL);
		assert_true(bytes_equal(last_record(SPOOL_BEGIN), before)); /* G-61 */
	}
	assert_problem(404, "malformed");
}

static void proxies_must_be_trusted(void **state)
{
	(void) state;
	const char *networks[] = { "192.0.2.0/29", "2001:db8::/32" };
	const struct text_list trusted = { networks, COUNT_OF(networks) };
	const struct text_list nobody = { 0 };
	const struct remote peer = { "192.0.2.7", 1234 };
	static const struct {
		const char *forwarded;
		const char *address;
	} cases[] = {
		{ NULL, "192.0.2.7" },
		{ "198.51.100.9", "198.51.100.9" },
		{ "10.0.0.1, 198.51.100.9", "198.51.100.9" }, /* what the client wrote itself is in front */
		{ "198.51.100.9, 192.0.2.1", "198.51.100.9" },
		{ "198.51.100.9 ,2001:DB8:0::1", "198.51.100.9" },
		{ "192.0.2.8", "192.0.2.8" },
		{ "unknown", "192.0.2.7" },
		{ "198.51.100.9, , 192.0.2.1", "192.0.2.1" },
		{ "", "192.0.2.7" },
		{ "192.0.2.1, 192.0.2.2", "192.0.2.1" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(remote_find(t.c.arena, peer, cases[i].forwarded, &trusted).address, cases[i].address);
		assert_string_equal(remote_find(t.c.arena, peer, cases[i].forwarded, &nobody).address, "192.0.2.7"); /* */
	}
	assert_int_equal(remote_find(t.c.arena, peer, "198.51.100.9", &trusted).port, 0);
	assert_int_equal(remote_find(t.c.arena, peer, "198.51.100.9", &nobody).port, 1234);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_directory_names_all_resources),
		CASE(nonces_are_handed_out),
		CASE(wrong_methods_are_named),
		CASE(other_paths_are_nothing),
		CASE(the_content_type_must_fit),
		CASE(a_nonce_works_once),
		CASE(a_nonce_is_spent_once_seen),
		CASE(a_share_of_nonces_can_be_refused),
		CASE(the_url_must_be_ours),
		CASE(the_kid_must_be_an_account_url),
		CASE(each_resource_has_its_kind_of_key),
		CASE(a_wrong_signature_does_nothing),
		CASE(unsupported_algorithms_are_told),
		CASE(accounts_that_end_amid_a_question),
		CASE(dead_accounts_stay_dead),
		CASE(payloads_must_fit),
		CASE(bodies_that_are_no_jws),
		CASE(browsers_may_ask),
		CASE(faults_do_not_leak),
		CASE(refusals_of_the_server_are_problems),
		CASE(requests_are_recorded_whole),
		CASE(no_record_no_act),
		CASE(contacts_are_never_recorded),
		CASE(contacts_elsewhere_are_not_recorded),
		CASE(contacts_in_urls_are_not_recorded),
		CASE(a_proxy_may_add_a_line),
		CASE(pages_leave_no_record),
		CASE(proxies_must_be_trusted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
