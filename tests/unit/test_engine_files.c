/* link: va */
/* The engine's budget of open files (LimitNOFILE). */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/process_stat.h"
#include "va/dns_lanes.h"
#include "va/engine.h"
#include "va/resolver_config.h"

static struct config_resolver nobody = { ".", "127.0.0.1@1", "off", { NULL, 0 } };
static const struct config_va config = {
	.resolvers = { &nobody, 1 }, .http01_port = 80, .tlsalpn01_port = 443, .timeout_s = 5, .perspective = "test"
};

/* The largest value of this option of libunbound in the configuration. */
static size_t option(const char *text, const char *name)
{
	size_t most = 0;
	for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
		size_t n = strtoul(at + strlen(name), NULL, 10);
		most = n > most ? n : most;
	}
	return most;
}

static size_t open_files(void)
{
	struct process_stat s;
	process_stat_read(&s);
	return (size_t) s.open_files;
}

/* Starts and ends an engine; what it logged, in the arena of c. ret_files: how many it holds open when idle. */
static const char *log_of_start(struct ctx *c, size_t *ret_files)
{
	char path[] = "/tmp/cairn-engine-log-XXXXXX";
	struct engine *engine = NULL;
	int log = mkstemp(path);
	int err = dup(STDERR_FILENO);
	size_t before = open_files();
	assert_true(log >= 0 && err >= 0);
	(void) unlink(path);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	bool started = engine_new(c, &config, &engine) == 0 && engine_start(c, engine) == 0;
	*ret_files = open_files() - before;
	assert_int_equal(dup2(err, STDERR_FILENO), STDERR_FILENO);
	assert_true(started);
	engine_drain(engine, 1000);
	engine_free(engine);
	char *text = arena_alloc(c->arena, 65536);
	assert_true(pread(log, text, 65535, 0) >= 0);
	(void) close(log);
	(void) close(err);
	return text;
}

/* All sockets that libunbound may open are counted, and what it holds open all the time too. */
static void test_the_resolvers_sockets_are_counted(void **state)
{
	const char *text = NULL;
	size_t files = 0;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	assert_int_equal(resolver_config_encode(&c, &config, &text), 0);
	size_t sockets = option(text, "outgoing-range: ") + option(text, "outgoing-num-tcp: ");
	assert_true(sockets > 100);
	(void) log_of_start(&c, &files);
	assert_true(files > 0);
	assert_true(DNS_LANES_FILES >= 2 * DNS_LANES * sockets + files - 10); /* ten: the engine's own */
	ctx_done(&c);
}

/* Whatever the limit: what runs at most and all that is kept back fit into it, or it is said that they do not. */
static void test_the_budget_holds(void **state)
{
	struct rlimit limit;
	struct config_perspective five[5] = { 0 };
	struct config_va both[] = { config, config };
	size_t files = 0;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	both[1].perspectives = (struct config_perspective_list) { five, 5 };
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	size_t least = engine_files_min(&config);
	for (size_t i = 0; i < 2; i++) {
		size_t each = i == 0 ? 3 : 9;
		for (rlim_t n = 1024; n <= limit.rlim_max && n <= 65536; n *= 2) {
			assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit) { n, limit.rlim_max }), 0);
			size_t most = engine_capacity(&both[i]);
			assert_true(most >= 32 && most <= 10000);
			assert_true(n < engine_files_min(&both[i]) ? most == 32 : DNS_LANES_FILES + 100 + most * each <= n);
		}
	}
	for (rlim_t n = least - 1; n <= least && n <= limit.rlim_max; n++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit) { n, limit.rlim_max }), 0);
		const char *log = log_of_start(&c, &files);
		bool told = strstr(log, "too few open files are allowed (LimitNOFILE") != NULL;
		assert_int_equal(told, n < least);
		assert_int_equal(strstr(log, arena_printf(c.arena, "\"needed\":\"%zu\"", least)) != NULL, n < least);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_resolvers_sockets_are_counted),
		cmocka_unit_test(test_the_budget_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
