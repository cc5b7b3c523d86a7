/* link: wfe */
/* Accounts, orders, authorizations, challenges and revocation as clients see them: RFC 8555 7 (A-49 to A-129). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wfe_fake.h"
#include "wfe/contact.h"
#include "wfe/objects.h"

#define NEW_ACCOUNT "/acme/new-account"
#define NEW_ORDER "/acme/new-order"
#define EXPIRES INT64_C(1795248550)
#define EXPIRES_TEXT "2026-11-21T08:09:10Z"

static const char *alice_path(const char *behind)
{
	return arena_printf(t.c.arena, "%s%s", t.alice.kid + strlen(BASE), behind);
}

static const char *text_of(struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_text(t.c.arena, text);
}

/* ---- accounts ---- */

static void a_new_account(void **state)
{
	(void) state;
	assert_int_equal(post_with_key(&t.bob, NEW_ACCOUNT,
	                     "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:b@b.test\"],\"status\":\"revoked\","
	                     "\"orders\":\"x\",\"strange\":1}"),
	    201); /* A-49 */
	assert_non_null(answer_header("Location", t.bob.kid));
	assert_string_equal(t.body,
	    arena_printf(t.c.arena,
	        "{\"status\":\"valid\",\"termsOfServiceAgreed\":true,\"orders\":\"%s/orders\",\"subjectData\":\"%s/data\"}",
	        t.bob.kid, t.bob.kid)); /* A-50, A-53 */
	assert_string_equal(t.called, "new_account");
	assert_string_equal(t.new_account.key, t.bob.jwk.canonical);
	assert_int_equal(t.recovery_calls, 0); /* A-58: dropped */
	assert_true(t.new_account.terms_agreed);
}

static void a_known_key_gets_its_account(void **state)
{
	(void) state;
	static const char *const payloads[] = { "{}", "{\"onlyReturnExisting\":true}", "{\"contact\":[\"tel:1\"]}",
		"{\"termsOfServiceAgreed\":false}" };
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		assert_int_equal(post_with_key(&t.alice, NEW_ACCOUNT, payloads[i]), 200); /* A-51, A-52 */
		assert_string_equal(answer_header("Location", ""), t.alice.kid);
		assert_null(t.called); /* nothing was changed */
	}
}

static void new_accounts_are_refused(void **state)
{
	(void) state;
	(void) post_with_key(&t.bob, NEW_ACCOUNT, "{\"onlyReturnExisting\":true,\"termsOfServiceAgreed\":true}");
	assert_problem(400, "accountDoesNotExist"); /* A-52 */
	(void) post_with_key(&t.bob, NEW_ACCOUNT, "{}");
	assert_problem(403, "userActionRequired"); /* A-54 */
	assert_non_null(answer_header("Link", "<" TERMS ">;rel=\"terms-of-service\""));
	assert_non_null(strstr(t.body, "\"instance\":\"" TERMS "\"")); /* A-55 */
	(void) post_with_key(&t.bob, NEW_ACCOUNT, "{\"termsOfServiceAgreed\":false}");
	assert_problem(403, "userActionRequired");
	(void) post_with_key(&t.bob, NEW_ACCOUNT, "{\"termsOfServiceAgreed\":\"true\"}");
	assert_problem(400, "malformed");
	t.config.acme.eab_required = true;
	(void) post_with_key(&t.bob, NEW_ACCOUNT, "{\"termsOfServiceAgreed\":true}");
	assert_problem(403, "externalAccountRequired"); /* A-64 */
	assert_null(t.called);
}

/* What is reflected is what was verified, not what a request says (A-66); the RA judges it (A-65). */
static void bindings_are_handed_on(void **state)
{
	(void) state;
	static const char payload[] = "{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":{\"payload\":\"AA\"}}";
	t.config.acme.eab_required = true;
	assert_int_equal(post_with_key(&t.bob, NEW_ACCOUNT, payload), 201);
	assert_string_equal(t.called, "new_account");
	assert_string_equal(json_string_value(json_object_get(t.new_account.external_account_binding, "payload")), "AA");
	assert_null(strstr(t.body, "externalAccountBinding"));
	t.binding = arena_json(t.c.arena, json_pack("{ss}", "payload", "verified"));
	assert_int_equal(post_with_key(&t.bob, NEW_ACCOUNT, payload), 201);
	assert_non_null(strstr(t.body, "\"externalAccountBinding\":{\"payload\":\"verified\"}"));
	assert_int_equal(post_as(&t.alice, t.alice.kid + strlen(BASE), payload), 200); /* A-56 */
	assert_non_null(strstr(t.body, "\"externalAccountBinding\":{\"payload\":\"verified\"}"));
	t.ra_problem = PROBLEM_UNAUTHORIZED;
	(void) post_with_key(&t.bob, NEW_ACCOUNT, payload);
	assert_problem(403, "unauthorized");
}

static void weak_account_keys_are_refused(void **state)
{
	(void) state;
	/* The point is not on the curve. */
	const char *header = arena_printf(t.c.arena,
	    "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"},\"nonce\":\"%s\","
	    "\"url\":\"%s\"}",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", fresh_nonce(),
	    BASE NEW_ACCOUNT);
	(void) post(NEW_ACCOUNT, jws_of(&t.bob, header, "{\"termsOfServiceAgreed\":true}"));
	assert_problem(400, "badPublicKey"); /* A-24 */
	assert_null(t.called);
}

static void contacts_have_a_form(void **state)
{
	(void) state;
	static const struct {
		const char *contact;
		const char *problem; /* NULL: fine */
	} cases[] = {
		{ "mailto:a@b.test", NULL },
		{ "MAILTO:a+b@b.test", NULL },
		{ "tel:+4912345", "unsupportedContact" },
		{ "https://b.test", "unsupportedContact" },
		{ "a@b.test", "unsupportedContact" },
		{ "", "unsupportedContact" },
		{ "mailto:", "invalidContact" },
		{ "mailto:a", "invalidContact" },
		{ "mailto:@b.test", "invalidContact" },
		{ "mailto:a@", "invalidContact" },
		{ "mailto:a@b@c", "invalidContact" },
		{ "mailto:a@b.test,c@d.test", "invalidContact" },
		{ "mailto:a@b.test?subject=x", "invalidContact" },
		{ "mailto:a b@c.test", "invalidContact" },
		{ "mailto:a%2Bb@c.test", NULL },
		{ "mailto:a%0D%0Ab@c.test", "invalidContact" },
		{ "mailto:a@b.test%2Cc@d.test", "invalidContact" },
		{ "mailto:a%2cb@c.test", "invalidContact" },
		{ "mailto:a%00@c.test", "invalidContact" },
		{ "mailto:a%@c.test", "invalidContact" },
		{ "mailto:a%2", "invalidContact" },
		{ "mailto:<a@c.test>", "invalidContact" },
		{ "mailto:a@c.test#x", "invalidContact" },
		{ "mailto:a@b.test\\n", "invalidContact" },
		{ "mailto:\xc3\xa4@b.test", "invalidContact" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *payload = arena_printf(
		    t.c.arena, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:x@y.test\",\"%s\"]}", cases[i].contact);
		(void) post_with_key(&t.bob, NEW_ACCOUNT, payload);
		if (cases[i].problem == NULL) {
			assert_int_equal(t.status, 201);
		} else {
			assert_problem(400, cases[i].problem); /* A-57 */
			assert_null(strstr(t.body, "b.test")); /* G-5 */
			assert_null(t.called);
		}
	}
	const char *many[CONTACTS_MAX + 1];
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = "mailto:a@b.test";
	}
	struct ctx c = { .arena = t.c.arena };
	assert_int_equal(contacts_check(&c, &(struct text_list) { many, CONTACTS_MAX }), 0);
	assert_int_equal(contacts_check(&c, &(struct text_list) { many, CONTACTS_MAX + 1 }), -1);
	assert_int_equal(contacts_check(&(struct ctx) { .arena = t.c.arena }, &(struct text_list) { 0 }), 0);
}

static void the_account_object(void **state)
{
	(void) state;
	static const char *const unchanged[] = { "", "{}", "{\"contact\":[]}", "{\"status\":\"valid\"}",
		"{\"contact\":[\"mailto:ana@example.com\"]}",
		"{\"contact\":[\"mailto:ana@example.com\",\"mailto:ben@example.net\"],\"status\":\"valid\"}", /* A-57, A-58 */
		"{\"termsOfServiceAgreed\":false,\"orders\":\"x\"}" };
	for (size_t i = 0; i < COUNT_OF(unchanged); i++) {
		assert_int_equal(post_as(&t.alice, alice_path(""), unchanged[i]), 200); /* A-56, A-59 */
		assert_string_equal(t.body, arena_printf(t.c.arena,
		                                "{\"status\":\"valid\",\"termsOfServiceAgreed\":true,\"orders\":\"%s/"
		                                "orders\",\"subjectData\":\"%s/data\"}",
		                                t.alice.kid, t.alice.kid));
		assert_null(t.called);
	}
	(void) post_as(&t.alice, alice_path(""), "{\"status\":\"revoked\"}");
	assert_problem(400, "malformed"); /* A-56 */
	(void) post_as(&t.alice, alice_path(""), "{\"contact\":[\"tel:1\"]}");
	assert_problem(400, "unsupportedContact");
	t.bob.status = "valid";
	(void) post_as(&t.alice, t.bob.kid + strlen(BASE), "");
	assert_problem(403, "unauthorized"); /* A-31, A-59 */
	(void) post_as(&t.alice, t.bob.kid + strlen(BASE), "{\"status\":\"deactivated\"}");
	assert_problem(403, "unauthorized");
	(void) post_as(&t.alice, object_path("account", id_new()), "");
	assert_problem(404, "malformed");
	assert_null(t.called);
}

static void deactivation_takes_effect_at_once(void **state)
{
	(void) state;
	assert_int_equal(post_as(&t.alice, alice_path(""), "{\"status\":\"deactivated\"}"), 200); /* A-60 */
	assert_string_equal(t.called, "update_account");
	assert_non_null(strstr(t.body, "\"status\":\"deactivated\""));
	(void) post_as(&t.alice, alice_path(""), "");
	assert_problem(401, "unauthorized");
}

static void orders_come_in_pages(void **state)
{
	(void) state;
	size_t seen = 0;
	size_t pages = 0;
	const char *target = alice_path("/orders");
	t.n_orders = 250;
	while (target != NULL) {
		assert_int_equal(post_as(&t.alice, target, ""), 200); /* A-83 */
		for (const char *at = strstr(t.body, "/acme/order/"); at != NULL; at = strstr(at + 1, "/acme/order/")) {
			seen++;
		}
		const char *next = answer_header("Link", "rel=\"next\"");
		target = next == NULL ? NULL
		                      : arena_text_n(t.c.arena, next + 1 + strlen(BASE), strcspn(next + 1, ">") - strlen(BASE));
		pages++;
	}
	assert_int_equal(seen, 225);
	assert_int_equal(pages, 3);
	t.n_orders = 0;
	assert_int_equal(post_as(&t.alice, alice_path("/orders"), ""), 200);
	assert_string_equal(t.body, "{\"orders\":[]}");
	(void) post_as(&t.alice, alice_path("/orders?cursor=x"), "");
	assert_problem(404, "malformed");
	t.bob.status = "valid";
	(void) post_as(&t.bob, alice_path("/orders"), "");
	assert_problem(403, "unauthorized"); /* A-31 */
}

/* ---- orders ---- */

static struct identifier names[] = { { "dns", "a.test" }, { "dns", "*.a.test" } };
static struct id authz_ids[2];

static void make_order(const char *status)
{
	authz_ids[0] = id_new();
	authz_ids[1] = id_new();
	t.order = (struct order) {
		.id = id_new(),
		.account_id = t.alice.id,
		.status = status,
		.identifiers = { names, 2 },
		.authorizations = { authz_ids, 2 },
		.expires_at = { EXPIRES * 1000000 + 350268 },
		.profile = "classic",
		.certificate_id = strcmp(status, "valid") == 0 ? id_new() : (struct id) { { 0 } },
	};
}

static const char *order_text(const char *status, const char *certificate, const char *error)
{
	return arena_printf(t.c.arena,
	    "{\"status\":\"%s\",\"expires\":\"" EXPIRES_TEXT
	    "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"},{\"type\":\"dns\",\"value\":\"*.a.test\"}],"
	    "\"profile\":\"classic\",\"authorizations\":[\"" BASE "/acme/authz/%s\",\"" BASE "/acme/authz/%s\"],"
	    "\"finalize\":\"" BASE "/acme/order/%s/finalize\"%s%s}",
	    status, text_of(authz_ids[0]), text_of(authz_ids[1]), text_of(t.order.id), certificate, error);
}

static void the_order_object(void **state)
{
	(void) state;
	static const char *const states[] = { "pending", "ready", "processing" };
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		make_order(states[i]);
		assert_int_equal(post_as(&t.alice, object_path("order", t.order.id), ""), 200);
		assert_string_equal(t.body, order_text(states[i], "", ""));          /* A-73 */
		assert_int_equal(answer_header("Retry-After", "1") != NULL, i == 2); /* A-87 */
	}
	make_order("valid");
	assert_int_equal(post_as(&t.alice, object_path("order", t.order.id), ""), 200);
	const char *certificate =
	    arena_printf(t.c.arena, ",\"certificate\":\"" BASE "/acme/cert/%s\"", text_of(t.order.certificate_id));
	assert_string_equal(t.body, order_text("valid", certificate, ""));
	make_order("invalid");
	t.order.error = (struct problem_record) { .type = "CAA", .detail = "no" };
	assert_int_equal(post_as(&t.alice, object_path("order", t.order.id), ""), 200);
	assert_string_equal(t.body,
	    order_text("invalid", "",
	        ",\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"no\",\"status\":403}")); /* A-82 */
}

static void orders_have_one_owner(void **state)
{
	(void) state;
	t.bob.status = "valid";
	make_order("pending");
	(void) post_as(&t.bob, object_path("order", t.order.id), "");
	assert_problem(403, "unauthorized"); /* A-31 */
	assert_null(strstr(t.body, "a.test"));
	(void) post_as(&t.alice, object_path("order", id_new()), "");
	assert_problem(404, "malformed");
}

static void a_new_order(void **state)
{
	(void) state;
	make_order("pending");
	assert_int_equal(
	    post_as(&t.alice, NEW_ORDER,
	        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"A.test\"}],\"notBefore\":\"2026-11-21T09:09:10+01:00\","
	        "\"profile\":\"classic\",\"replaces\":\"x.y\",\"strange\":{}}"),
	    201); /* A-73 */
	assert_string_equal(answer_header("Location", ""), url_of(object_path("order", t.order.id)));
	assert_true(id_equal(t.new_order.account_id, t.alice.id));
	assert_memory_equal(t.new_order.thumbprint.p, t.alice.jwk.thumbprint, SHA256_SIZE);
	assert_int_equal(t.new_order.not_before.us, EXPIRES * 1000000); /* A-78 */
	assert_int_equal(t.new_order.not_after.us, 0);
	assert_string_equal(t.new_order.remote_address, "192.0.2.7");
	static const char *const bad[] = { "{}", "{\"identifiers\":[]}", "{\"identifiers\":\"a.test\"}",
		"{\"identifiers\":[\"a.test\"]}", "{\"identifiers\":[{\"type\":\"dns\",\"value\":1}]}",
		"{\"identifiers\":[{\"type\":\"dns\"}]}", "{\"Identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]}",
		"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],\"notAfter\":\"tomorrow\"}" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void) post_as(&t.alice, NEW_ORDER, bad[i]);
		assert_problem(400, "malformed"); /* A-74 */
		assert_null(t.called);
	}
}

static void finalize_hands_the_csr_on(void **state)
{
	(void) state;
	make_order("processing");
	const char *target = arena_printf(t.c.arena, "%s/finalize", object_path("order", t.order.id));
	assert_int_equal(post_as(&t.alice, target, "{\"csr\":\"AQID\"}"), 200); /* A-118 */
	assert_true(id_equal(t.finalize.order_id, t.order.id));
	assert_memory_equal(t.finalize.csr.p, "\1\2\3", 3);
	assert_non_null(answer_header("Location", object_path("order", t.order.id))); /* A-87 */
	assert_non_null(answer_header("Retry-After", "1"));
	static const char *const bad[] = { "{}", "{\"csr\":\"AQID=\"}", "{\"csr\":1}", "{\"csr\":\"-----BEGIN\\n\"}" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void) post_as(&t.alice, target, bad[i]);
		assert_problem(400, "malformed"); /* A-11, A-112 */
		assert_null(t.called);
	}
	t.ra_problem = PROBLEM_ORDER_NOT_READY;
	(void) post_as(&t.alice, target, "{\"csr\":\"AQID\"}");
	assert_problem(403, "orderNotReady"); /* A-113 */
}

/* ---- authorizations and challenges ---- */

static struct challenge challenges[2];

static void make_authz(const char *status, const char *challenge_status)
{
	struct id id = challenge_id(id_new(), 0);
	challenges[0] =
	    (struct challenge) { .id = challenge_id(id, 1), .type = "http-01", .status = challenge_status, .token = "tok" };
	challenges[1] =
	    (struct challenge) { .id = challenge_id(id, 2), .type = "dns-01", .status = "pending", .token = "tik" };
	t.authz = (struct authorization) { .id = id,
		.account_id = t.alice.id,
		.identifier = { "dns", "a.test" },
		.status = status,
		.expires_at = { EXPIRES * 1000000 + 350268 },
		.challenges = { challenges, 1 } };
}

static const char *challenge_text(const char *status, const char *behind)
{
	return arena_printf(t.c.arena,
	    "{\"type\":\"http-01\",\"url\":\"" BASE "/acme/challenge/%s\",\"status\":\"%s\",\"token\":\"tok\"%s}",
	    text_of(challenges[0].id), status, behind);
}

static void the_authorization_object(void **state)
{
	(void) state;
	make_authz("pending", "pending");
	assert_int_equal(post_as(&t.alice, object_path("authz", t.authz.id), ""), 200);
	assert_string_equal(t.body,
	    arena_printf(t.c.arena,
	        "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},\"status\":\"pending\",\"expires\":\"" EXPIRES_TEXT
	        "\",\"challenges\":[%s]}",
	        challenge_text("pending", ""))); /* A-88, A-89 */
	assert_null(answer_header("Retry-After", ""));
	t.authz.wildcard = true;
	(void) post_as(&t.alice, object_path("authz", t.authz.id), "");
	assert_non_null(strstr(t.body, "\"wildcard\":true")); /* A-89 */
	make_authz("pending", "processing");
	(void) post_as(&t.alice, object_path("authz", t.authz.id), "");
	assert_non_null(answer_header("Retry-After", "1")); /* A-102 */
	t.bob.status = "valid";
	(void) post_as(&t.bob, object_path("authz", t.authz.id), "");
	assert_problem(403, "unauthorized"); /* A-31 */
	(void) post_as(&t.alice, object_path("authz", id_new()), "");
	assert_problem(404, "malformed");
}

static void a_name_is_authorized_beforehand(void **state)
{
	(void) state;
	static const char payload[] = "{\"identifier\":{\"type\":\"dns\",\"value\":\"A.test\"}}";
	make_authz("pending", "pending");
	(void) post_as(&t.alice, "/acme/new-authz", payload);
	assert_problem(404, "malformed"); /* A-5 */
	assert_null(t.called);
	t.config.acme.pre_authorization = true;
	assert_int_equal(post_as(&t.alice, "/acme/new-authz", payload), 201); /* A-95 */
	assert_string_equal(answer_header("Location", ""), url_of(object_path("authz", t.authz.id)));
	assert_non_null(strstr(t.body, "\"status\":\"pending\""));
	assert_string_equal(t.new_authz.identifier.value, "A.test");
	assert_true(id_equal(t.new_authz.account_id, t.alice.id));
	static const char *const bad[] = { "{}", "{\"identifier\":\"a.test\"}", "{\"identifier\":{\"type\":\"dns\"}}",
		"{\"identifier\":{\"type\":\"dns\",\"value\":1}}" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void) post_as(&t.alice, "/acme/new-authz", bad[i]);
		assert_problem(400, "malformed");
		assert_null(t.called);
	}
	static const struct {
		enum problem told;
		unsigned status;
		const char *type;
	} refused[] = { { PROBLEM_REJECTED_IDENTIFIER, 403, "rejectedIdentifier" }, /* A-95 */
		{ PROBLEM_UNSUPPORTED_IDENTIFIER, 403, "unsupportedIdentifier" }, { PROBLEM_MALFORMED, 400, "malformed" } };
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		t.ra_problem = refused[i].told;
		(void) post_as(&t.alice, "/acme/new-authz", payload);
		assert_problem(refused[i].status, refused[i].type);
	}
	assert_int_equal(request("GET", "/directory", NULL), 200);
	assert_non_null(strstr(t.body, "\"newAuthz\":\"" BASE "/acme/new-authz\"")); /* A-5 */
}

static void an_authorization_is_given_up(void **state)
{
	(void) state;
	make_authz("pending", "pending");
	assert_int_equal(
	    post_as(&t.alice, object_path("authz", t.authz.id), "{\"status\":\"deactivated\"}"), 200); /* A-94 */
	assert_string_equal(t.called, "deactivate_authorization");
	assert_non_null(strstr(t.body, "\"status\":\"deactivated\""));
	static const char *const bad[] = { "{\"status\":\"valid\"}", "{\"status\":1}", "{}" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void) post_as(&t.alice, object_path("authz", t.authz.id), bad[i]);
		assert_problem(400, "malformed");
		assert_null(t.called);
	}
}

static void a_challenge_is_read_or_started(void **state)
{
	(void) state;
	make_authz("pending", "pending");
	const char *path = object_path("challenge", challenges[0].id);
	assert_int_equal(post_as(&t.alice, path, ""), 200);
	assert_null(t.called); /* A-98 */
	assert_string_equal(t.body, challenge_text("pending", ""));
	assert_non_null(answer_header(
	    "Link", arena_printf(t.c.arena, "<" BASE "%s>;rel=\"up\"", object_path("authz", t.authz.id)))); /* A-96 */
	static const char *const starts[] = { "{}", "{\"x\":1}", "{\"keyAuthorization\":\"old\"}" };
	challenges[0].status = "processing";
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		assert_int_equal(post_as(&t.alice, path, starts[i]), 200);
		assert_string_equal(t.called, "start_challenge"); /* A-98 */
		assert_int_equal(t.start_challenge.hold_ms, 2000);
		assert_non_null(answer_header("Retry-After", "1")); /* A-101 */
	}
	challenges[0].status = "valid";
	challenges[0].validated_at = (struct timestamp) { EXPIRES * 1000000 };
	assert_int_equal(post_as(&t.alice, path, "{}"), 200);
	assert_string_equal(t.body, challenge_text("valid", ",\"validated\":\"" EXPIRES_TEXT "\"")); /* A-96 */
	assert_null(answer_header("Retry-After", ""));
	challenges[0] = (struct challenge) { challenges[0].id, "http-01", "invalid", "tok", { 0 },
		{ .type = "DNS", .detail = "no such name" } };
	assert_int_equal(post_as(&t.alice, path, ""), 200);
	assert_string_equal(t.body,
	    challenge_text("invalid",
	        ",\"error\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"no such name\",\"status\":400}"));
	t.bob.status = "valid";
	(void) post_as(&t.bob, path, "");
	assert_problem(403, "unauthorized");
	(void) post_as(&t.alice, object_path("challenge", id_new()), "");
	assert_problem(404, "malformed");
}

/* B-28 */
static void a_standing_challenge_names_the_account(void **state)
{
	(void) state;
	static const char *issuers[] = { "ca.test", "second.test" };
	make_authz("pending", "pending");
	challenges[0].type = "dns-persist-01";
	challenges[0].token = NO_TOKEN;
	t.config.acme.caa_identities = (struct text_list) { issuers, 2 };
	assert_int_equal(post_as(&t.alice, object_path("challenge", challenges[0].id), ""), 200);
	assert_string_equal(
	    t.body, arena_printf(t.c.arena,
	                "{\"type\":\"dns-persist-01\",\"url\":\"" BASE "/acme/challenge/%s\",\"status\":\"pending\","
	                "\"accounturi\":\"%s\",\"issuer-domain-names\":[\"ca.test\",\"second.test\"]}",
	                text_of(challenges[0].id), t.alice.kid));
}

/* B-37: raw octets in base64 with padding, and no token. */
static void a_challenge_of_an_onion_service_has_a_nonce(void **state)
{
	(void) state;
	make_authz("pending", "pending");
	challenges[0].type = "onion-csr-01";
	challenges[0].token = "__79AAECAwQFBg";
	assert_int_equal(post_as(&t.alice, object_path("challenge", challenges[0].id), ""), 200);
	assert_string_equal(t.body, arena_printf(t.c.arena,
	                                "{\"type\":\"onion-csr-01\",\"url\":\"" BASE
	                                "/acme/challenge/%s\",\"status\":\"pending\",\"nonce\":\"//79AAECAwQFBg==\"}",
	                                text_of(challenges[0].id)));
	assert_int_equal(post_as(&t.alice, object_path("challenge", challenges[0].id), "{\"csr\":\"QUJD\"}"), 200);
	assert_true(bytes_equal_text(t.start_challenge.response, "ABC"));
	assert_int_equal(post_as(&t.alice, object_path("challenge", challenges[0].id), "{\"csr\":\"Q*\"}"), 400);
	assert_problem(400, "malformed");
}

static void answers_are_held_for_some_only(void **state)
{
	(void) state;
	make_authz("pending", "processing");
	t.config.wfe.process.workers = 1; /* half of it is none */
	assert_int_equal(post_as(&t.alice, object_path("challenge", challenges[0].id), "{}"), 200);
	assert_int_equal(t.start_challenge.hold_ms, 0);
}

/* ---- revocation ---- */

static void revocation_by_account_or_key(void **state)
{
	(void) state;
	assert_int_equal(
	    post_as(&t.alice, "/acme/revoke-cert", "{\"certificate\":\"AQID\",\"reason\":4}"), 200); /* A-124 */
	assert_string_equal(t.body, "");
	assert_memory_equal(t.revoke.certificate.p, "\1\2\3", 3);
	assert_true(t.revoke.has_reason && t.revoke.reason == 4);
	assert_true(id_equal(t.revoke.account_id, t.alice.id));
	assert_null(t.revoke.certificate_key);
	assert_int_equal(post_with_key(&t.bob, "/acme/revoke-cert", "{\"certificate\":\"AQID\"}"), 200); /* A-126 */
	assert_string_equal(t.revoke.certificate_key, t.bob.jwk.canonical);
	assert_true(id_is_none(t.revoke.account_id));
	assert_false(t.revoke.has_reason);
	assert_int_equal(post_as(&t.alice, "/acme/revoke-cert", "{\"certificate\":\"AQID\",\"reason\":null}"), 200);
	assert_false(t.revoke.has_reason);
	static const char *const bad[] = { "\"1\"", "1.0", "true", "[1]" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		(void) post_as(
		    &t.alice, "/acme/revoke-cert", arena_printf(t.c.arena, "{\"certificate\":\"AQID\",\"reason\":%s}", bad[i]));
		assert_problem(400, "badRevocationReason"); /* A-129 */
		assert_null(t.called);
	}
	(void) post_as(&t.alice, "/acme/revoke-cert", "{\"Certificate\":\"AQID\"}");
	assert_problem(400, "malformed");
	(void) post_as(&t.alice, "/acme/revoke-cert", "{\"certificate\":\"AQID==\"}");
	assert_problem(400, "malformed"); /* A-11 */
	t.ra_problem = PROBLEM_ALREADY_REVOKED;
	(void) post_as(&t.alice, "/acme/revoke-cert", "{\"certificate\":\"AQID\"}");
	assert_problem(400, "alreadyRevoked"); /* A-128 */
}

static void subproblems_name_their_identifiers(void **state)
{
	(void) state;
	struct ctx c = { .arena = t.c.arena };
	(void) FAIL(&c, REJECTED_IDENTIFIER, "Some names are refused");
	ctx_subproblem(&c, PROBLEM_REJECTED_IDENTIFIER, "dns", "a.test", "blocked");
	ctx_subproblem(&c, PROBLEM_CONNECTION, NULL, NULL, "one attempt");
	struct acme_problem problem = object_of_error(t.c.arena, &c.err);
	assert_true(bytes_equal_text(fields_to_json(t.c.arena, &acme_problem_fields, &problem),
	    "{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":\"Some names are "
	    "refused\",\"status\":400,"
	    "\"subproblems\":[{\"type\":\"urn:ietf:params:acme:error:rejectedIdentifier\",\"detail\":\"blocked\","
	    "\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}},"
	    "{\"type\":\"urn:ietf:params:acme:error:connection\",\"detail\":\"one attempt\"}]}")); /* A-44 */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_account),
		CASE(a_known_key_gets_its_account),
		CASE(new_accounts_are_refused),
		CASE(bindings_are_handed_on),
		CASE(weak_account_keys_are_refused),
		CASE(contacts_have_a_form),
		CASE(the_account_object),
		CASE(deactivation_takes_effect_at_once),
		CASE(orders_come_in_pages),
		CASE(the_order_object),
		CASE(orders_have_one_owner),
		CASE(a_new_order),
		CASE(finalize_hands_the_csr_on),
		CASE(the_authorization_object),
		CASE(a_name_is_authorized_beforehand),
		CASE(an_authorization_is_given_up),
		CASE(a_challenge_is_read_or_started),
		CASE(a_standing_challenge_names_the_account),
		CASE(a_challenge_of_an_onion_service_has_a_nonce),
		CASE(answers_are_held_for_some_only),
		CASE(revocation_by_account_or_key),
		CASE(subproblems_name_their_identifiers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
