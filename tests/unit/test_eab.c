/* link: ra cli */
/* External account keys on a real database: their life, and newAccount with a binding., F-48. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>

#include <cmocka.h>

#include "cli/eab.h"
#include "cli/eab_keys.h"
#include "lib/base/base64.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"

#define URL "https://localhost:14000/acme/new-account"
#define THREADS 8

static struct config_profile profile = { .name = "classic", .max_names = 3 };
static struct config test_config = {
	.acme = { .external_url = "https://localhost:14000" },
	.policy = { .mode = "private", .profiles = { &profile, 1 } },
};
static struct ra test_ra = { .config = &test_config, .instance = "cairn-ra@test" };

#include "tests/unit/operator_world.h"

static void become_operator(void)
{
	become_operator_of(eab_statements, eab_statements_n);
}

/* One account key that asks, and what it asks with. */
struct applicant {
	struct ctx c;
	struct jwk jwk;
	struct new_account_response response;
};

static void applicant_init(struct applicant *p)
{
	EVP_PKEY *key = NULL;
	ctx_init(&p->c);
	assert_int_equal(key_generate(&p->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&p->c, key, &p->jwk), 0);
}

/* A binding in which each part can be broken. */
struct parts {
	const char *alg;
	const char *kid;
	const char *url;
	const char *more; /* further members of the header */
	const char *payload;
	struct bytes mac_key;
};

static json_t *binding_of(struct arena *a, const struct parts *p)
{
	static const struct {
		const char *alg;
		enum digest digest;
	} macs[] = { { "HS384", DIGEST_SHA384 }, { "HS512", DIGEST_SHA512 } };
	enum digest digest = DIGEST_SHA256;
	for (size_t i = 0; i < COUNT_OF(macs); i++) {
		digest = strcmp(p->alg, macs[i].alg) == 0 ? macs[i].digest : digest;
	}
	const char *header =
	    arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"%s\",\"url\":\"%s\"%s}", p->alg, p->kid, p->url, p->more);
	const char *h = base64url_encode(a, bytes_of_text(header));
	const char *text = base64url_encode(a, bytes_of_text(p->payload));
	struct bytes input = bytes_of_text(arena_printf(a, "%s.%s", h, text));
	uint8_t mac[DIGEST_SIZE_MAX];
	size_t n = hmac_make(digest, p->mac_key, &input, 1, mac);
	return arena_json(a, json_pack("{ssssss}", "protected", h, "payload", text, "signature",
	                         base64url_encode(a, (struct bytes) { mac, n })));
}

static struct parts good_parts(struct applicant *p, const struct eab_made *key)
{
	struct parts parts = { .alg = "HS256", .kid = key->key_id, .url = URL, .more = "", .payload = p->jwk.canonical };
	assert_int_equal(base64url_decode(p->c.arena, bytes_of_text(key->mac_key), &parts.mac_key), 0);
	return parts;
}

static const char *remote_address; /* of who asks */

static int ask(struct applicant *p, json_t *binding)
{
	struct new_account_request in = {
		.key = p->jwk.canonical,
		.terms_agreed = true,
		.external_account_binding = binding,
		.remote_address = remote_address,
	};
	ctx_forgive(&p->c);
	return ra_new_account_serve(&p->c, &in, &p->response);
}

static int ask_with(struct applicant *p, const struct eab_made *key)
{
	struct parts parts = good_parts(p, key);
	return ask(p, binding_of(p->c.arena, &parts));
}

/* A key in the memory of `c`; afterwards the RA asks. */
static struct eab_made new_key(struct ctx *c, int64_t uses)
{
	struct eab_made made;
	const struct eab_wish wish = { .label = "test", .max_accounts = uses };
	become_operator();
	assert_int_equal(eab_create(c, &wish, "operator test", &made), 0);
	become_ra();
	return made;
}

static void assert_refused(struct applicant *p, int result, enum problem type, const char *part)
{
	assert_int_equal(result, -1);
	if (p->c.err.type != type || strstr(p->c.err.detail, part) == NULL) {
		fail_msg("%d: %s, where \"%s\" was expected", (int) p->c.err.type, p->c.err.detail, part);
	}
	pg_assert_value(arena_printf(p->c.arena, "SELECT count(*) FROM acme.account WHERE thumbprint = '\\x%s'",
	                    hex_encode(p->c.arena, (struct bytes) { p->jwk.thumbprint, SHA256_SIZE })),
	    "0");
}

/* It would be an option on a client's command line. One of 64 random texts would. */
static void no_key_begins_with_a_hyphen(void **state)
{
	(void) state;
	const struct eab_wish wish = { .label = "many", .max_accounts = 1 };
	become_operator();
	for (int i = 0; i < 500; i++) {
		struct ctx c;
		struct eab_made made;
		ctx_init(&c);
		assert_int_equal(eab_create(&c, &wish, "operator test", &made), 0);
		assert_int_not_equal(made.mac_key[0], '-');
		ctx_done(&c);
	}
	become_ra();
}

static void a_binding_makes_an_account(void **state) /* */
{
	(void) state;
	static const char *const algs[] = { "HS256", "HS384", "HS512" };
	for (size_t i = 0; i < COUNT_OF(algs); i++) {
		struct applicant p;
		applicant_init(&p);
		struct eab_made key = new_key(&p.c, 1);
		assert_int_equal(strlen(key.mac_key), BASE64URL_ENCODED(EAB_MAC_KEY_SIZE));
		struct parts parts = good_parts(&p, &key);
		parts.alg = algs[i];
		json_t *binding = binding_of(p.c.arena, &parts);
		assert_int_equal(ask(&p, binding), 0);
		assert_true(p.response.created);
		char *kept = pg_value("SELECT binding::text FROM front.account_binding WHERE account_id = "
		                      "(SELECT id FROM acme.account ORDER BY created_at DESC LIMIT 1)");
		json_t *json = json_loads(kept, 0, NULL);
		assert_true(json_equal(json, binding));
		json_decref(json);
		free(kept);
		pg_assert_value("SELECT accounts FROM acme.eab_key ORDER BY created_at DESC LIMIT 1", "1");
		pg_assert_value(
		    arena_printf(p.c.arena,
		        "SELECT count(*) FROM log.event WHERE kind = 'account.bound' AND facts ->> 'eab_key' = '%s'",
		        key.key_id),
		    "1");
		/* the same key again is its account, whatever became of the external key */
		assert_int_equal(ask(&p, binding), 0);
		assert_false(p.response.created);
		pg_assert_value("SELECT accounts FROM acme.eab_key ORDER BY created_at DESC LIMIT 1", "1");
		ctx_done(&p.c);
	}
}

static void single_faults_are_refused(void **state) /* */
{
	(void) state;
	struct applicant p;
	struct applicant other;
	applicant_init(&p);
	applicant_init(&other);
	struct eab_made key = new_key(&p.c, 1);
	const struct parts good = good_parts(&p, &key);
	static const char same_words[] = "its key identifier or its MAC is wrong";
	struct {
		struct parts parts;
		enum problem type;
		const char *part;
	} faults[11];
	size_t n = 0;
#define FAULT(member, value, problem, words) \
	faults[n].parts = good; \
	faults[n].parts.member = (value); \
	faults[n].type = PROBLEM_##problem; \
	faults[n++].part = (words)
	FAULT(alg, "ES256", MALFORMED, "HS256, HS384 or HS512");
	FAULT(alg, "none", MALFORMED, "HS256, HS384 or HS512");
	FAULT(kid, "AZr0AAAAcACAAAAAAAAAAA", UNAUTHORIZED, same_words);
	FAULT(kid, "no-id-of-ours", UNAUTHORIZED, same_words);
	FAULT(mac_key, bytes_of_text("another key than the one it has"), UNAUTHORIZED, same_words);
	FAULT(url, URL "/", UNAUTHORIZED, "\"url\"");
	FAULT(more, ",\"nonce\":\"AAAA\"", MALFORMED, "nonce");
	FAULT(more, ",\"jwk\":{}", MALFORMED, "exactly one");
	FAULT(payload, other.jwk.canonical, UNAUTHORIZED, "another account key");
	FAULT(payload, "{\"kty\":\"EC\"}", MALFORMED, "as a JWK");
	FAULT(payload, "", MALFORMED, "as a JWK");
	for (size_t i = 0; i < n; i++) {
		assert_refused(&p, ask(&p, binding_of(p.c.arena, &faults[i].parts)), faults[i].type, faults[i].part);
	}
	assert_refused(&p, ask(&p, arena_json(p.c.arena, json_string("x"))), PROBLEM_MALFORMED, "not a JSON object");
	/* whoever guesses may take the key that stands in for an unknown one: it opens nothing */
	struct parts nobodys = good;
	static const uint8_t zeros[64] = { 0 };
	nobodys.kid = "AZr0AAAAcACAAAAAAAAAAA";
	nobodys.mac_key = (struct bytes) { zeros, sizeof(zeros) };
	assert_refused(&p, ask(&p, binding_of(p.c.arena, &nobodys)), PROBLEM_UNAUTHORIZED, same_words);
	pg_assert_value("SELECT accounts FROM acme.eab_key ORDER BY created_at DESC LIMIT 1", "0");
	assert_int_equal(ask_with(&p, &key), 0); /* and none of them used it up */
	ctx_done(&other.c);
	ctx_done(&p.c);
}

static void a_binding_may_be_demanded(void **state) /* */
{
	(void) state;
	struct applicant p;
	applicant_init(&p);
	struct eab_made key = new_key(&p.c, 1);
	test_config.acme.eab_required = true;
	assert_refused(&p, ask(&p, NULL), PROBLEM_EXTERNAL_ACCOUNT_REQUIRED, "external account binding");
	struct new_account_request existing = { .key = p.jwk.canonical, .only_return_existing = true };
	ctx_forgive(&p.c);
	assert_refused(
	    &p, ra_new_account_serve(&p.c, &existing, &p.response), PROBLEM_ACCOUNT_DOES_NOT_EXIST, "no account");
	assert_int_equal(ask_with(&p, &key), 0);
	test_config.acme.eab_required = false;
	ctx_done(&p.c);
}

static void used_up_keys_make_no_account(void **state) /* */
{
	(void) state;
	struct applicant p[4];
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		applicant_init(&p[i]);
	}
	struct eab_made twice = new_key(&p[0].c, 2);
	assert_int_equal(ask_with(&p[0], &twice), 0);
	assert_int_equal(ask_with(&p[1], &twice), 0);
	assert_refused(&p[2], ask_with(&p[2], &twice), PROBLEM_UNAUTHORIZED, "used already");
	struct eab_made any = new_key(&p[0].c, 0);
	assert_int_equal(ask_with(&p[2], &any), 0);
	assert_int_equal(ask_with(&p[3], &any), 0);
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		ctx_done(&p[i].c);
	}
}

static void keys_have_an_end(void **state)
{
	(void) state;
	struct applicant p;
	struct id id;
	bool changed = false;
	applicant_init(&p);
	struct eab_made key = new_key(&p.c, 1);
	pg_exec("cairn_owner", "UPDATE acme.eab_key SET expires_at = now() - interval '1 second' WHERE id = (SELECT "
	                       "max(id::text)::uuid FROM acme.eab_key)");
	assert_refused(&p, ask_with(&p, &key), PROBLEM_UNAUTHORIZED, "has expired");
	key = new_key(&p.c, 1);
	assert_int_equal(id_parse(bytes_of_text(key.key_id), &id), 0);
	become_operator();
	ctx_forgive(&p.c);
	assert_int_equal(eab_disable(&p.c, id, "operator test", &changed), 0);
	assert_true(changed);
	assert_int_equal(eab_disable(&p.c, id, "operator test", &changed), 0);
	assert_false(changed);
	assert_int_equal(eab_disable(&p.c, id_new(), "operator test", &changed), -1);
	assert_int_equal(p.c.err.type, PROBLEM_NOT_FOUND);
	become_ra();
	assert_refused(&p, ask_with(&p, &key), PROBLEM_UNAUTHORIZED, "MAC is wrong"); /* its secret is gone */
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'eab.disabled' AND actor = 'operator test'", "1");
	ctx_done(&p.c);
}

/* Between the check of its MAC and the account a key may have been disabled. */
static void a_key_that_ends_meanwhile(void **state)
{
	(void) state;
	static const char sql[] = "DO $$ DECLARE k acme.eab_key; BEGIN SELECT * INTO k FROM acme.eab_key LIMIT 1; "
	                          "k.disabled_at := now(); PERFORM acme.check_eab_key(k); END $$";
	struct ctx c;
	ctx_init(&c);
	(void) new_key(&c, 1);
	assert_string_equal(pg_try("cairn_owner", sql, NULL), "CA001");
	ctx_done(&c);
}

static void keys_are_rotated(void **state)
{
	(void) state;
	struct applicant p[4];
	struct eab_made next[3];
	struct eab_rotation rotation = { 0 };
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		applicant_init(&p[i]);
	}
	struct eab_made first = new_key(&p[0].c, 0);
	become_operator();
	assert_int_equal(id_parse(bytes_of_text(first.key_id), &rotation.old), 0);
	rotation.old_until = timestamp_add_s(clock_now(), 60);
	assert_int_equal(eab_rotate(&p[0].c, &rotation, "operator test", &next[0]), 0);
	assert_int_equal(id_parse(bytes_of_text(next[0].key_id), &rotation.old), 0);
	rotation.old_until.us = 0;
	assert_int_equal(eab_rotate(&p[0].c, &rotation, "operator test", &next[1]), 0);
	assert_int_equal(eab_rotate(&p[0].c, &rotation, "operator test", &next[2]), -1); /* it is disabled by now */
	assert_int_equal(p[0].c.err.type, PROBLEM_CONFLICT);
	become_ra();
	assert_int_equal(ask_with(&p[0], &first), 0); /* for a minute still */
	assert_refused(&p[1], ask_with(&p[1], &next[0]), PROBLEM_UNAUTHORIZED, "MAC is wrong");
	assert_int_equal(ask_with(&p[2], &next[1]), 0);
	become_operator();
	struct eab_key_list all;
	assert_int_equal(eab_list(&p[0].c, &all), 0);
	const struct eab_key *last = &all.v[all.n - 1];
	assert_string_equal(last->state, "active");
	assert_int_equal(last->accounts, 1);
	assert_true(id_equal(last->lineage, all.v[all.n - 3].id)); /* it comes of the first */
	assert_string_equal(all.v[all.n - 2].state, "disabled");
	for (size_t i = 0; i < COUNT_OF(p); i++) {
		ctx_done(&p[i].c);
	}
}

static struct eab_made shared_key;

static void *race(void *arg)
{
	struct applicant *p = arg;
	bool created = ask_with(p, &shared_key) == 0 && p->response.created;
	db_thread_end();
	return created ? arg : NULL;
}

static int run_race(struct applicant *p)
{
	pthread_t threads[THREADS];
	int created = 0;
	for (size_t i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, race, &p[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *result = NULL;
		pthread_join(threads[i], &result);
		created += result != NULL;
	}
	return created;
}

static void a_race_makes_one_account(void **state) /* */
{
	(void) state;
	struct applicant p[THREADS];
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < THREADS; i++) {
		applicant_init(&p[i]);
	}
	shared_key = new_key(&c, 1);
	assert_int_equal(run_race(p), 1); /* many accounts, one use */
	shared_key = new_key(&c, 0);
	for (size_t i = 1; i < THREADS; i++) {
		p[i].jwk = p[0].jwk;
	}
	pg_exec("postgres", "TRUNCATE acme.account CASCADE");
	assert_int_equal(run_race(p), 1); /* one account, many uses */
	pg_assert_value("SELECT accounts FROM acme.eab_key ORDER BY created_at DESC LIMIT 1", "1");
	pg_assert_value("SELECT count(*) FROM acme.account", "1");
	pg_assert_value("SELECT count(*) FROM acme.account_binding", "1");
	for (size_t i = 0; i < THREADS; i++) {
		ctx_done(&p[i].c);
	}
	ctx_done(&c);
}

/* The secret is read by who checks it, and stands in no record (F-48). */
static void the_secret_is_kept(void **state)
{
	(void) state;
	static const struct {
		const char *role;
		const char *sql;
		const char *state;
	} tries[] = {
		{ "cairn_ra", "SELECT mac_key FROM acme.eab_secret", "" },
		{ "cairn_ra", "UPDATE acme.eab_key SET accounts = 0", "42501" },
		{ "cairn_ra", "INSERT INTO acme.account_binding SELECT * FROM acme.account_binding", "42501" },
		{ "cairn_wfe", "SELECT mac_key FROM acme.eab_secret", "42501" },
		{ "cairn_operator", "SELECT mac_key FROM acme.eab_secret", "42501" },
		{ "cairn_auditor", "SELECT mac_key FROM acme.eab_secret", "42501" },
		{ "cairn_ca", "SELECT mac_key FROM acme.eab_secret", "42501" },
		{ "cairn_operator", "DELETE FROM acme.eab_key", "42501" },
		{ "cairn_ra", "SELECT acme.disable_eab_key(cairn.new_id(), 'ra')", "42501" },
	};
	struct ctx c;
	ctx_init(&c);
	struct eab_made key = new_key(&c, 1);
	for (size_t i = 0; i < COUNT_OF(tries); i++) {
		assert_string_equal(pg_try(tries[i].role, tries[i].sql, NULL), tries[i].state);
	}
	struct bytes secret;
	assert_int_equal(base64url_decode(c.arena, bytes_of_text(key.mac_key), &secret), 0);
	pg_assert_value(arena_printf(c.arena,
	                    "SELECT count(*) FROM log.event WHERE facts::text LIKE '%%%s%%' OR facts::text LIKE '%%%s%%'",
	                    key.mac_key, hex_encode(c.arena, secret)),
	    "0");
	pg_check_statements("cairn_operator", eab_statements, eab_statements_n);
	ctx_done(&c);
}

/* guesses are counted by where they come from, and refused before the MAC is looked at; what makes or finds an account
 * was none. */
static void wrong_bindings_are_limited(void **state)
{
	(void) state;
	struct applicant p;
	applicant_init(&p);
	struct eab_made key = new_key(&p.c, 0);
	struct parts wrong = good_parts(&p, &key);
	wrong.mac_key = bytes_of_text("0123456789012345678901234567890123456789");
	struct parts unknown = wrong;
	unknown.kid = "nobody";
	const char *name = limit_info(LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS)->name;
	test_ra.limits.v[LIMIT_FAILED_BINDINGS_PER_IP_ADDRESS] = (struct limit) { 2, 3600, 2 };
	remote_address = "2001:db8::1";
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_with(&p, &key), 0);
	}
	assert_int_equal(ask(&p, binding_of(p.c.arena, &wrong)), -1);
	assert_int_equal(p.c.err.type, PROBLEM_UNAUTHORIZED);
	remote_address = "2001:db8::2";
	assert_int_equal(ask(&p, binding_of(p.c.arena, &unknown)), -1);
	assert_int_equal(p.c.err.type, PROBLEM_UNAUTHORIZED);
	assert_int_equal(ask_with(&p, &key), -1);
	assert_int_equal(p.c.err.type, PROBLEM_RATE_LIMITED);
	assert_string_equal(p.c.err.rule, name);
	assert_non_null(strstr(p.c.err.detail, "wrong external account bindings"));
	assert_non_null(strstr(p.c.err.detail, "2001:db8::/64"));
	assert_in_range(p.c.err.retry_after_s, 1790, 1800);
	remote_address = "2001:db8:0:1::1";
	assert_int_equal(ask_with(&p, &key), 0);
	remote_address = "2001:db8::1";
	pg_exec("cairn_operator", "SELECT acme.set_limit_override('FailedBindingsPerIPAddress', '2001:db8::/32', 20, 3600, "
	                          "30, 'a test', 'test')");
	assert_int_equal(ask(&p, binding_of(p.c.arena, &wrong)), -1);
	assert_int_equal(p.c.err.type, PROBLEM_UNAUTHORIZED);
	pg_exec("cairn_owner", "UPDATE acme.limit_use SET whole_at = whole_at - interval '1 h'");
	assert_int_equal(ask_with(&p, &key), 0);
	test_ra.limits = (struct limits) { 0 };
	remote_address = NULL;
	ctx_done(&p.c);
}

/* what an attempt took is given back once, however often the statement that makes the account is run. */
static void an_attempt_is_given_back_once(void **state)
{
	(void) state;
	static const char uses[] =
	    "'{\"uses\": [{\"name\": \"FailedBindingsPerIPAddress\", \"key\": \"192.0.2.9/32\", \"count\": 9, "
	    "\"period_s\": 3600, \"burst\": 9, \"spend\": true}]}'";
	struct ctx c;
	ctx_init(&c);
	struct eab_made key = new_key(&c, 0);
	char *id = pg_value(arena_printf(c.arena, "SELECT cairn.id_of('%s')", key.key_id));
	const char *find = arena_printf(c.arena, "SELECT acme.find_eab_secret('%s', %s)", id, uses);
	const char *make = arena_printf(c.arena,
	    "SELECT acme.new_bound_account('7193f000-0000-7000-8000-00000000ea00', '{}', sha256('twice'), "
	    "sha256('s'), NULL, false, false, 'test', cairn.new_id(), '%s', '{}', NULL, %s)",
	    id, uses);
	for (int i = 0; i < 3; i++) {
		pg_exec("cairn_ra", find);
	}
	char *before = pg_value("SELECT whole_at FROM acme.limit_use WHERE key = '192.0.2.9/32'");
	for (int i = 0; i < 2; i++) {
		pg_exec("cairn_ra", make);
		pg_assert_value(
		    arena_printf(c.arena,
		        "SELECT '%s'::timestamptz - whole_at = step FROM acme.limit_use WHERE key = '192.0.2.9/32'", before),
		    "t");
	}
	free(before);
	free(id);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_key_begins_with_a_hyphen),
		cmocka_unit_test(a_binding_makes_an_account),
		cmocka_unit_test(single_faults_are_refused),
		cmocka_unit_test(a_binding_may_be_demanded),
		cmocka_unit_test(used_up_keys_make_no_account),
		cmocka_unit_test(keys_have_an_end),
		cmocka_unit_test(a_key_that_ends_meanwhile),
		cmocka_unit_test(keys_are_rotated),
		cmocka_unit_test(a_race_makes_one_account),
		cmocka_unit_test(the_secret_is_kept),
		cmocka_unit_test(wrong_bindings_are_limited),
		cmocka_unit_test(an_attempt_is_given_back_once),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
