/* A registration authority on a real database, with limits that a test sets; nothing is validated or signed but by the test's
 * own word. */
#ifndef CAIRN_TESTS_LIMITS_WORLD_H
#define CAIRN_TESTS_LIMITS_WORLD_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/metrics.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "ra/evidence.h"
#include "ra/limits.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_fakes.h"

/* ---- fakes ---- */

/* Validations that are under way for good. */
static void *world_flights[64];
static size_t world_flights_n;

void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	(void) loop, (void) in, (void) request_id, (void) deadline_ms, (void) done;
	assert_true(world_flights_n < COUNT_OF(world_flights));
	world_flights[world_flights_n++] = arg;
}

int rpc_va_validate(struct ctx *c, const struct validate_request *in, struct validation_result *ret)
{
	(void) in, (void) ret;
	return FAIL(c, UNAVAILABLE, "nobody answers");
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
	(void) in, (void) ret;
	return FAIL(c, UNAVAILABLE, "nobody answers");
}

/* ---- the world ---- */

#define WORLD_CONNECTIONS 30

static struct config_profile world_profile = {
	.name = "classic", .life_s = 7776000, .order_life_s = 604800, .authorization_life_s = 2592000, .max_names = 100
};
static const char *world_zones[] = { "test" };
static struct config world_config = {
	.acme = { .external_url = "https://localhost:14000" },
	.policy = { .mode = "private", .profiles = { &world_profile, 1 }, .internal_names = { world_zones, 1 } },
};
static struct ra world_ra = { .config = &world_config, .instance = "cairn-ra@test" };

static int world_setup(void **state)
{
	(void) state;
	pg_start();
	pg_exec("cairn_owner", "INSERT INTO ca.issuer VALUES ('e1', '\\x01', '\\x02', 'chain', 'crl', 'aia', true); INSERT "
	                       "INTO ca.crl_shard (issuer, shard, url, open) VALUES ('e1', 0, 'tbs', true)");
	ra_set(&world_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), WORLD_CONNECTIONS, 20000);
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(lists_load(&c, &world_config), 0);
	ctx_done(&c);
	return 0;
}

static int world_teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	return 0;
}

/* No limit is on and nothing was used or overridden. */
static int world_fresh(void **state)
{
	(void) state;
	world_ra.limits = (struct limits) { 0 };
	pg_exec("cairn_owner", "TRUNCATE acme.limit_use, acme.limit_override, acme.paused, acme.issued_set");
	return 0;
}

static inline void limit_on(enum limit_kind kind, int64_t count, int64_t period_s, int64_t burst)
{
	world_ra.limits.v[kind] = (struct limit) { count, period_s, burst };
}

/* An account, and the context of its requests. */
struct party {
	struct ctx c;
	struct account account;
	const char *text;     /* its id */
	const char *replaces; /* of its orders */
};

static inline int try_register(struct party *p, const char *address)
{
	EVP_PKEY *key = NULL; /* the arena owns it */
	struct jwk jwk;
	struct new_account_response response = { 0 };
	*p = (struct party) { 0 };
	ctx_init(&p->c);
	assert_int_equal(key_generate(&p->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&p->c, key, &jwk), 0);
	const struct new_account_request in = { .key = jwk.canonical, .terms_agreed = true, .remote_address = address };
	int result = ra_new_account_serve(&p->c, &in, &response);
	char text[ID_TEXT_SIZE];
	p->account = response.account;
	id_encode(p->account.id, text);
	p->text = arena_text(p->c.arena, text);
	return result;
}

static inline void party_init(struct party *p)
{
	assert_int_equal(try_register(p, NULL), 0);
}

static inline void party_done(struct party *p)
{
	ctx_done(&p->c);
}

/* names: with blanks between them */
static inline struct identifier_list names_of(struct arena *a, const char *names)
{
	struct identifier_list list = { ARENA_ARRAY(a, 128, struct identifier), 0 };
	for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");
		list.v[list.n++] = (struct identifier) { "dns", arena_text_n(a, at, n) };
		at += n;
	}
	return list;
}

static inline int try_order(struct party *p, const char *names, struct order *ret)
{
	const struct new_order_request in = { .account_id = p->account.id,
		.thumbprint = p->account.thumbprint,
		.identifiers = names_of(p->c.arena, names),
		.replaces = p->replaces };
	ctx_forgive(&p->c);
	p->c.request_id = id_new();
	return ra_new_order_serve(&p->c, &in, ret);
}

static inline void order(struct party *p, const char *names, struct order *ret)
{
	if (try_order(p, names, ret) != 0) {
		fail_msg("%s: %s", names, p->c.err.detail);
	}
}

/* From now on each order is a new one, whatever was asked for before. */
static inline void not_given_again(void)
{
	pg_exec("cairn_owner", "UPDATE acme.orders SET same = NULL");
}

/* Refused by this limit, with a time to come again. */
static inline void assert_limited(const struct party *p, int result, enum limit_kind kind)
{
	assert_int_equal(result, -1);
	if (p->c.err.type != PROBLEM_RATE_LIMITED) {
		fail_msg("%s (%s)", p->c.err.detail, p->c.err.cause);
	}
	assert_string_equal(p->c.err.rule, limit_info(kind)->name);
	assert_true(p->c.err.retry_after_s > 0);
	assert_non_null(strstr(p->c.err.detail, limit_info(kind)->name));
}

static inline void assert_order_limited(struct party *p, const char *names, enum limit_kind kind)
{
	struct order made;
	assert_limited(p, try_order(p, names, &made), kind);
}

/* So many seconds pass for all limits. */
static inline void pass_time(struct arena *a, int64_t seconds)
{
	pg_exec("cairn_owner", arena_printf(a,
	                           "UPDATE acme.limit_use SET whole_at = whole_at - interval '%lld s'; UPDATE "
	                           "acme.issued_set SET renewed_at = renewed_at - interval '%lld s'",
	                           (long long) seconds, (long long) seconds));
}

/* The outcome of a validation of the order's n-th authorization. fault: one of ours. */
static inline void validated(struct party *p, const struct order *made, size_t n, bool passed, bool fault)
{
	struct identifier identifier = made->identifiers.v[n];
	identifier.value += strncmp(identifier.value, "*.", 2) == 0 ? 2 : 0;
	struct job job = { .challenge_id = challenge_id(made->authorizations.v[n], 1),
		.authz_id = made->authorizations.v[n],
		.identifier = identifier,
		.account_id = p->account.id,
		.type = "http-01",
		.request_id = p->c.request_id };
	struct validation_result result = fake_result(id_new(), passed, fault);
	fake_evidence(&result);
	char id[ID_TEXT_SIZE];
	id_encode(job.authz_id, id);
	pg_exec("cairn_owner", arena_printf(p->c.arena,
	                           "UPDATE acme.authz SET tried = 1, key_authorization = 'x', lease_holder = "
	                           "'cairn-ra@test', lease_until = now() + "
	                           "interval '1 h' WHERE id = cairn.id_of('%s')",
	                           id));
	struct job_end end;
	ctx_forgive(&p->c);
	if (evidence_record(&p->c, &job, &result, fault ? 1 : -1, &end) != 0) {
		fail_msg("%s: %s", p->c.err.detail, p->c.err.cause);
	}
}

/* The SQL by which the signing CA begins the issuance of an order. */
static inline const char *issue_sql(struct party *p, const struct order *made)
{
	struct arena *a = p->c.arena;
	char order_id[ID_TEXT_SIZE];
	const char *list = "";
	for (size_t i = 0; i < made->identifiers.n; i++) {
		list = arena_printf(a, "%s%s'%s'", list, i == 0 ? "" : ",", made->identifiers.v[i].value);
	}
	id_encode(made->id, order_id);
	const char *limits = limits_at_issue(&p->c, p->account.id, &made->identifiers);
	return arena_printf(a,
	    "SELECT ca.begin_issuance(cairn.new_id(), cairn.id_of('%s'), cairn.id_of('%s'), array_fill('dns'::text, "
	    "ARRAY[%zu]), "
	    "ARRAY[%s], 'e1', 'classic', '\\x01' || substr(sha256(random()::text::bytea), 1, 15), 'tbs', "
	    "sha256('key'), ARRAY[%s], now(), now() + interval '90 d', 'ca/1', 60, cairn.new_id(), '\\x%s', "
	    "sha256('other'), false, '{http-01}', false, %s%s%s)",
	    order_id, p->text, made->identifiers.n, list, list, hex_encode(a, p->account.thumbprint),
	    limits == NULL ? "" : "'", limits == NULL ? "NULL" : limits, limits == NULL ? "" : "'");
}

#endif
