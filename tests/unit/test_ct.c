/* Certificate Transparency without a network: precertificates, SCTs, the list of logs, the policy. What we make is judged by
 * OpenSSL's own implementation too. */
#include "tests/unit/ct_world.h"

#include <openssl/ct.h>

#include "lib/ct/precert.h"
#include "lib/ct/roots.h"
#include "lib/crypto/oid.h"

#define DAY 86400
#define NONE ((struct bytes) { NULL, 0 })

static struct hierarchy h;
static struct ctx *shared;
static struct test_log logs[] = {
	{ .operator= "A", .description = "a 1" },
	{ .operator= "A", .description = "a 2" },
	{ .operator= "B", .description = "b 1" },
	{ .operator= "B", .description = "b tiled", .tiled = true },
	{ .operator= "C", .description = "c tiled", .tiled = true },
	{ .operator= "D", .description = "d retired", .state = "retired", .since = "2026-01-01T00:00:00Z" },
	{ .operator= "E", .description = "e early", .from = "2001-01-01T00:00:00Z", .until = "2002-01-01T00:00:00Z" },
	{ .operator= "F", .description = "f rejected", .state = "rejected" },
	{ .operator= "G", .description = "g pending", .state = "pending" },
	{ .operator= "H", .description = "h readonly", .state = "readonly" },
};
enum { A1, A2, B1, B_TILED, C_TILED, D_RETIRED, E_EARLY, F_REJECTED, G_PENDING, H_READONLY };

static int setup(void **state)
{
	(void) state;
	test_ctx_new((void **) &shared);
	make_hierarchy(shared, "p384", "p256", &h);
	test_logs_make(shared, logs, COUNT_OF(logs));
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	return test_ctx_free((void **) &shared);
}

/* A leaf of 90 days, and what judges its SCTs. */
struct leaf {
	struct bytes plain;
	struct bytes poisoned;
	struct ct_log_list list;
	struct ct_case o;
};

static struct leaf *leaf_of(struct ctx *c, int64_t days)
{
	struct leaf *leaf = ARENA_NEW(c->arena, struct leaf);
	uint8_t *issuer = arena_alloc(c->arena, SHA256_SIZE);
	TEXTS(names, "a.test", "b.test");
	struct cert_template t = leaf_template(c, &h.intermediate, "p256", &names);
	t.not_after = timestamp_add_s(t.not_before, days * DAY - 1);
	assert_good(c, cert_build_tbs(c, &t, &leaf->plain));
	assert_good(c, precert_poison(c, leaf->plain, &leaf->poisoned));
	sha256_of(h.intermediate.info.spki, issuer);
	assert_good(c,
	    ct_log_list_parse(c, test_logs_json(c, logs, COUNT_OF(logs), timestamp_add_s(clock_now(), -DAY)), &leaf->list));
	leaf->o = (struct ct_case) {
		.logs = &leaf->list,
		.not_before = t.not_before,
		.not_after = t.not_after,
		.now = clock_now(),
		.entry = { true, leaf->plain, { issuer, SHA256_SIZE } },
	};
	return leaf;
}

static struct sct sct_from(struct ctx *c, const struct leaf *leaf, int log)
{
	return test_log_sign(c, &logs[log], &leaf->o.entry, leaf->o.now, NONE);
}

/* OpenSSL takes the certificate apart by itself and finds that each SCT is for this very certificate. */
static void openssl_agrees(struct ctx *c, const struct leaf *leaf, const struct sct_list *list)
{
	struct bytes tbs;
	struct bytes der;
	assert_good(c, precert_embed(c, leaf->plain, sct_list_encode(c->arena, list), &tbs));
	assert_good(c, cert_sign(c, h.intermediate.key, tbs, &der));
	X509 *cert = to_x509(der);
	X509 *issuer = to_x509(h.intermediate.info.der);
	CTLOG_STORE *store = CTLOG_STORE_new();
	CT_POLICY_EVAL_CTX *eval = CT_POLICY_EVAL_CTX_new();
	STACK_OF(SCT) *scts = X509_get_ext_d2i(cert, NID_ct_precert_scts, NULL, NULL);
	assert_int_equal(sk_SCT_num(scts), (int) list->n);
	CT_POLICY_EVAL_CTX_set1_cert(eval, cert);
	CT_POLICY_EVAL_CTX_set1_issuer(eval, issuer);
	CT_POLICY_EVAL_CTX_set_time(eval, (uint64_t) (leaf->o.now.us / 1000) + 1000);
	FILE *f = tmpfile();
	char path[64];
	assert_non_null(f);
	for (size_t i = 0; i < COUNT_OF(logs); i++) {
		fprintf(f, "%s[l%zu]\ndescription = %s\nkey = %s\n",
		    i == 0 ? "enabled_logs = l0,l1,l2,l3,l4,l5,l6,l7,l8,l9\n" : "", i, logs[i].description,
		    base64_encode(c->arena, logs[i].spki));
	}
	fflush(f);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(f));
	assert_int_equal(CTLOG_STORE_load_file(store, path), 1);
	CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(eval, store);
	assert_int_equal(SCT_LIST_validate(scts, eval), 1);
	for (int i = 0; i < sk_SCT_num(scts); i++) {
		assert_int_equal(SCT_get_validation_status(sk_SCT_value(scts, i)), SCT_VALIDATION_STATUS_VALID);
	}
	fclose(f);
	SCT_LIST_free(scts);
	CT_POLICY_EVAL_CTX_free(eval);
	CTLOG_STORE_free(store);
	X509_free(cert);
	X509_free(issuer);
}

/* H-2, H-3, H-4, H-10, D-47 */
static void embedded_scts_hold_for_others(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	static const uint8_t index[] = { 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x07 }; /* leaf_index (H-4) */
	struct sct v[] = { sct_from(c, leaf, A1),
		test_log_sign(c, &logs[C_TILED], &leaf->o.entry, leaf->o.now, (struct bytes) { index, sizeof(index) }) };
	const struct sct_list list = { v, COUNT_OF(v) };
	struct sct_list again;
	openssl_agrees(c, leaf, &list);
	struct bytes encoded = sct_list_encode(c->arena, &list);
	assert_good(c, ct_check_list(c, &leaf->o, encoded));
	assert_good(c, sct_list_parse(c, encoded, &again));
	assert_true(bytes_equal(sct_list_encode(c->arena, &again), encoded));
	v[1].extensions = NONE; /* H-4: emptied, it is another SCT */
	assert_cause(c, "signature", ct_check_list(c, &leaf->o, sct_list_encode(c->arena, &list)));
}

/* D-52 */
static void precertificate_and_certificate_are_one(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct precert_parts parts;
	struct bytes final;
	struct sct v[] = { sct_from(c, leaf, A1), sct_from(c, leaf, B1) };
	struct bytes list = sct_list_encode(c->arena, &(struct sct_list) { v, 2 });
	assert_good(c, precert_embed(c, leaf->plain, list, &final));
	assert_good(c, precert_split(c, leaf->poisoned, &parts));
	assert_true(parts.poisoned && parts.sct_list.n == 0 && bytes_equal(parts.plain, leaf->plain));
	assert_good(c, precert_split(c, final, &parts));
	assert_true(!parts.poisoned && bytes_equal(parts.sct_list, list) && bytes_equal(parts.plain, leaf->plain));
	assert_good(c, precert_split(c, leaf->plain, &parts));
	assert_true(!parts.poisoned && parts.sct_list.n == 0 && bytes_equal(parts.plain, leaf->plain));
	assert_good(c, precert_check_same(c, leaf->poisoned, final));
	assert_cause(c, "D-52", precert_check_same(c, final, leaf->poisoned));
	assert_cause(c, "D-52", precert_check_same(c, leaf->poisoned, leaf->plain));
	assert_cause(c, "D-52", precert_check_same(c, leaf->poisoned, leaf->poisoned));
	assert_problem(c, PROBLEM_MALFORMED, precert_poison(c, leaf->poisoned, &final));
	assert_problem(c, PROBLEM_MALFORMED, precert_embed(c, leaf->plain, NONE, &final));
}

/* D-56: every octet of the final certificate counts. */
static void one_other_octet_is_refused(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct bytes final;
	struct sct v[] = { sct_from(c, leaf, A1), sct_from(c, leaf, B1) };
	struct bytes list = sct_list_encode(c->arena, &(struct sct_list) { v, 2 });
	assert_good(c, precert_embed(c, leaf->plain, list, &final));
	uint8_t *altered = arena_alloc(c->arena, final.n);
	size_t accepted = 0;
	for (size_t i = 0; i < final.n - list.n; i++) { /* the list itself is judged by its signatures */
		struct ctx own;
		ctx_init(&own);
		memcpy(altered, final.p, final.n);
		altered[i] ^= 1;
		accepted += precert_check_same(&own, leaf->poisoned, (struct bytes) { altered, final.n }) == 0 ? 1 : 0;
		ctx_done(&own);
	}
	assert_int_equal(accepted, 0);
}

/* H-10: at another place, critical, twice, or with another value, neither extension is one. */
static void extensions_in_other_forms_are_refused(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct precert_parts parts;
	struct bytes twice;
	/* The poison's own octets, as they end the TBSCertificate, with one of them altered at a time. */
	uint8_t *altered = arena_alloc(c->arena, leaf->poisoned.n);
	for (size_t back = 1; back <= 21; back++) {
		memcpy(altered, leaf->poisoned.p, leaf->poisoned.n);
		altered[leaf->poisoned.n - back] ^= 1;
		struct bytes in = { altered, leaf->poisoned.n };
		bool poison = precert_split(c, in, &parts) == 0 && parts.poisoned;
		ctx_forgive(c);
		assert_false(poison);
	}
	assert_good(c, precert_poison(c, leaf->plain, &twice));
	/* a list of SCTs behind the poison */
	struct bytes oid = OID_CT_SCT_LIST;
	struct bytes list = DER(c->arena, DER_SEQUENCE, oid,
	    DER(c->arena, DER_OCTET_STRING, DER(c->arena, DER_OCTET_STRING, bytes_of_text("x"))));
	struct bytes content;
	assert_int_equal(der_take_only(twice, DER_SEQUENCE, &content), 0);
	struct der r = der_of(content);
	struct bytes extensions;
	while (der_peek(&r) != DER_CONTEXT_CONSTRUCTED(3)) {
		assert_int_equal(der_take(&r, der_peek(&r), NULL, NULL), 0);
	}
	struct bytes front = { content.p, content.n - r.n };
	assert_int_equal(der_take(&r, DER_CONTEXT_CONSTRUCTED(3), NULL, &extensions), 0);
	assert_int_equal(der_take_only(extensions, DER_SEQUENCE, &extensions), 0);
	struct bytes both = DER(c->arena, DER_SEQUENCE, front,
	    DER(c->arena, DER_CONTEXT_CONSTRUCTED(3), DER(c->arena, DER_SEQUENCE, extensions, list)));
	assert_problem(c, PROBLEM_MALFORMED, precert_split(c, both, &parts));
}

static const char *refusal(struct ctx *c, const struct leaf *leaf, const struct sct *sct)
{
	const char *why = ct_sct_refusal(c->arena, &leaf->o, sct);
	return why == NULL ? "good" : why;
}

/* H-3, H-5, H-9, H-10 */
static void wrong_scts_are_refused(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct leaf *other = leaf_of(c, 90);
	struct test_log stranger = { .operator= "X", .description = "x" };
	test_logs_make(c, &stranger, 1);
	struct sct sct = sct_from(c, leaf, A1);
	assert_string_equal(refusal(c, leaf, &sct), "good");
	assert_non_null(strstr(refusal(c, other, &sct), "signature")); /* another certificate */
	sct.time_ms++;
	assert_non_null(strstr(refusal(c, leaf, &sct), "signature"));
	sct = sct_from(c, leaf, A1);
	sct.hash = 5;
	assert_non_null(strstr(refusal(c, leaf, &sct), "signature"));
	sct = sct_from(c, leaf, A1);
	sct.algorithm = 1;
	assert_non_null(strstr(refusal(c, leaf, &sct), "signature"));
	struct ct_entry final = { false, leaf->plain, NONE }; /* entry type */
	sct = test_log_sign(c, &logs[A1], &final, leaf->o.now, NONE);
	assert_non_null(strstr(refusal(c, leaf, &sct), "signature"));
	sct = test_log_sign(c, &stranger, &leaf->o.entry, leaf->o.now, NONE);
	assert_non_null(strstr(refusal(c, leaf, &sct), "not in the list"));
	sct = test_log_sign(c, &logs[A1], &leaf->o.entry, timestamp_add_s(leaf->o.now, 3600), NONE);
	assert_non_null(strstr(refusal(c, leaf, &sct), "future"));
	sct = test_log_sign(c, &logs[A1], &leaf->o.entry, timestamp_add_s(leaf->o.now, -3 * DAY), NONE);
	assert_non_null(strstr(refusal(c, leaf, &sct), "long past"));
	struct leaf whole = *leaf; /* a certificate that the log has had for days (H-13) */
	whole.o.entry = final;
	sct = test_log_sign(c, &logs[A1], &final, timestamp_add_s(leaf->o.now, -3 * DAY), NONE);
	assert_string_equal(refusal(c, &whole, &sct), "good");
	sct = sct_from(c, leaf, E_EARLY);
	assert_non_null(strstr(refusal(c, leaf, &sct), "another time"));
	static const int dead[] = { D_RETIRED, F_REJECTED, G_PENDING };
	for (size_t i = 0; i < COUNT_OF(dead); i++) {
		sct = sct_from(c, leaf, dead[i]);
		assert_non_null(strstr(refusal(c, leaf, &sct), "state"));
	}
	sct = sct_from(c, leaf, H_READONLY);
	assert_string_equal(refusal(c, leaf, &sct), "good"); /* H-5 */
}

static bool enough(struct ctx *c, const struct leaf *leaf, const int *which, size_t n)
{
	struct sct *v = ARENA_ARRAY(c->arena, n, struct sct);
	for (size_t i = 0; i < n; i++) {
		v[i] = sct_from(c, leaf, which[i]);
	}
	return ct_is_enough(&leaf->o, v, n);
}
#define ENOUGH(leaf, ...) enough(c, (leaf), (const int[]) { __VA_ARGS__ }, COUNT_OF(((const int[]) { __VA_ARGS__ })))

/* H-5, H-6, H-7, H-12, H-22 */
static void policy_counts_logs_and_operators(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	assert_true(ENOUGH(leaf, A1, B1));
	assert_true(ENOUGH(leaf, A1, C_TILED));
	assert_false(ENOUGH(leaf, A1));
	assert_false(ENOUGH(leaf, A1, A2));           /* one operator */
	assert_false(ENOUGH(leaf, A1, A1));           /* one log */
	assert_false(ENOUGH(leaf, B_TILED, C_TILED)); /* H-6: none of RFC 6962 */
	struct leaf *at_bound = leaf_of(c, 180);
	struct leaf *beyond = leaf_of(c, 181);
	const struct timestamp now = { INT64_C(1795000000) * 1000000 };   /* 2026-11 */
	const struct timestamp later = { INT64_C(1805068800) * 1000000 }; /* 2027-03-15 */
	assert_int_equal(ct_need_of(at_bound->o.not_before, at_bound->o.not_after, now).scts, 2);
	assert_int_equal(ct_need_of(beyond->o.not_before, beyond->o.not_after, now).scts, 3);
	assert_int_equal(ct_need_of(beyond->o.not_before, beyond->o.not_after, later).scts, 2);
	beyond->o.now = now;
	assert_false(ENOUGH(beyond, A1, B1));
	assert_true(ENOUGH(beyond, A1, A2, B1));
	assert_false(ENOUGH(beyond, A1, A2, A1));
}

static const struct {
	const char *state;
	int64_t ago_s; /* the SCT; the log has its state for an hour */
	bool counts;
	bool current; /* at least one has to be */
	bool asked;
} states[] = {
	{ "pending", 1800, false, false, false },
	{ "qualified", 1800, true, true, true },
	{ "usable", 1800, true, true, true },
	{ "readonly", 7200, true, true, false },
	{ "retired", 7200, true, false, false },
	{ "retired", 1800, false, false, false },
	{ "rejected", 7200, false, false, false },
};
enum { STATES = COUNT_OF(states) };

/* Two operators have a log of each state: of the first one, then of the other one. */
static struct leaf *leaf_by_states(struct ctx *c, struct test_log v[static 2 * STATES])
{
	struct leaf *leaf = leaf_of(c, 90);
	char since[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(leaf->o.now, -3600), false, since);
	for (size_t i = 0; i < 2 * STATES; i++) {
		v[i] = (struct test_log) { .operator= i<STATES ? "P" : "Q",
			.description = arena_printf(c->arena, "log %zu", i),
			.state = states[i % STATES].state,
			.since = arena_text(c->arena, since) };
	}
	test_logs_make(c, v, 2 * STATES);
	struct bytes json = test_logs_json(c, v, 2 * STATES, leaf->o.now);
	assert_good(c, ct_log_list_parse(c, json, &leaf->list));
	return leaf;
}

/* H-5: every state beside every state, a retired log by an SCT of before it retired and by one of after that. */
static void every_state_beside_every_state(void **state)
{
	struct ctx *c = *state;
	struct test_log v[2 * STATES];
	struct leaf *leaf = leaf_by_states(c, v);
	struct sct scts[2 * STATES];
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		struct timestamp at = timestamp_add_s(leaf->o.now, -states[i % STATES].ago_s);
		scts[i] = test_log_sign(c, &v[i], &leaf->o.entry, at, NONE);
	}
	for (size_t i = 0; i < STATES; i++) {
		for (size_t k = 0; k < STATES; k++) {
			struct sct both[] = { scts[i], scts[STATES + k] };
			bool good = states[i].counts && states[k].counts && (states[i].current || states[k].current);
			int result = ct_check_list(c, &leaf->o, sct_list_encode(c->arena, &(struct sct_list) { both, 2 }));
			ctx_forgive(c);
			if ((result == 0) != good) {
				fail_msg("%s, %lld s ago, beside %s, %lld s ago", states[i].state, (long long) states[i].ago_s,
				    states[k].state, (long long) states[k].ago_s);
			}
		}
	}
}

/* H-5: no other log takes anything. */
static void only_logs_that_take_are_asked(void **state)
{
	struct ctx *c = *state;
	struct test_log v[2 * STATES];
	struct leaf *leaf = leaf_by_states(c, v);
	const struct ct_log *found[COUNT_OF(v)];
	size_t n = ct_candidates(&leaf->o, &(struct text_list) { NULL, 0 }, found);
	for (size_t i = 0; i < COUNT_OF(v); i++) {
		bool asked = false;
		for (size_t k = 0; k < n; k++) {
			asked = asked || strcmp(found[k]->description, v[i].description) == 0;
		}
		assert_int_equal(asked, states[i % STATES].asked);
	}
}

/* H-11: of what came, the first that are enough, and no more. */
static void first_enough_are_chosen(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	static const int came[] = { A1, A2, C_TILED, B1 };
	struct sct v[COUNT_OF(came)];
	struct sct_list chosen = { ARENA_ARRAY(c->arena, COUNT_OF(came), struct sct), 0 };
	for (size_t i = 0; i < COUNT_OF(came); i++) {
		v[i] = sct_from(c, leaf, came[i]);
	}
	assert_int_equal(ct_choose(&leaf->o, v, 1, &chosen), -1);
	assert_int_equal(ct_choose(&leaf->o, v, 2, &chosen), -1);
	assert_int_equal(ct_choose(&leaf->o, v, 4, &chosen), 0);
	assert_int_equal(chosen.n, 2);
	assert_true(bytes_equal(chosen.v[0].log_id, v[0].log_id) && bytes_equal(chosen.v[1].log_id, v[2].log_id));
}

/* H-9, H-11: whom to ask, and in which order. */
static void logs_are_asked_by_shard_and_operator(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	const struct ct_log *found[COUNT_OF(logs)];
	const struct text_list any = { NULL, 0 };
	for (int run = 0; run < 50; run++) {
		assert_int_equal(ct_candidates(&leaf->o, &any, found), 5);
		assert_false(found[0]->tiled);
		for (size_t i = 0; i < 3; i++) { /* A, B and C, each once, before any comes again */
			for (size_t k = 0; k < i; k++) {
				assert_string_not_equal(found[i]->operator, found[k]->operator);
			}
		}
	}
	TEXTS(named, "b 1", "c tiled", "e early");
	assert_int_equal(ct_candidates(&leaf->o, &named, found), 2);
	/* Shards of two years: the end of the certificate decides, its last second too. */
	struct test_log shards[] = {
		{ .operator= "A", .description = "2026", .from = "2026-01-01T00:00:00Z", .until = "2027-01-01T00:00:00Z" },
		{ .operator= "A", .description = "2027", .from = "2027-01-01T00:00:00Z", .until = "2028-01-01T00:00:00Z" },
	};
	struct ct_log_list list;
	test_logs_make(c, shards, 2);
	assert_good(c, ct_log_list_parse(c, test_logs_json(c, shards, 2, clock_now()), &list));
	leaf->o.logs = &list;
	leaf->o.not_after = (struct timestamp) { INT64_C(1798761599) * 1000000 }; /* 2026-12-31T23:59:59Z */
	assert_int_equal(ct_candidates(&leaf->o, &any, found), 1);
	assert_string_equal(found[0]->description, "2026");
	leaf->o.not_after = timestamp_add_s(leaf->o.not_after, 1);
	assert_int_equal(ct_candidates(&leaf->o, &any, found), 1);
	assert_string_equal(found[0]->description, "2027");
}

/* H-8 */
static void list_has_an_age_and_a_history(void **state)
{
	struct ctx *c = *state;
	struct ct_log_list list;
	struct test_log one = { .operator= "New",
		.description = "n",
		.former = "[{\"name\":\"First\",\"end_time\":\"2024-01-01T00:00:00Z\"},"
		          "{\"name\":\"Second\",\"end_time\":\"2025-01-01T00:00:00Z\"}]" };
	test_logs_make(c, &one, 1);
	assert_good(c, ct_log_list_parse(c, test_logs_json(c, &one, 1, clock_now()), &list));
	assert_string_equal(ct_log_operator_at(&list.v[0], (struct timestamp) { 1 }), "First");
	assert_string_equal(ct_log_operator_at(&list.v[0], (struct timestamp) { INT64_C(1704067200) * 1000000 }), "Second");
	assert_string_equal(ct_log_operator_at(&list.v[0], clock_now()), "New");
	assert_null(ct_list_refusal(&list, timestamp_add_s(list.made_at, 69 * DAY)));
	assert_non_null(ct_list_refusal(&list, timestamp_add_s(list.made_at, 70 * DAY)));
	assert_non_null(ct_list_refusal(&list, timestamp_add_s(list.made_at, -2 * DAY)));
}

static void refused_list(struct ctx *c, const char *json, const char *from, const char *to, const char *why)
{
	struct ct_log_list list;
	const char *at = strstr(json, from);
	assert_non_null(at);
	const char *altered = arena_printf(c->arena, "%.*s%s%s", (int) (at - json), json, to, at + strlen(from));
	assert_int_equal(ct_log_list_parse(c, bytes_of_text(altered), &list), -1);
	if (strstr(c->err.detail, why) == NULL) {
		fail_msg("expected \"%s\", found \"%s\"", why, c->err.detail);
	}
	ctx_forgive(c);
}

/* H-8: lists grow; a log in a state that has no name here counts for nothing, and the others stay. */
static void unknown_states_are_left_out(void **state)
{
	struct ctx *c = *state;
	struct ct_log_list list;
	struct test_log two[] = {
		{ .operator= "O", .description = "known" },
		{ .operator= "P", .description = "strange", .state = "sleeping" },
	};
	test_logs_make(c, two, 2);
	assert_good(c, ct_log_list_parse(c, test_logs_json(c, two, 2, clock_now()), &list));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].description, "known");
	assert_string_equal(list.left_out, "strange");
	assert_good(c, ct_log_list_parse(c, test_logs_json(c, two, 1, clock_now()), &list));
	assert_null(list.left_out);
}

/* H-8: the schema of the list wants neither a description nor a state: pending logs had none of the one, test logs none of the other. */
static void what_may_be_missing(void **state)
{
	struct ctx *c = *state;
	struct ct_log_list list;
	struct test_log two[] = { { .operator= "O", .description = "named" }, { .operator= "P", .description = "other" } };
	test_logs_make(c, two, 2);
	struct bytes good = test_logs_json(c, two, 2, clock_now());
	const char *json = arena_text_n(c->arena, good.p, good.n);
	const char *id = base64_encode(c->arena, (struct bytes) { two[1].id, SHA256_SIZE });
	static const char description[] = "\"description\":\"other\",";
	const char *at = strstr(json, description);
	assert_non_null(at);
	const char *nameless = arena_printf(c->arena, "%.*s%s", (int) (at - json), json, at + strlen(description));
	assert_good(c, ct_log_list_parse(c, bytes_of_text(nameless), &list));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.v[1].description, id);
	static const char usable[] = ",\"state\":{\"usable\":{\"timestamp\":\"2020-01-01T00:00:00Z\"}}";
	at = strstr(strstr(nameless, id), usable);
	assert_non_null(at);
	const char *stateless = arena_printf(c->arena, "%.*s%s", (int) (at - nameless), nameless, at + strlen(usable));
	assert_good(c, ct_log_list_parse(c, bytes_of_text(stateless), &list));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].description, "named");
	assert_string_equal(list.left_out, id);
}

static void list_is_read_strictly(void **state)
{
	struct ctx *c = *state;
	struct ct_log_list list;
	struct test_log one = {
		.operator= "O", .description = "n", .from = "2026-01-01T00:00:00Z", .until = "2027-01-01T00:00:00Z"
	};
	test_logs_make(c, &one, 1);
	struct bytes good = test_logs_json(c, &one, 1, clock_now());
	const char *json = arena_text_n(c->arena, good.p, good.n);
	assert_good(c, ct_log_list_parse(c, good, &list));
	assert_string_equal(list.v[0].url, "https://log.test/one/");
	refused_list(c, json, "\"log_list_timestamp\":\"20", "\"log_list_timestamp\":\"x", "log_list_timestamp");
	refused_list(c, json, "\"log_list_timestamp\"", "\"other\"", "log_list_timestamp");
	refused_list(c, json, "\"log_id\":\"", "\"log_id\":\"AAAA", "log_id");
	refused_list(c, json, "\"key\":\"", "\"key\":\"MFk=", "log_id");
	refused_list(c, json, "{\"usable\"", "{\"fine\"", "state");
	refused_list(c, json, "{\"usable\"", "{\"retired\":{\"timestamp\":\"2020-01-01T00:00:00Z\"},\"usable\"", "state");
	refused_list(c, json, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "temporal_interval");
	refused_list(c, json, "https://", "ftp://", "URL");
	refused_list(c, json, "\"url\"", "\"link\"", "URL");
	refused_list(c, json, "/one/", "/o?e/", "URL");
	refused_list(c, json, "\"description\":\"n\"", "\"description\":7", "description");
	refused_list(c, json, "]}", "", "");
	const char *log = test_log_json(c, &one);
	refused_list(c, json, log, arena_printf(c->arena, "%s,%s", log, log), "twice");
	refused_list(c, json, log, "", "0 logs");
}

/* H-1, H-3 */
static void answers_are_read_strictly(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct sct sct = sct_from(c, leaf, A1);
	struct sct read;
	const uint8_t head[] = { sct.hash, sct.algorithm, (uint8_t) (sct.signature.n >> 8), (uint8_t) sct.signature.n };
	struct bytes pieces[] = { { head, sizeof(head) }, sct.signature };
	const char *good = arena_printf(c->arena,
	    "{\"sct_version\":0,\"id\":\"%s\",\"timestamp\":%llu,\"extensions\":\"\",\"signature\":\"%s\"}",
	    base64_encode(c->arena, sct.log_id), (unsigned long long) sct.time_ms,
	    base64_encode(c->arena, der_join(c->arena, pieces, 2)));
	assert_good(c, sct_of_answer(c, bytes_of_text(good), &read));
	assert_string_equal(refusal(c, leaf, &read), "good");
	assert_true(bytes_equal(sct_encode(c->arena, &read), sct_encode(c->arena, &sct)));
	struct bytes chain_v[] = { bytes_of_text("leaf"), bytes_of_text("issuer") };
	struct bytes question = sct_question(c->arena, &(struct bytes_list) { chain_v, 2 });
	assert_true(bytes_equal_text(question, "{\"chain\":[\"bGVhZg==\",\"aXNzdWVy\"]}"));
	static const char *const wrong[][2] = {
		{ "\"sct_version\":0", "\"sct_version\":1" },
		{ "\"id\":\"", "\"id\":\"AAAA" },
		{ "\"timestamp\":", "\"timestamp\":-" },
		{ "\"timestamp\":", "\"timestamp\":999999" },
		{ "\"extensions\":\"\",", "" },
		{ "\"signature\":\"", "\"signature\":\"AAAA" },
		{ "\"signature\":\"", "\"signature\":\"*" },
		{ "}", "" },
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		const char *at = strstr(good, wrong[i][0]);
		const char *bad =
		    arena_printf(c->arena, "%.*s%s%s", (int) (at - good), good, wrong[i][1], at + strlen(wrong[i][0]));
		assert_problem(c, PROBLEM_MALFORMED, sct_of_answer(c, bytes_of_text(bad), &read));
	}
}

/* H-1: by the certificate itself, or by who signed it; whatever else a log takes. */
static void roots_are_known(void **state)
{
	struct ctx *c = *state;
	struct hierarchy others;
	make_hierarchy(c, "p384", "p256", &others); /* of the same names */
	struct bytes chain_v[] = { h.intermediate.info.der };
	const struct bytes_list chain = { chain_v, COUNT_OF(chain_v) };
	const char *const form = "{\"certificates\":[%s\"%s\"]}";
	const struct {
		struct bytes root;
		bool known;
	} rows[] = {
		{ h.root.info.der, true },
		{ h.intermediate.info.der, true },
		{ others.root.info.der, false },
		{ others.intermediate.info.der, false },
		{ { chain_v[0].p, chain_v[0].n - 1 }, false },
	};
	bool known = false;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *root = base64_encode(c->arena, rows[i].root);
		assert_good(c, ct_roots_know(c, bytes_of_text(arena_printf(c->arena, form, "", root)), &chain, &known));
		assert_int_equal(known, rows[i].known);
		const char *behind =
		    arena_printf(c->arena, "\"!\",\"AAAA\",\"%s\",", base64_encode(c->arena, others.root.info.der));
		assert_good(c, ct_roots_know(c, bytes_of_text(arena_printf(c->arena, form, behind, root)), &chain, &known));
		assert_int_equal(known, rows[i].known);
	}
	assert_good(c, ct_roots_know(c, bytes_of_text("{\"certificates\":[]}"), &chain, &known));
	assert_false(known);
	static const char *const wrong[] = { "", "{}", "<html>", "{\"certificates\":\"\"}", "{\"certificates\":[7]}" };
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_problem(c, PROBLEM_MALFORMED, ct_roots_know(c, bytes_of_text(wrong[i]), &chain, &known));
	}
}

static void broken_lists_are_refused(void **state)
{
	struct ctx *c = *state;
	struct leaf *leaf = leaf_of(c, 90);
	struct sct v[] = { sct_from(c, leaf, A1), sct_from(c, leaf, B1) };
	struct bytes good = sct_list_encode(c->arena, &(struct sct_list) { v, 2 });
	struct sct_list read;
	for (size_t n = 0; n < good.n; n++) {
		assert_problem(c, PROBLEM_MALFORMED, sct_list_parse(c, (struct bytes) { good.p, n }, &read));
	}
	v[1] = v[0];
	struct bytes twice = sct_list_encode(c->arena, &(struct sct_list) { v, 2 });
	assert_problem(c, PROBLEM_MALFORMED, sct_list_parse(c, twice, &read));
	assert_cause(c, "not enough", ct_check_list(c, &leaf->o, sct_list_encode(c->arena, &(struct sct_list) { v, 1 })));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(embedded_scts_hold_for_others),
		WITH_CTX(precertificate_and_certificate_are_one),
		WITH_CTX(one_other_octet_is_refused),
		WITH_CTX(extensions_in_other_forms_are_refused),
		WITH_CTX(wrong_scts_are_refused),
		WITH_CTX(policy_counts_logs_and_operators),
		WITH_CTX(every_state_beside_every_state),
		WITH_CTX(only_logs_that_take_are_asked),
		WITH_CTX(first_enough_are_chosen),
		WITH_CTX(logs_are_asked_by_shard_and_operator),
		WITH_CTX(list_has_an_age_and_a_history),
		WITH_CTX(list_is_read_strictly),
		WITH_CTX(unknown_states_are_left_out),
		WITH_CTX(what_may_be_missing),
		WITH_CTX(answers_are_read_strictly),
		WITH_CTX(roots_are_known),
		WITH_CTX(broken_lists_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
