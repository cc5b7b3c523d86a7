/* The policy from its files: what is a list, what is broken, and that a broken one says where. F-20, F-24, C-13, C-74. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/names.h"

static const char *mode = "private";

static int parse(struct ctx *c, struct file *files, size_t n, struct policy **ret)
{
	const struct config config = { .policy = { .mode = mode } };
	const struct policy_sources sources = { .config = &config, .files = { .lists = { files, n } } };
	return policy_parse(c, &sources, ret);
}

static void assert_broken(const char *name, const char *content, const char *where)
{
	struct ctx c;
	ctx_init(&c);
	struct policy *policy = NULL;
	struct file file = { name, arena_printf(c.arena, "/lists/%s", name), bytes_of_text(content) };
	if (parse(&c, &file, 1, &policy) == 0) {
		fail_msg("%s is taken: %s", name, content);
	}
	if (strstr(c.err.detail, where) == NULL) {
		fail_msg("%s: expected \"%s\", found \"%s\"", name, where, c.err.detail);
	}
	ctx_done(&c);
}

static void broken_lists(void **state)
{
	(void) state;
	static const struct {
		const char *name;
		const char *content;
		const char *where;
	} rows[] = {
		{ "a.names", "evil.com\n", "/lists/a.names:1: an entry needs a section" },
		{ "a.names", "# x\n\n[exakt]\n", "/lists/a.names:3: a section is one of" },
		{ "a.names", "[domains]\nevil.com\nevil_.com\n", "/lists/a.names:3: host names have no underscores" },
		{ "a.names", "[domains]\n*.evil.com\n", "/lists/a.names:2:" },
		{ "a.names", "[domains]\nm\xc3\xbcnchen.de\n", "/lists/a.names:2: only ASCII" },
		{ "a.names", "[domains]\nevil.com other.com\n", "/lists/a.names:2:" },
		{ "a.names", "[exact]\n1.2.3.4\n", "/lists/a.names:2: it is an IP address" },
		{ "a.names", "[labels]\na.b\n", "/lists/a.names:2: must be one label" },
		{ "a.names", "[labels]\n*\n", "/lists/a.names:2: must be one label" },
		{ "a.names", "[labels]\na*b\n", "/lists/a.names:2: must be one label" },
		{ "a.names", "[networks]\n10.0.0.1/8\n", "/lists/a.names:2: \"10.0.0.1/8\" is not a network" },
		{ "a.spki", "00\n", "/lists/a.spki:1: a line has 64 hexadecimal digits" },
		{ "a.spki", "zz00000000000000000000000000000000000000000000000000000000000000\n", "/lists/a.spki:1:" },
		{ "blacklist.RSA-2048", "0123456789abcdef0123\n0123456789abcdef012\n", "blacklist.RSA-2048:2: a line has 20" },
		{ "blacklist.RSA-2048", "0123456789abcdef0123 x\n", "blacklist.RSA-2048:1:" },
		{ "blacklist.RSA-2048", "zz23456789abcdef01230123456789abcdef0123", "blacklist.RSA-2048:1:" },
		{ "names.txt", "[domains]\n", "/lists/names.txt: is no list" },
		{ ".names", "[domains]\n", "is no list" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_broken(rows[i].name, rows[i].content, rows[i].where);
	}
	char line[1200];
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_broken("a.names", line, "too long");
}

static void several_files_are_one_list(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct policy *policy = NULL;
	struct file files[] = {
		{ "a.names", "a.names", bytes_of_text("[domains]\nb.com\na.com\n[exact]\n") },
		{ "b.names", "b.names", bytes_of_text("") },
		{ "c.names", "c.names", bytes_of_text("[domains]\nab.com\n[exact]\nwww.c.com") },
		{ "d.spki", "d.spki", bytes_of_text("#\n") },
	};
	assert_int_equal(parse(&c, files, COUNT_OF(files), &policy), 0);
	assert_int_equal(blocklist_count(&policy->blocked), 4);
	static const char *const blocked[] = { "a.com", "x.b.com", "ab.com", "www.c.com" };
	for (size_t i = 0; i < COUNT_OF(blocked); i++) {
		assert_int_not_equal(blocklist_name(&policy->blocked, blocked[i], false).rule, RULE_NONE);
	}
	assert_int_equal(blocklist_name(&policy->blocked, "c.com", false).rule, RULE_NONE);
	policy_free(policy);
	ctx_done(&c);
}

static int parse_config(struct ctx *c, const struct config_policy *from)
{
	const struct config config = { .policy = *from };
	const struct policy_sources sources = { .config = &config };
	struct policy *policy = NULL;
	int result = policy_parse(c, &sources, &policy);
	if (result == 0) {
		policy_free(policy);
	}
	return result;
}

static void broken_configuration(void **state)
{
	(void) state;
	static const char *bad_name[] = { "a_b.com" };
	static const char *root[] = { "." };
	static const char *network[] = { "10.0.0.1/8" };
	const struct text_list bad = { bad_name, 1 };
	const struct {
		struct config_policy policy;
		const char *where; /* NULL: in order */
	} rows[] = {
		{ { .mode = "private", .blocked_names = bad }, "policy.blocked_names: \"a_b.com\": host names" },
		{ { .mode = "private", .permitted_suffixes = bad }, "policy.permitted_suffixes" },
		{ { .mode = "private", .permitted_suffixes = { root, 1 } }, "policy.permitted_suffixes" },
		{ { .mode = "private", .internal_names = bad }, "policy.internal_names" },
		{ { .mode = "private", .internal_names = { root, 1 } }, NULL },
		{ { .mode = "webpki", .internal_names = { root, 1 } }, "mode webpki allows none" },
		{ { .mode = "private", .permitted_networks = { network, 1 } }, "10.0.0.1/8" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		ctx_init(&c);
		assert_int_equal(parse_config(&c, &rows[i].policy) == 0, rows[i].where == NULL);
		assert_true(rows[i].where == NULL || strstr(c.err.detail, rows[i].where) != NULL);
		ctx_done(&c);
	}
}

/* B-5: no token is older than 30 days where the Baseline Requirements hold */
static void lives_of_orders(void **state)
{
	(void) state;
	static const struct {
		const char *mode;
		int64_t days;
		bool fine;
	} rows[] = { { "webpki", 30, true }, { "webpki", 31, false }, { "private", 31, true } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		ctx_init(&c);
		struct config_profile profile = { .name = "slow", .life_s = 86400, .order_life_s = rows[i].days * 86400 };
		const struct config_policy policy = { .mode = rows[i].mode, .profiles = { &profile, 1 } };
		assert_int_equal(parse_config(&c, &policy) == 0, rows[i].fine);
		assert_true(rows[i].fine || strstr(c.err.detail, "mode webpki allows 30d at most, and slow has more") != NULL);
		ctx_done(&c);
	}
}

/* D-36: by the day of the start; what is withdrawn is issued no more. */
static void lives(void **state)
{
	(void) state;
	static const struct {
		const char *mode;
		const char *now;
		int64_t days;
		bool withdrawn;
		bool good;
	} rows[] = {
		{ "webpki", "2026-11-22T00:00:00Z", 200, false, true },
		{ "webpki", "2026-11-22T00:00:00Z", 201, false, false },
		{ "webpki", "2026-11-22T00:00:00Z", 201, true, true },
		{ "webpki", "2027-03-15T00:00:00Z", 200, false, false },
		{ "private", "2027-03-15T00:00:00Z", 2000, false, true },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		ctx_init(&c);
		struct config_profile profile = {
			.name = "long", .life = "so long", .life_s = rows[i].days * 86400, .withdrawn = rows[i].withdrawn
		};
		const struct config config = { .policy = { .mode = rows[i].mode, .profiles = { &profile, 1 } } };
		struct policy_sources sources = { .config = &config };
		struct policy *policy = NULL;
		assert_int_equal(timestamp_parse(bytes_of_text(rows[i].now), &sources.now), 0);
		assert_int_equal(policy_parse(&c, &sources, &policy) == 0, rows[i].good);
		assert_true(
		    rows[i].good || strstr(c.err.detail, "\"so long\" of the profile long: mode webpki allows ") != NULL);
		policy_free(policy);
		ctx_done(&c);
	}
}

static int parse_suffixes(struct ctx *c, struct bytes text, struct policy **ret)
{
	const struct config config = { .policy = { .mode = "webpki" } };
	const struct policy_sources sources = { .config = &config, .files = { .suffixes = { "psl", "/lists/psl", text } } };
	return policy_parse(c, &sources, ret);
}

/* C-13: the list is data; half of it is none. */
static void suffix_list(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct policy *policy = NULL;
	struct bytes text;
	assert_int_equal(file_read(&c, PUBLIC_SUFFIX_FILE, &text), 0);
	const struct bytes bad[] = { bytes_of_text(""), bytes_of_text("com\nnet\n"), { text.p, text.n / 2 },
		{ text.p, text.n - 100 }, bytes_of_text("<html>") };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(parse_suffixes(&c, bad[i], &policy), -1);
		assert_non_null(strstr(c.err.detail, "/lists/psl: is not the whole public suffix list"));
		ctx_forgive(&c);
	}
	/* a rule that was added after the build counts at once */
	static const char end[] = "// ===END ICANN DOMAINS===";
	const char *at = memmem(text.p, text.n, end, strlen(end));
	assert_non_null(at);
	size_t before = (size_t) (at - (const char *) text.p);
	const char *longer = arena_printf(
	    c.arena, "%.*sfresh.example.com\n%.*s", (int) before, (const char *) text.p, (int) (text.n - before), at);
	assert_int_equal(parse_suffixes(&c, bytes_of_text(longer), &policy), 0);
	assert_true(zones_is_public_suffix(policy->psl, "fresh.example.com"));
	assert_false(zones_is_public_suffix(psl_builtin(), "fresh.example.com"));
	policy_free(policy);
	ctx_done(&c);
}

/* What lies about in a folder of lists. */
static void folders(void **state)
{
	(void) state;
	char dir[] = "/tmp/cairn-lists-XXXXXX";
	assert_non_null(mkdtemp(dir));
	static const char *const names[] = { "b.names", "a.names", ".hidden", "a.names~", "x.bak", "README", "README.md",
		"a.names.dpkg-new" };
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		FILE *f = fopen(arena_printf(c.arena, "%s/%s", dir, names[i]), "w");
		assert_non_null(f);
		assert_true(fputs(names[i], f) >= 0 && fclose(f) == 0);
	}
	struct file_list files;
	assert_int_equal(folder_read(&c, dir, &files), 0);
	assert_int_equal(files.n, 2);
	assert_string_equal(files.v[0].name, "a.names");
	assert_true(bytes_equal_text(files.v[1].content, "b.names"));
	const char *odd = arena_printf(c.arena, "%s/odd.names", dir);
	assert_int_equal(mkfifo(odd, 0600), 0);
	assert_int_equal(folder_read(&c, dir, &files), -1);
	assert_non_null(strstr(c.err.detail, "odd.names: is no regular file"));
	ctx_forgive(&c);
	assert_int_equal(unlink(odd), 0);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(unlink(arena_printf(c.arena, "%s/%s", dir, names[i])), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(folder_read(&c, dir, &files), -1);
	assert_non_null(strstr(c.err.detail, "No such file"));
	ctx_done(&c);
}

/* Ids are unique, of one form, and explained to operators. */
static void rules_are_documented(void **state)
{
	(void) state;
	struct ctx c;
	struct bytes page;
	ctx_init(&c);
	assert_int_equal(file_read(&c, "docs/policy.md", &page), 0);
	for (enum rule rule = RULE_NONE + 1; rule < RULE_COUNT; rule++) {
		const char *id = rule_info(rule)->id;
		assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz-."), strlen(id));
		const char *cell = arena_printf(c.arena, "| `%s` |", id);
		if (memmem(page.p, page.n, cell, strlen(cell)) == NULL) {
			fail_msg("docs/policy.md says nothing about %s", id);
		}
		for (enum rule other = RULE_NONE + 1; other < rule; other++) {
			assert_string_not_equal(rule_info(other)->id, id);
		}
	}
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_lists),
		cmocka_unit_test(several_files_are_one_list),
		cmocka_unit_test(broken_configuration),
		cmocka_unit_test(lives),
		cmocka_unit_test(lives_of_orders),
		cmocka_unit_test(suffix_list),
		cmocka_unit_test(folders),
		cmocka_unit_test(rules_are_documented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
