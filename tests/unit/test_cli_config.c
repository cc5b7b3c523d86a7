/* link: cli */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/config.h"

static char path[] = "/tmp/cairn-cli-config-XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int make_file(void **state)
{
	(void) state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
	(void) state;
	return unlink(path);
}

/* cli_config with these words; what it printed is in `out`. */
static int run(const char *const *words, size_t n, char *out, size_t size)
{
	char *argv[10] = { (char[]) { "config" } };
	char copies[8][100];
	assert_true(n <= 8);
	for (size_t i = 0; i < n; i++) {
		snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
		argv[i + 1] = copies[i];
	}
	FILE *capture = tmpfile();
	assert_non_null(capture);
	fflush(stdout);
	fflush(stderr);
	int kept_out = dup(STDOUT_FILENO);
	int kept_err = dup(STDERR_FILENO);
	dup2(fileno(capture), STDOUT_FILENO);
	dup2(fileno(capture), STDERR_FILENO);
	int code = cli_config((int) n + 1, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(kept_out, STDOUT_FILENO);
	dup2(kept_err, STDERR_FILENO);
	close(kept_out);
	close(kept_err);
	ssize_t got = pread(fileno(capture), out, size - 1, 0);
	assert_true(got >= 0);
	out[got] = '\0';
	fclose(capture);
	return code;
}

#define RUN(out, ...) \
	run((const char *const[]) { __VA_ARGS__ }, COUNT_OF(((const char *const[]) { __VA_ARGS__ })), out, sizeof(out))

static char out[60000];

static void check_names_the_fault(void **state)
{
	(void) state;
	write_file("wfe:\n  wrokers: 3\n");
	assert_int_equal(RUN(out, "check", "--config", path), 1);
	assert_non_null(strstr(out, ":2: wfe.wrokers: unknown key; did you mean \"workers\"?"));
	assert_int_equal(RUN(out, "check", "--config", path, "--json"), 1);
	assert_non_null(strstr(out, "{\"ok\":false,\"error\":\"/tmp/cairn-cli-config-"));
}

static void check_tells_what_is_complete(void **state)
{
	(void) state;
	write_file("rpc: {ca_file: a}\nva: {rpc_cert_file: b, rpc_key_file: c}\n");
	assert_int_equal(RUN(out, "check", "--config", path), 0);
	assert_non_null(strstr(out, "cairn-va          complete"));
	assert_non_null(strstr(out, "cairn-ra          lacks ra.rpc_cert_file: is missing"));
	assert_int_equal(RUN(out, "check", "--config", path, "--process", "cairn-va", "--json"), 0);
	assert_non_null(strstr(out, "{\"process\":\"cairn-va\",\"complete\":true}"));
	assert_int_equal(RUN(out, "check", "--config", path, "--process", "cairn-ra"), 1);
}

static void check_reads_the_lists(void **state)
{
	(void) state;
	char dir[] = "/tmp/cairn-cli-lists-XXXXXX";
	char list[60];
	char text[120];
	assert_non_null(mkdtemp(dir));
	snprintf(list, sizeof(list), "%s/own.names", dir);
	snprintf(text, sizeof(text), "policy: {lists_dir: %s}\n", dir);
	write_file(text);
	assert_int_equal(RUN(out, "check", "--config", path), 0);
	FILE *f = fopen(list, "w");
	assert_non_null(f);
	assert_true(fputs("[domains]\na_b.com\n", f) >= 0 && fclose(f) == 0);
	assert_int_equal(RUN(out, "check", "--config", path), 1);
	assert_non_null(strstr(out, "own.names:2: host names have no underscores"));
	assert_int_equal(unlink(list), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(RUN(out, "check", "--config", path), 1);
	assert_non_null(strstr(out, "No such file"));
}

static void show_hides_secrets(void **state)
{
	(void) state;
	write_file("ra: {database: host=x password=hunter2}\n"); /* G-6 */
	assert_int_equal(RUN(out, "show", "--config", path), 0);
	assert_null(strstr(out, "hunter2"));
	assert_non_null(strstr(out, "\n  database: \"(secret)\"\n"));
	assert_non_null(strstr(out, "\n  http01_port: 80\n"));
	assert_non_null(strstr(out, "    - {\"name\":\"classic\""));
	assert_int_equal(RUN(out, "show", "--json", "--config", path), 0);
	assert_null(strstr(out, "hunter2"));
	json_t *whole = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(whole);
	json_t *va = json_object_get(whole, "va");
	assert_int_equal(json_integer_value(json_object_get(va, "http01_port")), 80);
	json_decref(whole);
}

/* What show prints is a configuration again. */
static void show_can_be_read_back(void **state)
{
	(void) state;
	write_file("acme: {website: 'https://a.example/?q=#1'}\nva: {local_zones: [{zone: test, address: 127.0.0.1}]}\n");
	assert_int_equal(RUN(out, "show", "--config", path), 0);
	static char first[sizeof(out)];
	memcpy(first, out, sizeof(first));
	write_file(first);
	assert_int_equal(RUN(out, "show", "--config", path), 0);
	assert_string_equal(out, first);
}

static void help_explains_keys(void **state)
{
	(void) state;
	assert_int_equal(RUN(out, "help"), 0);
	assert_non_null(strstr(out, "policy.mode (private | webpki, default private)\n"));
	assert_non_null(strstr(out, "va.http01_port (number 1..65535, default 80)\n    Port that http-01"));
	assert_non_null(strstr(out, "ca.issuers[].cert_file (path, required)\n"));
	assert_int_equal(RUN(out, "help", "va", "--json"), 0);
	assert_null(strstr(out, "\"ca."));
	assert_non_null(
	    strstr(out, "{\"key\":\"va.http01_port\",\"type\":\"number 1..65535\",\"default\":\"80\",\"required\":false"));
	assert_int_equal(RUN(out, "help", "vb"), 1);
}

static void usage_is_checked(void **state)
{
	(void) state;
	assert_int_equal(RUN(out, "--help"), 0);
	assert_int_equal(RUN(out, "check"), 2);
	assert_int_equal(RUN(out, "other"), 2);
	assert_int_equal(RUN(out, "--json"), 2);
	assert_int_equal(RUN(out, "--wrong"), 2);
	assert_int_equal(RUN(out, "show", "more"), 2);
	assert_int_equal(RUN(out, "check", "--config", "/nonexistent"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_names_the_fault),
		cmocka_unit_test(check_tells_what_is_complete),
		cmocka_unit_test(check_reads_the_lists),
		cmocka_unit_test(show_hides_secrets),
		cmocka_unit_test(show_can_be_read_back),
		cmocka_unit_test(help_explains_keys),
		cmocka_unit_test(usage_is_checked),
	};
	return cmocka_run_group_tests(tests, make_file, drop_file);
}
