/* link: ra */
/* The lists in force: read at the start and again, while others ask. C-74, F-24. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "lib/crypto/cert.h"
#include "policy/keys.h"
#include "policy/names.h"
#include "ra/lists.h"
#include "tests/unit/pki.h"

static struct pki pki;
static char dir[] = "/tmp/cairn-lists-XXXXXX";
static struct config_issuer issuers[2];
static struct config config = { .policy = { .mode = "private", .lists_dir = dir },
	.ca = { .issuers = { issuers, 2 } } };
static const struct config_profile profile = { .max_names = 10, .life_s = 86400 };

static void write_list(const char *name, const char *content)
{
	char path[100];
	(void) snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(content, f) >= 0 && fclose(f) == 0);
}

static int group_setup(void **state)
{
	(void) state;
	pki_init(&pki);
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int group_teardown(void **state)
{
	(void) state;
	static const char *const names[] = { "own.names", "own.spki" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[100];
		(void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void) unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	pki_done(&pki);
	return 0;
}

/* Asks for fine.com and the name. */
static enum rule ask(const char *name)
{
	struct ctx c;
	ctx_init(&c);
	const struct policy *policy = lists_hold();
	assert_int_equal(
	    names_decide(c.arena, policy, &profile, &(struct identifier) { "dns", "fine.com" }).rule, RULE_NONE);
	enum rule rule = names_decide(c.arena, policy, &profile, &(struct identifier) { "dns", name }).rule;
	lists_release();
	ctx_done(&c);
	return rule;
}

static void changes_count_at_once(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	write_list("own.names", "[domains]\none.com\n");
	assert_int_equal(lists_load(&c, &config), 0);
	assert_int_equal(ask("one.com"), RULE_NAME_BLOCKED);
	assert_int_equal(ask("two.com"), RULE_NONE);
	write_list("own.names", "[domains]\ntwo.com\n");
	assert_int_equal(ask("two.com"), RULE_NONE); /* not before it is told to */
	assert_int_equal(lists_load(&c, &config), 0);
	assert_int_equal(ask("one.com"), RULE_NONE);
	assert_int_equal(ask("two.com"), RULE_NAME_BLOCKED);
	ctx_done(&c);
}

static void broken_ones_change_nothing(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	write_list("own.names", "[domains]\none.com\n");
	assert_int_equal(lists_load(&c, &config), 0);
	write_list("own.names", "[domains]\ntwo.com\nthree_.com\n");
	assert_int_equal(lists_load(&c, &config), -1);
	assert_non_null(strstr(c.err.detail, "own.names:3:"));
	assert_int_equal(ask("one.com"), RULE_NAME_BLOCKED);
	assert_int_equal(ask("two.com"), RULE_NONE);
	ctx_forgive(&c);
	config.policy.lists_dir = "/nonexistent";
	assert_int_equal(lists_load(&c, &config), -1);
	config.policy.lists_dir = dir;
	assert_int_equal(ask("one.com"), RULE_NAME_BLOCKED);
	ctx_forgive(&c);
	config.policy.public_suffix_file = pki_path(&pki, "ca", ".pem");
	assert_int_equal(lists_load(&c, &config), -1);
	config.policy.public_suffix_file = NULL;
	assert_int_equal(ask("one.com"), RULE_NAME_BLOCKED);
	ctx_done(&c);
}

/* Certificates of the issuers that lie on this machine; others are passed over. */
static void own_keys_are_known(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	issuers[0] = (struct config_issuer) { .name = "one", .cert_file = pki_path(&pki, "ca", ".pem") };
	issuers[1] = (struct config_issuer) { .name = "two", .cert_file = "/nonexistent.pem" };
	assert_int_equal(lists_open(&c, &config), 0);
	write_list("own.names", "");
	assert_int_equal(lists_load(&c, &config), 0);
	struct bytes_list chain;
	struct cert_info info;
	assert_int_equal(cert_read_file(&c, issuers[0].cert_file, &chain), 0);
	assert_int_equal(cert_parse(&c, chain.v[0], &info), 0);
	assert_int_equal(keys_check(&c, KEYS_ACCOUNT, info.spki, lists_hold(), PROBLEM_BAD_PUBLIC_KEY), -1);
	lists_release();
	assert_string_equal(c.err.rule, "key.own");
	ctx_done(&c);
}

static atomic_bool stop;

static void *asker(void *arg)
{
	size_t *asked = arg;
	while (!atomic_load(&stop)) {
		(void) ask("one.com");
		(*asked)++;
	}
	return NULL;
}

/* Each answer comes from one whole list, and a reload comes to its turn. */
static void reloads_under_load(void **state)
{
	(void) state;
	pthread_t threads[4];
	size_t asked[4] = { 0 };
	struct ctx c;
	ctx_init(&c);
	write_list("own.names", "[exact]\none.com\n");
	assert_int_equal(lists_load(&c, &config), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, asker, &asked[i]), 0);
	}
	for (int i = 0; i < 10; i++) {
		write_list("own.names", i % 2 == 0 ? "[domains]\none.com\n" : "[exact]\none.com\n");
		assert_int_equal(lists_load(&c, &config), 0);
		assert_int_equal(ask("one.com"), i % 2 == 0 ? RULE_NAME_BLOCKED : RULE_NAME_BLOCKED_EXACT);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(asked[i] > 0);
	}
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_count_at_once),
		cmocka_unit_test(broken_ones_change_nothing),
		cmocka_unit_test(own_keys_are_known),
		cmocka_unit_test(reloads_under_load),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
