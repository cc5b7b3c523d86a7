#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/base/log.h"

static int kept_stderr;
static int captured = -1;

static void capture(void)
{
	char path[] = "/tmp/cairn-log-XXXXXX";
	captured = mkstemp(path);
	assert_true(captured >= 0);
	unlink(path);
	kept_stderr = dup(STDERR_FILENO);
	dup2(captured, STDERR_FILENO);
}

/* What was logged since capture(). */
static const char *release(struct arena *a)
{
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	char *text = arena_alloc(a, 20001);
	assert_true(pread(captured, text, 20000, 0) >= 0);
	close(captured);
	return text;
}

static const char *last_words;

static void say(void)
{
	die("%s", last_words);
}

/* What die() writes for these words, which ends the child that says them. */
static const char *dying(struct arena *a, const char *words)
{
	last_words = words;
	capture();
	pid_t child = fork();
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		say();
	}
	int status = 0;
	(void) waitpid(child, &status, 0);
	const char *text = release(a);
	assert_true(child > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return text;
}

/* F-48: a last line is a line like others. */
static void last_words_are_json(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	char longest[2000];
	memset(longest, '\n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	const char *words[] = { "it \"broke\"\\\n\x01", "plain", "", longest };
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		const char *text = dying(a, words[i]);
		assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
		json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(line);
		assert_string_equal(json_string_value(json_object_get(line, "level")), "fatal");
		const char *message = json_string_value(json_object_get(line, "message"));
		assert_memory_equal(message, words[i], strlen(message));
		assert_int_equal(strlen(message), strlen(words[i]) < 511 ? strlen(words[i]) : 511);
		json_decref(line);
	}
	json_t *line = json_loads(dying(a, "\xff"), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(line, "message")), "\xc3\xbf");
	json_decref(line);
	arena_free(a);
}

static void a_line_is_json_with_its_request(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	c.log_account = "an account";
	char id[ID_TEXT_SIZE];
	id_encode(c.request_id, id);
	log_init("cairn-test", LOG_INFO);
	capture();
	log_event(&c, LOG_DEBUG, "left out", NULL);
	log_event(&c, LOG_WARN, "it \"happened\"", "name", "a\nb\xff", "none", NULL, "last", "x", NULL);
	const char *text = release(c.arena);
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text)); /* exactly one line */
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "request")), id);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(line, "process")), "cairn-test");
	assert_string_equal(json_string_value(json_object_get(line, "message")), "it \"happened\"");
	assert_string_equal(json_string_value(json_object_get(line, "account")), "an account");
	assert_string_equal(json_string_value(json_object_get(line, "name")), "a\nb\xef\xbf\xbd");
	assert_null(json_object_get(line, "none"));
	assert_string_equal(json_string_value(json_object_get(line, "last")), "x");
	struct timestamp t;
	assert_int_equal(timestamp_parse(bytes_of_text(json_string_value(json_object_get(line, "time"))), &t), 0);
	assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), strlen("2026-11-21T08:09:10.000001Z"));
	json_decref(line);
	ctx_done(&c);
}

static void an_error_shows_its_cause(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(FAIL(&c, BAD_CSR, "The CSR is %s", "odd"), -1);
	ctx_cause(&c, "ASN.1 at %d", 7);
	capture();
	log_error(&c, LOG_ERROR, "refused");
	const char *text = release(c.arena);
	assert_non_null(strstr(text, "\"problem\":\"BAD_CSR\",\"detail\":\"The CSR is odd\",\"cause\":\"ASN.1 at 7\"}"));
	ctx_forgive(&c);
	c.err.instance = "https://ca.test/terms/secret";
	assert_int_equal(FAIL(&c, USER_ACTION_REQUIRED, "Go to https://ca.test/terms/secret and agree"), -1);
	capture();
	log_error(&c, LOG_ERROR, "refused");
	text = release(c.arena);
	assert_non_null(strstr(text, "\"detail\":\"Go to [link]\""));
	assert_null(strstr(text, "secret"));
	ctx_done(&c);
}

static void a_long_value_is_cut(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	char *value = arena_alloc(a, 10001);
	memset(value, 'x', 10000);
	capture();
	log_event(NULL, LOG_ERROR, "long", "value", value, NULL);
	const char *text = release(a);
	assert_true(strlen(text) > 4000 && strlen(text) < 4300);
	assert_null(strstr(text, "\"request\""));
	arena_free(a);
}

static void levels_have_names(void **state)
{
	(void) state;
	enum log_level level = LOG_INFO;
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_DEBUG);
	assert_int_equal(log_level_parse("DEBUG", &level), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_json_with_its_request),
		cmocka_unit_test(last_words_are_json),
		cmocka_unit_test(an_error_shows_its_cause),
		cmocka_unit_test(a_long_value_is_cut),
		cmocka_unit_test(levels_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
