/* The registration authority on a real database, for its tests: the validation authority is a fake, the signing CA only its
 * statements. Include it behind cmocka.h. */
#ifndef CAIRN_TESTS_RA_WORLD_H
#define CAIRN_TESTS_RA_WORLD_H

#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "policy/challenges.h"
#include "policy/keys.h"
#include "ra/jobs.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_fakes.h"

/* ---- fakes ---- */

static enum { VA_PASSES, VA_REFUSES, VA_FAULTS, VA_IS_DEAD, VA_CANT, VA_TAKES_ITS_TIME } va_does;
static const char *va_refuses;                            /* this name, whatever it does with others */
static void (*va_adds)(struct validation_result *result); /* what a test wants in each answer */
static int va_calls;
static struct {
	rpc_va_validate_done *done;
	void *arg;
	struct validation_result result;
} va_held; /* the answer that takes its time */
static struct {
	char method[32];
	char account_url[128];
	char former_account_urls[256]; /* with a space behind each */
	int64_t onion_expiry;
} last_caa; /* what the last look at CAA alone asked for */

static inline void keep_caa(const struct validate_request *in)
{
	last_caa.former_account_urls[0] = '\0';
	snprintf(last_caa.method, sizeof(last_caa.method), "%s", in->method);
	snprintf(last_caa.account_url, sizeof(last_caa.account_url), "%s", in->account_url);
	for (size_t i = 0; i < in->former_account_urls.n; i++) {
		size_t at = strlen(last_caa.former_account_urls);
		snprintf(last_caa.former_account_urls + at, sizeof(last_caa.former_account_urls) - at, "%s ",
		    in->former_account_urls.v[i]);
	}
	last_caa.onion_expiry = in->onion_caa.expiry;
}

static inline struct validation_result va_result(const struct validate_request *in)
{
	bool passes = va_does == VA_PASSES && (va_refuses == NULL || strcmp(in->identifier.value, va_refuses) != 0);
	struct validation_result r = fake_result(in->validation_id, passes, va_does == VA_FAULTS);
	r.method = in->method;
	if (in->key_authorization != NULL && va_does != VA_FAULTS) {
		fake_evidence(&r);
		r.attempts.v[0].body = in->response;
	}
	if (in->token == NULL) {
		keep_caa(in);
	}
	if (va_adds != NULL) {
		va_adds(&r);
	}
	return r;
}

void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	(void) loop;
	(void) deadline_ms;
	struct ctx c;
	ctx_init(&c);
	c.request_id = request_id;
	va_calls++;
	struct validation_result *r = ARENA_NEW(c.arena, struct validation_result);
	*r = va_result(in);
	int result = 0;
	if (va_does == VA_TAKES_ITS_TIME) {
		va_held.done = done;
		va_held.arg = arg;
		va_held.result = fake_result(in->validation_id, true, false);
		ctx_done(&c);
		return;
	}
	if (va_does == VA_IS_DEAD) {
		result = FAIL(&c, UNAVAILABLE, "nobody answers");
	} else if (va_does == VA_CANT) {
		result = FAIL(&c, MALFORMED, "not by this method");
	}
	done(arg, &c, result, result == 0 ? r : NULL);
	ctx_done(&c);
}

int rpc_va_validate(struct ctx *c, const struct validate_request *in, struct validation_result *ret)
{
	va_calls++;
	(void) c;
	*ret = va_result(in);
	return 0;
}

/* The signing CA, with the statements that it runs and nothing signed. */
static struct {
	int calls;
	bool is_dead;      /* it never hears of it */
	bool loses_answer; /* nobody hears what it did */
	bool remembered;   /* in the last call */
} the_ca;

static inline const char *world_hex(struct ctx *c, struct bytes octets)
{
	return arena_printf(c->arena, "'\\x%s'", hex_encode(c->arena, octets));
}

static inline const char *world_uuid(struct ctx *c, struct id id)
{
	return arena_printf(c->arena, "'%s'", hex_encode(c->arena, (struct bytes) { id.b, sizeof(id.b) }));
}

/* First value, in the arena; a refusal is the problem that it names. */
static inline int world_ask(struct ctx *c, const char *role, const char *sql, const char **ret_value)
{
	PGconn *conn = pg_connect(role, "cairn");
	PGresult *result = PQexec(conn, sql);
	int outcome = 0;
	if (PQresultStatus(result) == PGRES_TUPLES_OK) {
		*ret_value = arena_text(c->arena, PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	} else {
		const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		if (code == NULL || strcmp(code, "CA001") != 0) {
			fail_msg("%s: %s", sql, PQerrorMessage(conn));
		}
		outcome = ctx_fail(c, problem_by_name(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)), "%s",
		    PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
	}
	PQclear(result);
	PQfinish(conn);
	return outcome;
}

static struct config test_config;

/* The methods in force, as the signing CA tells them by its configuration. */
static inline const char *world_methods(struct ctx *c)
{
	struct text_list methods = challenge_configured_types(c->arena, &test_config.policy.challenges);
	const char *text = "";
	for (size_t i = 0; i < methods.n; i++) {
		text = arena_printf(c->arena, "%s%s%s", text, i == 0 ? "" : ",", methods.v[i]);
	}
	return text;
}

static inline int world_begin(struct ctx *c, const struct issue_certificate_request *in, struct id id, bool *ret_begun)
{
	struct jwk jwk;
	struct keys_read key;
	uint8_t spki_sha256[SHA256_SIZE];
	uint8_t serial[16];
	const char *types = "";
	const char *values = "";
	const char *begun = NULL;
	TRY(keys_read_spki(c, in->public_key, PROBLEM_BAD_CSR, &key));
	TRY(jwk_of_key(c, key.key, &jwk));
	sha256_of(in->public_key, spki_sha256);
	random_bytes(serial, sizeof(serial));
	serial[0] = 1;
	for (size_t i = 0; i < in->names.n; i++) {
		types = arena_printf(c->arena, "%s%s%s", types, i == 0 ? "" : ",", in->names.v[i].type);
		values = arena_printf(c->arena, "%s%s%s", values, i == 0 ? "" : ",", in->names.v[i].value);
	}
	TRY(world_ask(c, "cairn_ca",
	    arena_printf(c->arena,
	        "SELECT ca.begin_issuance(%s, %s, %s, '{%s}', '{%s}', 'e1', '%s', %s, 'tbs', %s, '{%s}', now(), now(), "
	        "'ca/1', 60, %s, %s, %s, %s, '{%s}', %s)",
	        world_uuid(c, id), world_uuid(c, in->order_id), world_uuid(c, in->account_id), types, values, in->profile,
	        world_hex(c, (struct bytes) { serial, sizeof(serial) }),
	        world_hex(c, (struct bytes) { spki_sha256, sizeof(spki_sha256) }), values, world_uuid(c, c->request_id),
	        world_hex(c, in->account_thumbprint),
	        world_hex(c, (struct bytes) { jwk.thumbprint, sizeof(jwk.thumbprint) }), in->remembered ? "true" : "false",
	        world_methods(c), strcmp(test_config.policy.mode, "webpki") == 0 ? "true" : "false"),
	    &begun));
	*ret_begun = begun[0] == 't';
	return 0;
}

void rpc_client_thread_end(void)
{
}

int rpc_ca_embed_scts(struct ctx *c, const struct embed_scts_request *in, struct issue_certificate_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, UNAVAILABLE, "there are no logs");
}

int rpc_ca_issue_certificate(
    struct ctx *c, const struct issue_certificate_request *in, struct issue_certificate_response *ret)
{
	struct id id = id_new();
	bool begun = false;
	const char *unused = NULL;
	the_ca.calls++;
	the_ca.remembered = in->remembered;
	if (the_ca.is_dead) {
		return FAIL(c, UNAVAILABLE, "nobody answers");
	}
	TRY(world_begin(c, in, id, &begun));
	if (!begun) {
		return FAIL(c, UNAVAILABLE, "it is being signed");
	}
	TRY(world_ask(c, "cairn_ca",
	    arena_printf(
	        c->arena, "SELECT ca.complete_issuance(%s, 'tbs signed', '{}', 'ca', cairn.new_id())", world_uuid(c, id)),
	    &unused));
	if (the_ca.loses_answer) {
		return FAIL(c, UNAVAILABLE, "the answer is lost");
	}
	*ret = (struct issue_certificate_response) { .certificate_id = id, .certificate = bytes_of_text("tbs signed") };
	return 0;
}

/* ---- set-up ---- */

static struct config_profile profile = {
	.name = "classic", .life_s = 7776000, .order_life_s = 604800, .authorization_life_s = 2592000, .max_names = 3
};
static const char *internal_names[] = { "test" };
static struct config test_config = {
	.acme = { .external_url = "https://localhost:14000" },
	.policy = { .mode = "private", .profiles = { &profile, 1 }, .internal_names = { internal_names, 1 } },
	.ra = { .process = { .workers = 4 }, .hold_ms = 5000, .validation_attempts = 1, .validation_lease_s = 30 },
};
static struct ra test_ra = { .config = &test_config, .instance = "cairn-ra@test" };

static inline int group_setup(void **state)
{
	(void) state;
	pg_start();
	pg_add_year("now() - interval '30 days'");
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 8, 5000);
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(lists_load(&c, &test_config), 0);
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true); INSERT "
	                       "INTO ca.crl_shard (issuer, shard, url, open) VALUES ('e1', 0, 'tbs', true)");
	assert_int_equal(db_check(&c), 0); /* style 17: every statement prepares as the role that runs it */
	assert_int_equal(jobs_start(&c), 0);
	ctx_done(&c);
	return 0;
}

static inline int group_teardown(void **state)
{
	(void) state;
	jobs_stop(1000);
	db_thread_end();
	pg_stop();
	return 0;
}

static inline int setup(void **state)
{
	(void) state;
	va_does = VA_PASSES;
	va_refuses = NULL;
	va_adds = NULL;
	va_calls = 0;
	memset(&the_ca, 0, sizeof(the_ca));
	test_config.ra.validation_attempts = 1;
	test_config.acme.terms_of_service = NULL;
	if (test_config.acme.former_external_urls.n != 0) { /* else the recorder of the test before may still read it */
		test_config.acme.former_external_urls = (struct text_list) { 0 };
	}
	return 0;
}

struct fixture {
	struct ctx c;
	struct account account;
	struct jwk jwk;
	EVP_PKEY *jwk_key;
};

static inline int new_account(
    struct ctx *c, const char *key, bool terms, bool existing, struct new_account_response *ret)
{
	struct new_account_request in = { .key = key, .terms_agreed = terms, .only_return_existing = existing };
	return ra_new_account_serve(c, &in, ret);
}

static inline void fixture_init(struct fixture *f)
{
	EVP_PKEY *key = NULL;
	struct new_account_response response;
	ctx_init(&f->c);
	assert_int_equal(key_generate(&f->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&f->c, key, &f->jwk), 0);
	f->jwk_key = key;
	assert_int_equal(new_account(&f->c, f->jwk.canonical, true, false, &response), 0);
	assert_true(response.created);
	f->account = response.account;
}

static inline int order_names(struct fixture *f, const char *const *names, size_t n, struct order *ret)
{
	struct identifier identifiers[16];
	assert_true(n <= COUNT_OF(identifiers));
	for (size_t i = 0; i < n; i++) {
		identifiers[i] = (struct identifier) { "dns", names[i] };
	}
	struct new_order_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .identifiers = { identifiers, n }
	};
	ctx_forgive(&f->c);
	return ra_new_order_serve(&f->c, &in, ret);
}

static inline int order_one(struct fixture *f, const char *name, struct order *ret)
{
	return order_names(f, &name, 1, ret);
}

static inline int start(struct fixture *f, struct id challenge, int64_t hold_ms, struct authorization *ret)
{
	struct start_challenge_request in = {
		.account_id = f->account.id, .thumbprint = f->account.thumbprint, .challenge_id = challenge, .hold_ms = hold_ms
	};
	ctx_forgive(&f->c);
	return ra_start_challenge_serve(&f->c, &in, ret);
}

static inline struct authorization authorization_of(struct fixture *f, const struct order *order, size_t i)
{
	struct authorization a;
	ctx_forgive(&f->c);
	assert_int_equal(ra_read_authorization(&f->c, order->authorizations.v[i], &a), 0);
	return a;
}

static inline const char *order_status(struct fixture *f, struct id id)
{
	struct order order;
	ctx_forgive(&f->c);
	assert_int_equal(ra_read_order(&f->c, id, &order), 0);
	return order.status;
}

static inline void validate(struct fixture *f, const struct order *order, size_t i)
{
	struct authorization a = authorization_of(f, order, i);
	assert_int_equal(start(f, a.challenges.v[0].id, 5000, &a), 0);
}

#endif
