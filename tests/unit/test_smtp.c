/* Mail: what a message looks like, and what can stand in none. That a server takes it is seen in tests/e2e/test_disclosure.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/base64.h"
#include "lib/http/smtp.h"

static const struct smtp server = { .url = "smtp://127.0.0.1:1", .from = "ca@example.org", .tls = true };

/* "": refused. */
static const char *composed(struct ctx *c, const char *to, const char *subject, const char *text)
{
	const struct mail mail = { .to = to, .subject = subject, .text = text };
	struct bytes message;
	return smtp_compose(c, &server, &mail, "<1@example.org>", &message) == 0 ? (const char *) message.p : "";
}

static void test_message(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	const char *message =
	    composed(&c, "ana@example.com", "Grüße an alle, die es angeht, und an alle übrigen", "One\n.\nTwo\n");
	assert_non_null(
	    strstr(message, "From: <ca@example.org>\r\nTo: <ana@example.com>\r\nMessage-ID: <1@example.org>\r\n"));
	assert_non_null(strstr(message, "Subject: =?UTF-8?B?"));
	/* base64 of "One\r\n.\r\nTwo\r\n": no line of the text can end the message or begin a header */
	assert_non_null(strstr(message, "\r\n\r\nT25lDQouDQpUd28NCg==\r\n"));
	for (const char *line = message; *line != '\0';) {
		size_t n = strcspn(line, "\r\n");
		assert_true(n <= 76 && line[n] == '\r' && line[n + 1] == '\n');
		line += n + 2;
	}
	ctx_done(&c);
}

/* Encoded words hold whole characters (RFC 2047 5). */
static void test_subject_words(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	const char *message = composed(&c, "a@b.test", "ääääääääääääääääääääääääääääääääääääääää", "x");
	unsigned words = 0;
	for (const char *p = message; (p = strstr(p, "=?UTF-8?B?")) != NULL; words++) {
		p += strlen("=?UTF-8?B?");
		struct bytes word;
		struct bytes in = { (const uint8_t *) p, strcspn(p, "?") };
		assert_int_equal(base64_decode(c.arena, in, &word), 0);
		assert_int_equal(word.n % 2, 0);
		assert_int_equal(word.p[0], 0xc3);
	}
	assert_int_equal(words, 3);
	ctx_done(&c);
}

static void test_refused(void **state)
{
	(void) state;
	static const char *const addresses[] = { "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "a@b>", "<a@b>",
		"a,b@c", "\"a\"@b", "ä@b.test" };
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		assert_false(smtp_is_address(addresses[i]));
		assert_string_equal(composed(&c, addresses[i], "s", "t"), "");
		ctx_forgive(&c);
	}
	assert_string_equal(composed(&c, "a@b.test", "one\r\nBcc: x@y.test", "t"), "");
	ctx_forgive(&c);
	assert_string_equal(composed(&c, "a@b.test", "", "t"), "");
	ctx_forgive(&c);
	assert_string_equal(composed(&c, "a@b.test", "s", ""), "");
	ctx_done(&c);
}

static void opens(const struct config_smtp *config, const char *sentence)
{
	struct ctx c;
	struct smtp smtp;
	ctx_init(&c);
	int result = smtp_open(&c, config, &smtp);
	assert_int_equal(result, sentence == NULL ? 0 : -1);
	if (sentence != NULL && strstr(c.err.detail, sentence) == NULL) {
		fail_msg("%s", c.err.detail);
	}
	ctx_done(&c);
}

static void test_open(void **state)
{
	(void) state;
	opens(&(struct config_smtp) { .tls = "require" }, NULL);
	opens(&(struct config_smtp) { .tls = "require", .url = "smtp://h:25", .from = "a@b" }, NULL);
	opens(&(struct config_smtp) { .tls = "require", .url = "http://h:25", .from = "a@b" }, "smtp.url");
	opens(&(struct config_smtp) { .tls = "require", .url = "smtp://u:p@h:25", .from = "a@b" }, "smtp.url");
	opens(&(struct config_smtp) { .tls = "require", .url = "smtp://h:25" }, "smtp.from");
	opens(&(struct config_smtp) { .tls = "require", .url = "smtp://h:25", .from = "a@b", .user = "u" },
	    "smtp.password_file");
	opens(&(struct config_smtp) { .tls = "require", .url = "smtp://h:25", .from = "a@b", .ca_file = "/nowhere/ca.pem" },
	    "/nowhere/ca.pem");
}

/* Who does not answer took nothing, and no error says whom it was for (G-5). */
static void test_no_server(void **state)
{
	(void) state;
	struct ctx c;
	const struct mail mail = { .to = "canary@example.com", .subject = "s", .text = "t" };
	struct mail_sent sent;
	struct smtp none = server;
	ctx_init(&c);
	assert_int_equal(smtp_send(&c, &server, &mail, &sent), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_null(strstr(c.err.detail, "canary"));
	ctx_forgive(&c);
	none.url = NULL;
	assert_int_equal(smtp_send(&c, &none, &mail, &sent), -1);
	assert_int_equal(c.err.type, PROBLEM_MALFORMED);
	ctx_done(&c);
}

/* A deadline that has passed is no mail without one: a server that does not answer would hold it for ever. */
static void test_no_time(void **state)
{
	(void) state;
	struct ctx c;
	const struct mail mail = { .to = "canary@example.com", .subject = "s", .text = "t" };
	struct mail_sent sent;
	ctx_init(&c);
	ctx_limit_ms(&c, 0);
	assert_int_equal(smtp_send(&c, &server, &mail, &sent), -1);
	assert_int_equal(c.err.type, PROBLEM_DEADLINE);
	assert_null(strstr(c.err.detail, "canary"));
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_subject_words),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_no_server),
		cmocka_unit_test(test_no_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
