/* link: ra */
/* The lists in force: read and recorded at the start and again, while others ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "lib/base/base64.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "policy/keys.h"
#include "policy/names.h"
#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"
#include "tests/unit/pki.h"

static struct pki pki;
static char dir[] = "/tmp/cairn-lists-XXXXXX";
static struct config_issuer issuers[2];
static struct config config = { .policy = { .mode = "private", .lists_dir = dir },
	.ca = { .issuers = { issuers, 2 } } };
static const struct ra test_ra = { .config = &config, .instance = "cairn-ra@test" };
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
	pg_start();
	ra_set(&test_ra);
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), 2, 5000);
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
	db_thread_end();
	pg_stop();
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

/* C-74 */
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

static void assert_newest(struct ctx *c, const char *what, const char *expected)
{
	pg_assert_value(arena_printf(c->arena,
	                    "SELECT %s FROM log.event WHERE kind = 'policy.lists_read' ORDER BY id DESC LIMIT 1", what),
	    expected);
}

/* C-74: by which lists a decision was made can be told later. */
static void reads_are_recorded(void **state)
{
	(void) state;
	struct ctx c;
	uint8_t digest[SHA256_SIZE];
	ctx_init(&c);
	write_list("own.names", "[domains]\none.com\n");
	write_list("own.spki", "");
	config.policy.public_suffix_file = NULL;
	assert_int_equal(lists_load(&c, &config), 0);
	assert_newest(&c, "process", "cairn-ra@test");
	assert_newest(&c, "facts->'files'->0->>'file'", arena_printf(c.arena, "%s/own.names", dir));
	assert_newest(&c, "facts->'files'->1->>'file'", arena_printf(c.arena, "%s/own.spki", dir));
	assert_newest(&c, "facts->'files'->2->>'file'", PUBLIC_SUFFIX_FILE);
	sha256_of(bytes_of_text("[domains]\none.com\n"), digest);
	assert_newest(&c, "facts->'files'->0->>'sha256'", hex_encode(c.arena, (struct bytes) { digest, sizeof(digest) }));
	/* A broken one is not recorded as read. */
	write_list("own.names", "[domains]\ntwo_.com\n");
	assert_int_equal(lists_load(&c, &config), -1);
	assert_newest(&c, "facts->'files'->0->>'sha256'", hex_encode(c.arena, (struct bytes) { digest, sizeof(digest) }));
	assert_int_equal(unlink(arena_printf(c.arena, "%s/own.spki", dir)), 0);
	ctx_done(&c);
}

/* F-45: what can't be recorded does not count. */
static void unrecorded_ones_change_nothing(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	write_list("own.names", "[domains]\none.com\n");
	assert_int_equal(lists_load(&c, &config), 0);
	pg_exec("cairn_owner", "REVOKE INSERT ON log.event FROM cairn_ra");
	write_list("own.names", "[domains]\ntwo.com\n");
	assert_int_equal(lists_load(&c, &config), -1);
	assert_int_equal(ask("one.com"), RULE_NAME_BLOCKED);
	assert_int_equal(ask("two.com"), RULE_NONE);
	pg_exec("cairn_owner", "GRANT INSERT ON log.event TO cairn_ra");
	ctx_forgive(&c);
	assert_int_equal(lists_load(&c, &config), 0);
	assert_int_equal(ask("one.com"), RULE_NONE);
	assert_int_equal(ask("two.com"), RULE_NAME_BLOCKED);
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
		cmocka_unit_test(reads_are_recorded),
		cmocka_unit_test(unrecorded_ones_change_nothing),
		cmocka_unit_test(own_keys_are_known),
		cmocka_unit_test(reloads_under_load),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
