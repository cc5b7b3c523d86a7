/* Profiles: A-78, D-9, D-35, D-36, D-39, D-41, B-21 to B-25. */
#include "tests/unit/crypto_test.h"

#include "policy/profiles.h"

static struct config_profile profiles_v[] = {
	{ .name = "classic", .life_s = 90 * 86400, .max_names = 100, .common_name = true, .key_encipherment = true },
	{ .name = "tlsserver", .life_s = 45 * 86400, .max_names = 25 },
};
static const struct config_profile_list profiles = { profiles_v, COUNT_OF(profiles_v) };

static struct timestamp at(const char *text)
{
	struct timestamp t = { 0 };
	assert_int_equal(timestamp_parse(bytes_of_text(text), &t), 0);
	return t;
}

static void found_by_name(void **state)
{
	(void) state;
	assert_string_equal(profile_find(&profiles, NULL)->name, "classic"); /* B-22 */
	assert_string_equal(profile_find(&profiles, "tlsserver")->name, "tlsserver");
	assert_null(profile_find(&profiles, "other"));
	enum policy_mode mode;
	assert_int_equal(policy_mode_parse("webpki", &mode), 0);
	assert_int_equal(mode, POLICY_WEBPKI);
	assert_int_equal(policy_mode_parse("public", &mode), -1);
}

/* D-36: the day decides */
static void life_by_date(void **state)
{
	(void) state;
	static const struct {
		const char *now;
		int64_t days;
	} cases[] = { { "2026-11-21T00:00:00Z", 200 }, { "2027-03-14T23:59:59Z", 200 }, { "2027-03-15T00:00:00Z", 100 },
		{ "2029-03-14T23:59:59Z", 100 }, { "2029-03-15T00:00:00Z", 47 } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(profile_life_max_s(POLICY_WEBPKI, at(cases[i].now)), cases[i].days * 86400);
		assert_true(profile_life_max_s(POLICY_PRIVATE, at(cases[i].now)) == INT64_MAX);
	}
}

/* C-70, C-72: what counts is how old a proof may be on the day of issuance, whatever was allowed when it was made */
static void proofs_by_date(void **state)
{
	(void) state;
	static const struct {
		const char *made;
		int64_t days; /* that the profile gives */
		const char *until;
	} cases[] = {
		{ "2026-11-21T00:00:00Z", 30, "2026-12-21T00:00:00Z" },
		{ "2026-05-01T00:00:00Z", 365, "2026-11-17T00:00:00Z" }, /* 200 days */
		{ "2026-11-21T00:00:00Z", 365, "2027-03-15T00:00:00Z" }, /* then 114 days old, and 100 are allowed */
		{ "2027-01-01T00:00:00Z", 365, "2027-04-11T00:00:00Z" }, /* 100 days */
		/* either side of the day from which on it counts, by a second and a day */
		{ "2026-12-04T23:59:59Z", 365, "2027-03-15T00:00:00Z" },
		{ "2026-12-05T00:00:00Z", 365, "2027-03-15T00:00:00Z" },
		{ "2026-12-05T00:00:01Z", 365, "2027-03-15T00:00:01Z" },
		{ "2026-12-06T00:00:00Z", 365, "2027-03-16T00:00:00Z" },
		{ "2029-03-04T23:59:59Z", 365, "2029-03-15T00:00:00Z" },
		{ "2029-03-05T00:00:01Z", 365, "2029-03-15T00:00:01Z" },
		{ "2028-12-05T00:00:00Z", 365, "2029-03-15T00:00:00Z" }, /* 100 days old on the day on which 10 are allowed */
		{ "2029-03-01T00:00:00Z", 30, "2029-03-15T00:00:00Z" },  /* 14 days old, and 10 are allowed */
		{ "2029-03-10T00:00:00Z", 30, "2029-03-20T00:00:00Z" },
		{ "2030-01-01T00:00:00Z", 9, "2030-01-10T00:00:00Z" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct timestamp made = at(cases[i].made);
		int64_t life_s = cases[i].days * 86400;
		assert_int_equal(profile_reuse_until(POLICY_WEBPKI, made, life_s).us, at(cases[i].until).us);
		assert_int_equal(profile_reuse_until(POLICY_PRIVATE, made, life_s).us, timestamp_add_s(made, life_s).us);
	}
}

static void checked_by_mode(void **state)
{
	struct ctx *c = *state;
	struct config_profile p = profiles_v[0];
	assert_good(c, profile_check(c, &p, POLICY_WEBPKI, at("2026-11-21T00:00:00Z")));
	assert_problem(c, PROBLEM_SERVER_INTERNAL, profile_check(c, &p, POLICY_WEBPKI, at("2029-03-15T00:00:00Z")));
	p.life_s = 365 * 86400;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, profile_check(c, &p, POLICY_WEBPKI, at("2026-11-21T00:00:00Z")));
	assert_good(c, profile_check(c, &p, POLICY_PRIVATE, at("2026-11-21T00:00:00Z")));
	p.life_s = 0;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, profile_check(c, &p, POLICY_PRIVATE, at("2026-11-21T00:00:00Z")));
	p = profiles_v[0];
	p.max_names = 0;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, profile_check(c, &p, POLICY_PRIVATE, at("2026-11-21T00:00:00Z")));
}

#define NOW at("2026-11-21T08:09:10Z")

/* D-9: 90 days are 7775999 s between the two; D-35: an hour back */
static void validity(void **state)
{
	struct ctx *c = *state;
	struct validity t;
	struct validity_terms terms = { { NOW.us + 123456 }, 3600, at("2030-01-01T00:00:00Z"), { { 0 }, { 0 } } };
	assert_good(c, profile_validity(c, &profiles_v[0], &terms, &t));
	assert_int_equal(t.from.us, at("2026-11-21T07:09:10Z").us);
	assert_int_equal((t.to.us - t.from.us) / 1000000, 7775999);
	terms.issuer_ends = at("2026-12-01T00:00:00Z");
	assert_good(c, profile_validity(c, &profiles_v[0], &terms, &t));
	assert_int_equal(t.to.us, at("2026-12-01T00:00:00Z").us);
	terms.issuer_ends = NOW;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, profile_validity(c, &profiles_v[0], &terms, &t));
}

static int64_t when(const char *text)
{
	return text == NULL ? 0 : at(text).us;
}

/* what an order asks for is what the certificate says, to the second, or it is refused. */
static void asked_dates(void **state)
{
	struct ctx *c = *state;
	static const struct {
		const char *from;
		const char *to;
		const char *expect_from; /* NULL: refused */
		const char *expect_to;
	} cases[] = {
		{ "2026-11-21T08:00:00Z", NULL, "2026-11-21T08:00:00Z", "2027-02-19T07:59:59Z" },
		{ "2026-11-23T08:09:10Z", NULL, "2026-11-23T08:09:10Z", "2027-02-21T08:09:09Z" },
		{ "2026-11-23T08:09:11Z", NULL, NULL, NULL }, /* D-35 */
		{ "2026-11-19T09:09:10Z", NULL, "2026-11-19T09:09:10Z", "2027-02-17T09:09:09Z" },
		{ "2026-11-19T09:09:09Z", NULL, NULL, NULL },
		{ NULL, "2026-11-22T00:00:00Z", "2026-11-21T07:09:10Z", "2026-11-22T00:00:00Z" },
		{ NULL, "2027-02-19T08:09:09Z", "2026-11-21T08:09:10Z",
		    "2027-02-19T08:09:09Z" }, /* no time before now is left */
		{ NULL, "2027-02-19T08:09:10Z", NULL, NULL },
		{ NULL, "2026-11-21T08:09:10Z", NULL, NULL },
		{ NULL, "1999-01-01T00:00:00Z", NULL, NULL },
		{ "2026-11-21T08:00:00Z", "2027-02-19T07:59:59Z", "2026-11-21T08:00:00Z", "2027-02-19T07:59:59Z" },
		{ "2026-11-21T08:00:00Z", "2027-02-19T08:00:00Z", NULL, NULL }, /* D-9: one second too long */
		{ "2026-11-22T08:00:00Z", "2026-11-22T07:59:59Z", NULL, NULL },
		{ "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct validity t;
		struct validity_terms terms = { NOW, 3600, at("2030-01-01T00:00:00Z"),
			{ { when(cases[i].from) }, { when(cases[i].to) } } };
		int asked = profile_asked_check(c, &profiles_v[0], NOW, &terms.asked);
		ctx_forgive(c);
		if (cases[i].expect_from == NULL) {
			assert_int_equal(asked, -1);
			assert_problem(c, PROBLEM_MALFORMED, profile_validity(c, &profiles_v[0], &terms, &t));
			continue;
		}
		assert_int_equal(asked, 0);
		assert_good(c, profile_validity(c, &profiles_v[0], &terms, &t));
		assert_int_equal(t.from.us, when(cases[i].expect_from));
		assert_int_equal(t.to.us, when(cases[i].expect_to));
	}
	struct validity t;
	struct validity_terms terms = { NOW, 0, at("2026-12-01T00:00:00Z"), { { 0 }, at("2026-12-01T00:00:01Z") } };
	assert_problem(c, PROBLEM_MALFORMED, profile_validity(c, &profiles_v[0], &terms, &t)); /* longer than the issuer */
	terms.asked.to = at("2026-12-01T00:00:00Z");
	assert_good(c, profile_validity(c, &profiles_v[0], &terms, &t));
}

/* D-39, D-41 */
static void applied(void **state)
{
	(void) state;
	TEXTS(names, "a123456789.a123456789.a123456789.a123456789.a123456789.a123456789.test", "b.test", "c.test");
	struct cert_template t = { .dns_names = names };
	profile_apply(&profiles_v[0], NULL, &t);
	assert_int_equal(t.kind, CERT_LEAF);
	assert_string_equal(t.subject.common_name, "b.test");
	profile_apply(&profiles_v[0], "c.test", &t);
	assert_string_equal(t.subject.common_name, "c.test");
	profile_apply(&profiles_v[0], names.v[0], &t); /* one that has no room there */
	assert_string_equal(t.subject.common_name, "b.test");
	assert_true(t.with_key_encipherment);
	profile_apply(&profiles_v[1], "c.test", &t);
	assert_null(t.subject.common_name);
	assert_false(t.with_key_encipherment);
	t.dns_names.n = 1;
	profile_apply(&profiles_v[0], names.v[0], &t);
	assert_null(t.subject.common_name);
}

/* B-21, B-22, B-23 */
static void offered(void **state)
{
	struct ctx *c = *state;
	struct config_profile v[] = { { .name = "old", .withdrawn = true }, { .name = "new" } };
	const struct config_profile_list list = { v, 2 };
	const struct config_profile *found = NULL;
	assert_good(c, profile_offered(c, &list, NULL, &found));
	assert_string_equal(found->name, "new");
	assert_good(c, profile_offered(c, &list, "new", &found));
	assert_problem(c, PROBLEM_INVALID_PROFILE, profile_offered(c, &list, "old", &found));
	assert_problem(c, PROBLEM_INVALID_PROFILE, profile_offered(c, &list, "New", &found));
	assert_problem(c, PROBLEM_INVALID_PROFILE, profile_offered(c, &list, "", &found));
	assert_string_equal(profile_find(&list, "old")->name, "old"); /* for the orders that have it */
}

/* B-21 */
static void identifiers_that_it_takes(void **state)
{
	struct ctx *c = *state;
	const char *types[] = { "dns" };
	struct config_profile p = { .name = "p", .max_names = 2 };
	struct identifier v[] = { { "dns", "a.test" }, { "ip", "192.0.2.1" }, { "dns", "b.test" } };
	assert_good(c, profile_identifiers_check(c, &p, &(struct identifier_list) { v, 2 }));
	assert_int_equal(profile_identifiers_check(c, &p, &(struct identifier_list) { v, 3 }), -1);
	assert_int_equal(c->err.type, PROBLEM_INVALID_PROFILE);
	assert_string_equal(c->err.rule, "profile.names");
	ctx_forgive(c);
	p.identifier_types = (struct text_list) { types, 1 };
	assert_good(c, profile_identifiers_check(c, &p, &(struct identifier_list) { v, 1 }));
	assert_int_equal(profile_identifiers_check(c, &p, &(struct identifier_list) { v, 2 }), -1);
	assert_int_equal(c->err.type, PROBLEM_INVALID_PROFILE);
	assert_string_equal(c->err.rule, "profile.type");
	ctx_forgive(c);
}

/* B-24 */
static void keys_that_it_takes(void **state)
{
	struct ctx *c = *state;
	const char *types[] = { "rsa" };
	struct config_profile p = { .name = "p" };
	AUTO(EVP_PKEY) ec = EVP_EC_gen("P-256");
	AUTO(EVP_PKEY) rsa = EVP_RSA_gen(2048);
	assert_good(c, profile_key_check(c, &p, ec));
	p.key_types = (struct text_list) { types, 1 };
	assert_good(c, profile_key_check(c, &p, rsa));
	assert_problem(c, PROBLEM_BAD_CSR, profile_key_check(c, &p, ec));
}

/* B-25 */
static void accounts_that_may_use_it(void **state)
{
	(void) state;
	char text[ID_TEXT_SIZE];
	struct id ana = id_new();
	id_encode(ana, text);
	const char *accounts[] = { text };
	const char *keys[] = { "AZ-oW0F5cAGAcAAAAAAAAA" };
	struct config_profile p = { .name = "p" };
	assert_int_equal(profile_account(&p, id_new()), PROFILE_ALLOWED);
	p.accounts = (struct text_list) { accounts, 1 };
	assert_int_equal(profile_account(&p, ana), PROFILE_ALLOWED);
	assert_int_equal(profile_account(&p, id_new()), PROFILE_FORBIDDEN);
	p.eab_keys = (struct text_list) { keys, 1 };
	assert_int_equal(profile_account(&p, ana), PROFILE_ALLOWED);
	assert_int_equal(profile_account(&p, id_new()), PROFILE_BY_KEY);
	p.accounts.n = 0;
	assert_int_equal(profile_account(&p, ana), PROFILE_BY_KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(found_by_name),
		WITH_CTX(life_by_date),
		WITH_CTX(proofs_by_date),
		WITH_CTX(checked_by_mode),
		WITH_CTX(validity),
		WITH_CTX(asked_dates),
		WITH_CTX(applied),
		WITH_CTX(offered),
		WITH_CTX(identifiers_that_it_takes),
		WITH_CTX(keys_that_it_takes),
		WITH_CTX(accounts_that_may_use_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
