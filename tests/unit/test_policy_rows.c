/* link: ra cli */
/* The policy on names in a real database: what newOrder and finalize say, what an operator is told before, and what is kept.
 * B-16, B-25. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/policy.h"
#include "cli/policy_test.h"
#include "lib/base/base64.h"
#include "lib/crypto/commitment.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/hex.h"
#include "tests/unit/pg.h"

/* ---- fakes: nothing is validated here, and what is finalized is only counted ---- */

struct rpc_loop *rpc_loop_new(void)
{
	return NULL;
}

void rpc_loop_cut(struct rpc_loop *loop)
{
	(void) loop;
}

void rpc_loop_free(struct rpc_loop *loop)
{
	(void) loop;
}

void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	(void) loop, (void) in, (void) request_id, (void) deadline_ms, (void) done, (void) arg;
}

int rpc_va_validate(struct ctx *c, const struct validate_request *in, struct validation_result *ret)
{
	(void) in, (void) ret;
	return FAIL(c, UNAVAILABLE, "nobody answers");
}

static int issued;

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
	(void) c, (void) in;
	issued++;
	*ret = (struct issue_certificate_response) { .certificate_id = id_new() };
	return 0;
}

static struct config_profile profiles[] = {
	{ .name = "classic", .order_life_s = 604800, .authorization_life_s = 2592000, .max_names = 4 },
	{ .name = "short", .order_life_s = 604800, .authorization_life_s = 2592000, .max_names = 4 },
};
static const char *internal_names[] = { "test" };
static struct config test_config = {
	.acme = { .external_url = "https://localhost:14000" },
	.policy = { .mode = "private",
	    .profiles = { profiles, COUNT_OF(profiles) },
	    .internal_names = { internal_names, 1 } },
};
static const struct ra test_ra = { .config = &test_config, .instance = "cairn-ra@test" };

#include "tests/unit/operator_world.h"

static void become_operator(void)
{
	become_operator_of(policy_statements, policy_statements_n);
}

/* An account, made with a new external account key that has these bounds (SQL arrays), or (NULL) with none. */
struct party {
	struct ctx c;
	struct account account;
	struct id key;
	const char *text; /* of the account's id */
	const char *key_text;
};

static const char *text_of(struct arena *a, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_text(a, text);
}

static void bind_to_key(struct party *p, const char *names, const char *profile_list)
{
	p->key = id_new();
	p->key_text = text_of(p->c.arena, p->key);
	pg_exec("cairn_owner",
	    arena_printf(p->c.arena,
	        "INSERT INTO acme.eab_key (id, lineage, label, names, networks, profiles) SELECT k, k, '', %s, "
	        "'{}', %s FROM cairn.id_of('%s') AS k",
	        names, profile_list, p->key_text));
	pg_exec(
	    "cairn_owner", arena_printf(p->c.arena,
	                       "INSERT INTO acme.account_binding (account_id, key_id, binding) VALUES (cairn.id_of('%s'), "
	                       "cairn.id_of('%s'), '{}')",
	                       p->text, p->key_text));
}

static void party_init(struct party *p)
{
	EVP_PKEY *key = NULL;
	struct jwk jwk;
	struct new_account_response response;
	*p = (struct party) { 0 };
	ctx_init(&p->c);
	become_ra();
	assert_int_equal(key_generate(&p->c, "p256", &key), 0);
	assert_int_equal(jwk_of_key(&p->c, key, &jwk), 0);
	const struct new_account_request in = { .key = jwk.canonical, .terms_agreed = true };
	assert_int_equal(ra_new_account_serve(&p->c, &in, &response), 0);
	p->account = response.account;
	p->text = text_of(p->c.arena, p->account.id);
}

static int order(struct party *p, const char *first, const char *second, const char *profile, struct order *ret)
{
	struct identifier identifiers[] = { { "dns", first }, { "dns", second } };
	const struct new_order_request in = {
		.account_id = p->account.id,
		.thumbprint = p->account.thumbprint,
		.identifiers = { identifiers, second == NULL ? 1 : 2 },
		.profile = profile,
	};
	become_ra();
	ctx_forgive(&p->c);
	p->c.request_id = id_new();
	return ra_new_order_serve(&p->c, &in, ret);
}

static void apply(struct ctx *c, const char *text)
{
	struct grants grants;
	int64_t version = 0;
	ctx_forgive(c);
	if (grants_read(c, "rules.yaml", bytes_of_text(text), &test_config.policy, &grants) != 0) {
		fail_msg("%s", c->err.detail);
	}
	become_operator();
	if (policy_apply(c, text, &grants, "operator test", &version) != 0) {
		fail_msg("%s", c->err.detail);
	}
}

#define NO_RULES "rules: []\n"

static void assert_refused(struct party *p, int result, enum problem type, const char *part)
{
	assert_int_equal(result, -1);
	if (p->c.err.type != type || strstr(p->c.err.detail, part) == NULL) {
		fail_msg("%d: %s, where \"%s\" was expected", (int) p->c.err.type, p->c.err.detail, part);
	}
}

static void without_rules_all_may_ask(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	assert_int_equal(order(&p, "any.test", NULL, NULL, &made), 0);
	assert_string_equal(made.status, "pending");
	apply(&p.c, NO_RULES);
	assert_int_equal(order(&p, "any.test", NULL, NULL, &made), 0);
	pg_assert_value("SELECT count(*) FROM log.event WHERE kind = 'order.judged'", "0");
	ctx_done(&p.c);
}

static void rules_say_whose_names_are(void **state) /* */
{
	(void) state;
	struct party ana;
	struct party ben;
	struct order made;
	party_init(&ana);
	party_init(&ben);
	bind_to_key(&ben, "'{}'", "'{}'");
	apply(&ana.c, arena_printf(ana.c.arena,
	                  "rules:\n  - {name: ana, accounts: [%s], names: [.ana.test], profiles: [short]}\n"
	                  "  - {name: ben, eab_keys: [%s], names: [ben.test]}\n  - {name: all, everybody: true, names: "
	                  "[.all.test]}\n",
	                  ana.text, ben.key_text));
	assert_int_equal(order(&ana, "www.ana.test", "x.all.test", "short", &made), 0);
	assert_string_equal(made.status, "pending");
	pg_assert_value("SELECT facts ->> 'rules' || (facts ->> 'policy')::int - (SELECT max(version) FROM acme.policy) "
	                "FROM log.event WHERE kind = 'order.judged'",
	    "[\"ana\", \"all\"]0");
	assert_int_equal(
	    order(&ana, "www.ana.test", "x.all.test", "short", &made), 0); /* the same one, judged as it now is */
	pg_assert_value(
	    "SELECT facts -> 'judged' = (SELECT facts FROM log.event WHERE kind = 'order.judged') FROM log.event "
	    "WHERE kind = 'order.given_again' AND facts -> 'judged' IS NOT NULL",
	    "t");
	assert_refused(
	    &ana, order(&ana, "www.ana.test", NULL, "classic", &made), PROBLEM_REJECTED_IDENTIFIER, "no rule of policy");
	assert_string_equal(ana.c.err.rule, "name.not-granted");
	assert_refused(
	    &ben, order(&ben, "www.ana.test", "ben.test", NULL, &made), PROBLEM_REJECTED_IDENTIFIER, "www.ana.test");
	assert_int_equal(ben.c.err.subproblems.n, 1);
	assert_string_equal(ben.c.err.subproblems.v[0].identifier_value, "www.ana.test");
	assert_refused(&ben, order(&ben, "a.test", "b.test", NULL, &made), PROBLEM_REJECTED_IDENTIFIER, "2 of the 2");
	assert_int_equal(ben.c.err.subproblems.n, 2);
	assert_int_equal(order(&ben, "ben.test", NULL, NULL, &made), 0);
	pg_assert_value(
	    arena_printf(ana.c.arena, "SELECT count(*) FROM acme.orders WHERE account_id = cairn.id_of('%s')", ben.text),
	    "1");
	/* a successor of the key stands for the same customer */
	pg_exec("cairn_owner",
	    arena_printf(ana.c.arena,
	        "WITH k AS (INSERT INTO acme.eab_key (id, lineage, label, names, networks, profiles) SELECT "
	        "cairn.new_id(), lineage, '', '{}', '{}', '{}' FROM acme.eab_key WHERE id = cairn.id_of('%s') RETURNING "
	        "id) UPDATE acme.account_binding SET key_id = k.id FROM k",
	        ben.key_text));
	assert_int_equal(order(&ben, "ben.test", NULL, NULL, &made), 0);
	apply(&ana.c, NO_RULES);
	assert_int_equal(order(&ben, "www.ana.test", NULL, NULL, &made), 0);
	ctx_done(&ana.c);
	ctx_done(&ben.c);
}

static void keys_bind_their_accounts(void **state) /* B-25 */
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	bind_to_key(&p, "'{.key.test}'", "'{short}'");
	assert_int_equal(order(&p, "www.key.test", NULL, "short", &made), 0);
	assert_refused(&p, order(&p, "www.key.test", NULL, "classic", &made), PROBLEM_UNAUTHORIZED, "other profiles");
	struct authorization early; /* it may be ordered, by the other profile (B-25) */
	const struct new_authorization_request wanted = { p.account.id, p.account.thumbprint, { "dns", "new.key.test" } };
	ctx_forgive(&p.c);
	assert_int_equal(ra_new_authorization_serve(&p.c, &wanted, &early), 0);
	assert_refused(
	    &p, order(&p, "other.test", NULL, "short", &made), PROBLEM_REJECTED_IDENTIFIER, "bound to other names");
	/* a rule gives nothing that the key does not */
	apply(&p.c, "rules: [{name: all, everybody: true, names: [.]}]");
	assert_refused(
	    &p, order(&p, "other.test", NULL, "short", &made), PROBLEM_REJECTED_IDENTIFIER, "bound to other names");
	apply(&p.c, NO_RULES);
	ctx_done(&p.c);
}

static struct bytes make_csr(struct ctx *c, EVP_PKEY *key, const char *const *names, size_t n)
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

static int finalize(struct party *p, const struct order *made)
{
	EVP_PKEY *key = NULL;
	struct order done;
	const char *names[4];
	size_t n = made->identifiers.n;
	become_ra();
	ctx_forgive(&p->c);
	assert_int_equal(key_generate(&p->c, "p256", &key), 0);
	for (size_t i = 0; i < n; i++) {
		names[i] = made->identifiers.v[i].value;
	}
	const struct finalize_order_request in = {
		.account_id = p->account.id,
		.thumbprint = p->account.thumbprint,
		.order_id = made->id,
		.csr = make_csr(&p->c, key, names, n),
	};
	p->c.request_id = id_new();
	return ra_finalize_order_serve(&p->c, &in, &done);
}

static const char *uuid_of(struct ctx *c, struct id id)
{
	return hex_encode(c->arena, (struct bytes) { id.b, sizeof(id.b) });
}

/* Its commitments are those of all records. */
static void assert_commitments(struct ctx *c)
{
	char *salt = pg_value("SELECT encode(p.salt || v.commitments, 'hex') FROM log.validation v JOIN "
	                      "log.validation_private p USING (id) WHERE v.method = 'grant' LIMIT 1");
	struct bytes all;
	all = hex_octets(c->arena, salt);
	assert_int_equal(all.n, 96);
	assert_true(commitment_verify(all.p, "resolutions", bytes_of_text("[]"), all.p + 32));
	assert_true(commitment_verify(all.p, "attempts", bytes_of_text("[]"), all.p + 64));
	free(salt);
}

static void names_are_granted_loudly(void **state)
{
	(void) state;
	static const char rules[] =
	    "rules: [{name: lab, everybody: true, names: [.lab.test, .example.com], without_challenge: true}, "
	    "{name: rest, everybody: true, names: [.]}]";
	struct party p;
	struct order made;
	struct authorization z;
	party_init(&p);
	apply(&p.c, rules);
	assert_int_equal(order(&p, "a.lab.test", "b.lab.test", NULL, &made), 0);
	assert_string_equal(made.status, "ready");
	assert_int_equal(made.fresh.n, 0); /* they are no more as they were made */
	assert_true(made.expires_at.us <= timestamp_add_s(clock_now(), 1800).us);
	assert_int_equal(ra_read_authorization(&p.c, made.authorizations.v[0], &z), 0);
	assert_string_equal(z.status, "valid");
	assert_int_equal(z.challenges.n, 0);
	pg_assert_value("SELECT string_agg(identifier_value || ' ' || rule || ' ' || proof || ' ' || "
	                "coalesce(challenge_id::text, '-'), ',' ORDER BY id) "
	                "FROM log.validation WHERE method = 'grant'",
	    "a.lab.test lab grant -,b.lab.test lab grant -");
	pg_assert_value(
	    "SELECT actor || (facts ->> 'identifiers') FROM log.event WHERE kind = 'names.granted-without-challenge'",
	    "policy[\"a.lab.test\", \"b.lab.test\"]");
	assert_commitments(&p.c);
	issued = 0;
	assert_int_equal(finalize(&p, &made), 0);
	assert_int_equal(issued, 1);
	/* no proof of control by which others' certificates could be revoked */
	pg_exec("cairn_owner",
	    "WITH c AS (INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, "
	    "crl_shard, issuer, profile, serial, spki_sha256, names, validations, der, signed_at) VALUES (cairn.new_id(), "
	    "cairn.new_id(), cairn.new_id(), now(), now() + interval '1 day', now(), 0, 'i', 'classic', '\\x0102', "
	    "sha256(''), '{a.lab.test}', '{}', 'd', now()) RETURNING id) INSERT INTO ca.serial SELECT "
	    "'\\x010203040506070809', id FROM c");
	const char *revoke = arena_printf(p.c.arena,
	    "SELECT acme.revoke_certificate('\\x010203040506070809', 'd', 0, '%s', '\\x%s', false, 'p', cairn.new_id())",
	    uuid_of(&p.c, p.account.id), hex_encode(p.c.arena, p.account.thumbprint));
	assert_string_equal(pg_try("cairn_ra", revoke, NULL), "CA001");
	pg_exec("postgres", "DELETE FROM ca.certificate WHERE serial = '\\x0102'");
	/* and never used again */
	struct order again;
	assert_int_equal(order(&p, "a.lab.test", NULL, NULL, &again), 0);
	assert_false(id_equal(again.authorizations.v[0], made.authorizations.v[0]));
	/* beside a name that needs a challenge */
	assert_int_equal(order(&p, "a.lab.test", "www.test", NULL, &again), 0);
	assert_string_equal(again.status, "pending");
	test_config.policy.mode = "webpki"; /* where nothing can be granted, whatever the rules say */
	int result = order(&p, "www.example.com", NULL, NULL, &again);
	test_config.policy.mode = "private";
	assert_int_equal(result, 0);
	assert_string_equal(again.status, "pending");
	assert_int_equal(order(&p, "www.example.com", NULL, NULL, &again), 0);
	assert_string_equal(again.status, "ready");
	apply(&p.c, NO_RULES);
	ctx_done(&p.c);
}

/* Whoever calls: a name that the policy does not give is not granted. */
static void grants_are_judged_in_the_database(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	char *value = NULL;
	party_init(&p);
	assert_int_equal(order(&p, "no.grant.test", NULL, NULL, &made), 0);
	const char *sql = arena_printf(p.c.arena,
	    "SELECT names FROM acme.grant_names(cairn.id_of('%s'), 'x', cairn.new_id())", text_of(p.c.arena, made.id));
	assert_string_equal(pg_try("cairn_ra", sql, NULL), "42501"); /* id_of is not for it */
	sql = arena_printf(
	    p.c.arena, "SELECT names FROM acme.grant_names('%s', 'x', cairn.new_id())", uuid_of(&p.c, made.id));
	assert_string_equal(pg_try("cairn_ra", sql, &value), "");
	assert_string_equal(value, "0");
	free(value);
	static const struct {
		const char *role;
		const char *sql;
	} denied[] = {
		{ "cairn_ra", "SELECT acme.apply_policy('', '[]', 'x')" },
		{ "cairn_ra", "INSERT INTO acme.policy (version, source, applied_by) VALUES (100, '', '')" },
		{ "cairn_operator", "UPDATE acme.policy SET source = ''" },
		{ "cairn_operator", "DELETE FROM acme.policy_rule" },
		{ "cairn_ra", "UPDATE acme.authz SET proof = 'grant'" },
		{ "cairn_wfe", "SELECT * FROM acme.policy_rule" },
	};
	for (size_t i = 0; i < COUNT_OF(denied); i++) {
		assert_string_equal(pg_try(denied[i].role, denied[i].sql, NULL), "42501");
	}
	pg_check_statements("cairn_operator", policy_statements, policy_statements_n);
	ctx_done(&p.c);
}

/* an order of before comes back as far as the policy of now has it: not when it refuses, and neither in place of an order whose
 * names it gives without a challenge nor as one to which it gave them. */
static void orders_come_back_by_the_policy_of_now(void **state)
{
	(void) state;
	struct party p;
	struct order first;
	struct order again;
	struct order given;
	party_init(&p);
	apply(&p.c, NO_RULES);
	assert_int_equal(order(&p, "a.back.test", NULL, NULL, &first), 0);
	apply(&p.c, "rules: [{name: other, everybody: true, names: [.other.test]}]");
	assert_refused(&p, order(&p, "a.back.test", NULL, NULL, &again), PROBLEM_REJECTED_IDENTIFIER, "no rule of policy");
	apply(&p.c, "rules: [{name: back, everybody: true, names: [.back.test]}]");
	assert_int_equal(order(&p, "a.back.test", NULL, NULL, &again), 0);
	assert_true(id_equal(first.id, again.id));
	apply(&p.c, "rules: [{name: back, everybody: true, names: [.back.test], without_challenge: true}]");
	assert_int_equal(order(&p, "a.back.test", NULL, NULL, &given), 0);
	assert_false(id_equal(first.id, given.id));
	assert_string_equal(given.status, "ready");
	pg_exec("cairn_owner",
	    arena_printf(p.c.arena, "UPDATE acme.orders SET expires_at = now() + interval '5 d' WHERE id = '%s'",
	        uuid_of(&p.c, given.id)));
	assert_int_equal(order(&p, "a.back.test", NULL, NULL, &again), 0);
	assert_false(id_equal(given.id, again.id));
	apply(&p.c, NO_RULES);
	pg_exec("cairn_owner",
	    arena_printf(p.c.arena, "UPDATE acme.orders SET expires_at = now() WHERE id = '%s'", uuid_of(&p.c, first.id)));
	assert_int_equal(order(&p, "a.back.test", NULL, NULL, &again), 0);
	assert_string_equal(again.status, "pending");
	ctx_done(&p.c);
}

/* Between order and finalize a policy may come that refuses. */
static void finalize_asks_again(void **state)
{
	(void) state;
	struct party p;
	struct order made;
	party_init(&p);
	apply(&p.c, "rules: [{name: lab, everybody: true, names: [.lab.test], without_challenge: true}]");
	assert_int_equal(order(&p, "a.lab.test", NULL, NULL, &made), 0);
	apply(&p.c, "rules: [{name: other, everybody: true, names: [.other.test]}]");
	issued = 0;
	assert_refused(&p, finalize(&p, &made), PROBLEM_REJECTED_IDENTIFIER, "no rule of policy");
	assert_int_equal(issued, 0);
	apply(&p.c, NO_RULES);
	assert_int_equal(finalize(&p, &made), 0);
	ctx_done(&p.c);
}

static const char *verdict_on(const struct policy_verdict_list *list, const char *identifier)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].identifier, identifier) == 0) {
			return list->v[i].verdict;
		}
	}
	return "(none)";
}

static bool refused_by(const struct policy_verdict_list *list, const char *identifier, const char *rule)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct policy_verdict *one = &list->v[i];
		if (strcmp(one->identifier, identifier) == 0 && strcmp(one->verdict, "refused") == 0 && one->rule != NULL &&
		    strcmp(one->rule, rule) == 0) {
			return true;
		}
	}
	return false;
}

/* What the profile refuses has a rule as well (B-21, B-25). */
static void profiles_refuse_by_rules(void **state)
{
	(void) state;
	struct party p;
	struct policy_verdict_list list;
	bool allowed = true;
	const char *names[] = { "a.ana.test", "b.ana.test", "c.ana.test", "d.ana.test", "10.1.2.3" };
	const char *others[] = { "AZr0AAAAcACAAAAAAAAAAA" };
	const char *types[] = { "dns" };
	party_init(&p);
	apply(&p.c, NO_RULES);
	const struct config_profile before = profiles[1];
	profiles[1].accounts = (struct text_list) { others, 1 };
	profiles[1].identifier_types = (struct text_list) { types, 1 };
	const struct policy_test test = {
		.account = p.account.id,
		.names = { names, COUNT_OF(names) },
		.profile = "short",
	};
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_false(allowed);
	assert_true(refused_by(&list, "", "profile.names"));
	assert_true(refused_by(&list, "", "profile.account"));
	assert_true(refused_by(&list, "10.1.2.3", "profile.type"));
	assert_string_equal(verdict_on(&list, "a.ana.test"), "challenge");
	profiles[1].accounts.n = 0; /* */
	const char *repeated[] = { "a.ana.test", "A.ana.test", "a.ana.test", "b.ana.test", "B.ANA.test", "b.ana.test" };
	const struct policy_test twice = {
		.account = p.account.id, .names = { repeated, COUNT_OF(repeated) }, .profile = "short"
	};
	assert_int_equal(policy_test_run(&p.c, &test_config, &twice, &list, &allowed), 0);
	assert_true(allowed);
	assert_int_equal(list.n, 2);
	profiles[1].accounts.n = 1;
	struct order made;
	assert_refused(&p, order(&p, "a.ana.test", NULL, "short", &made), PROBLEM_UNAUTHORIZED, "may not use the profile");
	assert_string_equal(p.c.err.rule, "profile.account");
	profiles[1] = before;
	ctx_done(&p.c);
}

static void questions_are_answered_before(void **state)
{
	(void) state;
	struct party p;
	struct policy_verdict_list list;
	bool allowed = false;
	const char *names[] = { "www.ana.test", "lab.test", "www.ben.test", "under_score.test" };
	party_init(&p);
	apply(&p.c,
	    arena_printf(p.c.arena,
	        "rules: [{name: ana, accounts: [%s], names: [.ana.test]}, {name: lab, everybody: true, names: [lab.test], "
	        "without_challenge: true}]",
	        p.text));
	struct policy_test test = { .account = p.account.id, .names = { names, COUNT_OF(names) } };
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_false(allowed);
	assert_string_equal(verdict_on(&list, "www.ana.test"), "challenge");
	assert_string_equal(verdict_on(&list, "lab.test"), "granted");
	assert_true(refused_by(&list, "www.ben.test", "name.not-granted"));
	assert_true(refused_by(&list, "under_score.test", "name.underscore"));
	test.names.n = 2;
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_true(allowed);
	assert_string_equal(list.v[0].rule, "ana");
	/* as it stood before */
	char *before = pg_value("SELECT max(version) - 1 FROM acme.policy");
	apply(&p.c, NO_RULES);
	test.names.n = 3;
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_true(allowed);
	test.version = strtol(before, NULL, 10) + 1;
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_false(allowed);
	test.version = 1000;
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), -1);
	assert_int_equal(p.c.err.type, PROBLEM_NOT_FOUND);
	free(before);
	pg_exec("cairn_owner",
	    arena_printf(p.c.arena, "UPDATE acme.account SET status = 'deactivated' WHERE id = cairn.id_of('%s')", p.text));
	test.version = 0;
	ctx_forgive(&p.c);
	assert_int_equal(policy_test_run(&p.c, &test_config, &test, &list, &allowed), 0);
	assert_false(allowed);
	assert_string_equal(verdict_on(&list, ""), "refused");
	const struct policy_test unknown[] = { { .account = id_new(), .names = test.names },
		{ .eab_key = id_new(), .names = test.names },
		{ .account = p.account.id, .names = test.names, .profile = "none" } };
	for (size_t i = 0; i < COUNT_OF(unknown); i++) {
		ctx_forgive(&p.c);
		assert_int_equal(policy_test_run(&p.c, &test_config, &unknown[i], &list, &allowed), -1);
	}
	ctx_done(&p.c);
}

/* A day old; it ends so long from now. */
static void give_certificate(struct party *p, const char *names, const char *life)
{
	pg_exec("cairn_owner",
	    arena_printf(p->c.arena,
	        "WITH c AS (INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, "
	        "crl_shard, issuer, profile, serial, spki_sha256, names, validations, der, signed_at) VALUES "
	        "(cairn.new_id(), cairn.new_id(), cairn.id_of('%s'), now() - interval '1 day', now() + interval '%s', "
	        "now(), 0, 'i', "
	        "'classic', '\\x01' || uuid_send(gen_random_uuid()), sha256(''), '%s', '{}', 'x', now()) RETURNING id, "
	        "serial) INSERT INTO ca.serial SELECT serial, id FROM c",
	        p->text, life, names));
}

/* B-16: renewals come when renewalInfo says. */
static void assert_days_left(const struct policy_difference *d, double days)
{
	double left = (double) (d->renews_at.us - clock_now().us) / (86400.0 * 1000000);
	assert_true(left > days - 0.01 && left < days + 0.01);
}

static void certificates_that_a_policy_refuses(void **state)
{
	(void) state;
	struct party ana;
	struct party ben;
	struct grants grants;
	struct policy_difference_list found;
	party_init(&ana);
	party_init(&ben);
	give_certificate(&ana, "{www.ana.test}", "2 days");
	give_certificate(&ben, "{www.ben.test,10.1.2.3}", "30 days");
	give_certificate(&ben, "{10.1.2.3,www.ben.test}", "136 hours"); /* 160 in all */
	give_certificate(&ben, "{www.ben.test}", "-1 hour");
	give_certificate(&ben, "{revoked.test}", "1 day");
	pg_exec("cairn_owner",
	    "INSERT INTO ca.issuer (name, certificate, key_id, chain, crl_url, aia_url, active) VALUES ('i', '', '', '', "
	    "'', '', true); "
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, not_after) SELECT "
	    "id, serial, 'i', 0, 0, 'account', not_after FROM ca.certificate WHERE names = '{revoked.test}'");
	const char *text = arena_printf(ana.c.arena,
	    "rules: [{name: ana, accounts: [%s], names: [.ana.test]}, {name: all, everybody: true, names: [10.0.0.0/8]}]",
	    ana.text);
	assert_int_equal(grants_read(&ana.c, "x", bytes_of_text(text), NULL, &grants), 0);
	char *versions = pg_value("SELECT count(*) FROM acme.policy");
	become_operator();
	assert_int_equal(policy_diff(&ana.c, text, &grants, &found), 0);
	pg_assert_value("SELECT count(*) FROM acme.policy", versions); /* nothing was changed */
	free(versions);
	assert_int_equal(found.n, 2);
	for (size_t i = 0; i < found.n; i++) {
		assert_true(id_equal(found.v[i].account_id, ben.account.id));
		assert_int_equal(found.v[i].names.n, 1); /* the address is given */
		assert_string_equal(found.v[i].names.v[0], "www.ben.test");
		assert_non_null(strstr(found.v[i].reasons.v[0], "no rule of policy"));
		assert_false(found.v[i].refused_now);
	}
	assert_true(found.v[1].newest && !found.v[0].newest);
	assert_days_left(&found.v[0], (31 * (2.0 / 3 - 0.01) - 1));
	assert_days_left(&found.v[1], 160 * 0.49 / 24 - 1);
	pg_exec("cairn_owner",
	    arena_printf(ana.c.arena,
	        "INSERT INTO acme.incident (id, url, source, opens, closes, waves, created_by) VALUES (cairn.new_id(), "
	        "'https://x.test/', 'test', now(), now() + interval '1 hour', 1, 'test'); "
	        "INSERT INTO acme.incident_certificate SELECT cairn.id_of('%s'), id, 1 FROM acme.incident",
	        text_of(ana.c.arena, found.v[1].certificate_id)));
	assert_int_equal(policy_diff(&ana.c, text, &grants, &found), 0);
	assert_days_left(&found.v[1], 0);
	pg_exec("cairn_owner", "DELETE FROM acme.incident_certificate; DELETE FROM acme.incident");
	apply(&ana.c, text);
	assert_int_equal(policy_diff(&ana.c, text, &grants, &found), 0);
	assert_true(found.n == 2 && found.v[0].refused_now);
	apply(&ana.c, NO_RULES);
	ctx_done(&ana.c);
	ctx_done(&ben.c);
}

static void versions_are_kept(void **state)
{
	(void) state;
	struct ctx c;
	struct policy_row row;
	struct grants grants;
	int64_t version = 0;
	ctx_init(&c);
	apply(&c, "rules: [{name: kept, everybody: true, names: [.]}] # as written\n");
	assert_int_equal(policy_read(&c, 0, &row), 0);
	int64_t kept = row.version;
	assert_true(row.in_force);
	assert_string_equal(row.applied_by, "operator test");
	apply(&c, NO_RULES);
	assert_int_equal(policy_read(&c, kept, &row), 0);
	assert_false(row.in_force);
	assert_non_null(strstr(row.source, "# as written"));
	assert_int_equal(policy_read(&c, kept + 100, &row), -1);
	assert_int_equal(c.err.type, PROBLEM_NOT_FOUND);
	pg_assert_value(
	    "SELECT actor || (facts ->> 'rules') FROM log.event WHERE kind = 'policy.applied' ORDER BY id DESC LIMIT 1",
	    "operator test0");
	/* an account that there is not may not be named */
	ctx_forgive(&c);
	assert_int_equal(
	    grants_read(&c, "x", bytes_of_text("rules: [{name: a, accounts: [AZr0AAAAcACAAAAAAAAAAA], names: [.]}]"), NULL,
	        &grants),
	    0);
	assert_int_equal(policy_apply(&c, "x", &grants, "operator test", &version), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	assert_int_equal(policy_read(&c, 0, &row), -1 + 1);
	assert_int_equal(row.version, kept + 1);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rules_all_may_ask),
		cmocka_unit_test(rules_say_whose_names_are),
		cmocka_unit_test(keys_bind_their_accounts),
		cmocka_unit_test(names_are_granted_loudly),
		cmocka_unit_test(grants_are_judged_in_the_database),
		cmocka_unit_test(orders_come_back_by_the_policy_of_now),
		cmocka_unit_test(finalize_asks_again),
		cmocka_unit_test(profiles_refuse_by_rules),
		cmocka_unit_test(questions_are_answered_before),
		cmocka_unit_test(certificates_that_a_policy_refuses),
		cmocka_unit_test(versions_are_kept),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
