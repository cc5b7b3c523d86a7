/* link: cli */
/* The command line of `cairn bench`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cli/bench_options.h"

#define ARGS_MAX 32

struct fixture {
	struct arena *arena;
	struct bench_options options;
	const char *problem;
};

static int setup(void **state)
{
	unsetenv("DIRECTORY_URL");
	unsetenv("API_CA_FILE");
	unsetenv("HTTP01_PORT");
	struct fixture *f = calloc(1, sizeof(*f));
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(f->arena);
	free(f);
	return 0;
}

/* Splits at blanks. */
static int parse(struct fixture *f, const char *line)
{
	char *text = arena_alloc(f->arena, strlen(line) + 1);
	memcpy(text, line, strlen(line));
	char *argv[ARGS_MAX] = { text };
	int argc = 0;
	char *save = NULL;
	for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		argv[argc++] = word;
	}
	f->problem = NULL;
	return bench_options_parse(f->arena, argc, argv, &f->options, &f->problem);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(parse(f, "bench"), 0);
	const struct bench_options *o = &f->options;
	assert_string_equal(o->directory, "https://localhost:14000/directory");
	assert_null(o->ca_file);
	assert_string_equal(o->suffix, "test");
	assert_int_equal(o->http01_port, 5002);
	assert_int_equal(o->workers, 8);
	assert_int_equal(o->duration_us, 10000000);
	assert_int_equal(o->warmup_us, 1000000);
	assert_int_equal(o->count, 0);
	assert_int_equal(o->names_per_order, 1);
	assert_int_equal(o->accounts, BENCH_ACCOUNTS_KEPT);
	assert_int_equal(o->key, BENCH_P256);
	assert_int_equal(o->n_pids, 0);
	assert_true(o->prepare > 0);
	assert_false(o->json);
}

static void test_all_are_read(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(parse(f, "bench --directory http://[::1]:1/d --ca-file x.pem --workers 3 --rate 2.5 --duration 4.5"
	                          " --count=100 --warmup 0.25 --accounts new --key rsa --account-key rsa --json"),
	    0);
	const struct bench_options *o = &f->options;
	assert_string_equal(o->directory, "http://[::1]:1/d");
	assert_string_equal(o->ca_file, "x.pem");
	assert_int_equal(o->workers, 3);
	assert_true(o->rate > 2.49 && o->rate < 2.51);
	assert_int_equal(o->duration_us, 4500000);
	assert_int_equal(o->count, 100);
	assert_int_equal(o->warmup_us, 250000);
	assert_int_equal(o->accounts, BENCH_ACCOUNTS_NEW);
	assert_int_equal(o->key, BENCH_RSA2048);
	assert_int_equal(o->account_key, BENCH_RSA2048);
	assert_true(o->json);
	assert_int_equal(parse(f, "bench --suffix .a.example --names-per-order 5 --profile short --http01-address ::1"
	                          " --http01-port 80 --renew 0.5 --revoke 1 --timeout 7 --poll-ms 20 --prepare 9"),
	    0);
	assert_string_equal(o->suffix, "a.example");
	assert_int_equal(o->names_per_order, 5);
	assert_string_equal(o->profile, "short");
	assert_string_equal(o->http01_address, "::1");
	assert_int_equal(o->http01_port, 80);
	assert_true(o->renew > 0.49 && o->renew < 0.51);
	assert_true(o->revoke > 0.99);
	assert_int_equal(o->timeout_us, 7000000);
	assert_int_equal(o->poll_us, 20000);
	assert_int_equal(o->prepare, 9);
}

static void test_pids(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(parse(f, "bench --pids 12,,7,"), 0);
	assert_int_equal(f->options.n_pids, 2);
	assert_int_equal(f->options.pids[0], 12);
	assert_int_equal(f->options.pids[1], 7);
	char name[] = "bench";
	char option[] = "--pids";
	char blanks[] = "4 5\n6";
	char *with_blanks[] = { name, option, blanks };
	assert_int_equal(bench_options_parse(f->arena, 3, with_blanks, &f->options, &f->problem), 0);
	assert_int_equal(f->options.n_pids, 3);
	assert_int_equal(f->options.pids[2], 6);
}

static void test_what_depends_on_others(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(parse(f, "bench --count 7"), 0);
	assert_int_equal(f->options.duration_us, 0);
	assert_int_equal(f->options.warmup_us, 0);
	assert_int_equal(f->options.prepare, 7);
	assert_int_equal(parse(f, "bench --rate 10 --duration 5 --warmup 1"), 0);
	assert_int_equal(f->options.prepare, 61);
	assert_int_equal(parse(f, "bench --rate 10 --duration 5 --count 20"), 0);
	assert_int_equal(f->options.prepare, 20);
}

static void test_environment(void **state)
{
	struct fixture *f = *state;
	setenv("DIRECTORY_URL", "https://ca.example/d", 1);
	setenv("API_CA_FILE", "api.pem", 1);
	setenv("HTTP01_PORT", "81", 1);
	assert_int_equal(parse(f, "bench --http01-port 82"), 0);
	assert_string_equal(f->options.directory, "https://ca.example/d");
	assert_string_equal(f->options.ca_file, "api.pem");
	assert_int_equal(f->options.http01_port, 82);
	setenv("HTTP01_PORT", "eighty", 1);
	assert_int_equal(parse(f, "bench"), -1);
	assert_non_null(strstr(f->problem, "HTTP01_PORT"));
}

static void test_refusals_name_the_option(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[][2] = {
		{ "bench --workers 0", "--workers" },
		{ "bench --workers 8x", "--workers" },
		{ "bench --workers 99999", "--workers" },
		{ "bench --workers", "--workers" },
		{ "bench --rate -1", "--rate" },
		{ "bench --rate nan", "--rate" },
		{ "bench --duration inf", "--duration" },
		{ "bench --count 0", "--count" },
		{ "bench --accounts both", "--accounts" },
		{ "bench --key dsa", "--key" },
		{ "bench --directory localhost", "--directory" },
		{ "bench --suffix a\"b", "--suffix" },
		{ "bench --suffix .", "--suffix" },
		{ "bench --names-per-order 101", "--names-per-order" },
		{ "bench --http01-port 65536", "--http01-port" },
		{ "bench --renew 1.5", "--renew" },
		{ "bench --renew 0.5 --accounts new", "--renew" },
		{ "bench --timeout 0", "--timeout" },
		{ "bench --poll-ms 0", "--poll-ms" },
		{ "bench --pids 1,x", "--pids" },
		{ "bench --pids 0", "--pids" },
		{ "bench --work 8", "--work" },
		{ "bench https://localhost/", "https://localhost/" },
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		f->options.workers = 77;
		assert_int_equal(parse(f, bad[i][0]), -1);
		assert_non_null(f->problem);
		assert_non_null(strstr(f->problem, bad[i][1]));
		assert_int_equal(f->options.workers, 77); /* written on success only */
	}
}

static void test_help_lists_every_option(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(parse(f, "bench --help"), 0);
	assert_true(f->options.help);
	const char *text = bench_options_help(f->arena);
	static const char *const some[] = { "--directory URL", "--rate R", "--pids A,B,C", "--json", "--help" };
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		assert_non_null(strstr(text, some[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_depends_on_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals_name_the_option, setup, teardown),
		cmocka_unit_test_setup_teardown(test_help_lists_every_option, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
