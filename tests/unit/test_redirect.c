/* link: va */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/redirect.h"

static const struct redirect_ports ports = { 5002, 5001 };

/* NULL: refused; the sentence is then in *ret_detail */
static const char *resolve(struct ctx *c, const char *location, const char **ret_detail)
{
	struct target from;
	struct target to;
	target_first(c->arena, "a.example", 80, "tok", &from);
	if (redirect_resolve(c, &from, bytes_of_text(location), &ports, &to) != 0) {
		*ret_detail = c->err.detail;
		return NULL;
	}
	return to.url;
}

static void test_first_target(void **state)
{
	struct ctx c;
	struct target t;
	(void) state;
	ctx_init(&c);
	target_first(c.arena, "a.example", 80, "tok", &t); /* */
	assert_string_equal(t.url, "http://a.example/.well-known/acme-challenge/tok");
	assert_false(t.https);
	target_first(c.arena, "a.example", 5002, "tok", &t);
	assert_string_equal(t.url, "http://a.example:5002/.well-known/acme-challenge/tok");
	assert_string_equal(t.path, "/.well-known/acme-challenge/tok");
	assert_int_equal(t.port, 5002);
	ctx_done(&c);
}

static void test_followed(void **state) /* */
{
	static const char *const rows[][2] = {
		{ "http://b.example/x", "http://b.example/x" },
		{ "HTTP://B.Example:80/x", "http://b.example/x" },
		{ "https://b.example", "https://b.example/" },
		{ "https://b.example:443/x?y=1#frag", "https://b.example/x?y=1" },
		{ "https://b.example:80/x", "https://b.example:80/x" },
		{ "http://b.example:443/x", "http://b.example:443/x" },
		{ "http://b.example:5002/x", "http://b.example:5002/x" },
		{ "https://b.example:5001/x", "https://b.example:5001/x" },
		{ "http://b.example:/x", "http://b.example/x" },
		{ "http://b.example./x", "http://b.example/x" },
		{ "http://b.example?q", "http://b.example/?q" },
		{ "http://93.184.216.34/x", "http://93.184.216.34/x" },
		{ "http://127.0.0.1./x", "http://127.0.0.1/x" }, /* the address, which is checked as such */
		{ "http://[2001:DB8::1]/x", "http://[2001:db8::1]/x" },
		{ "http://[2001:db8::1]:443/x", "http://[2001:db8::1]:443/x" },
		{ "http://_dmarc.b.example/x", "http://_dmarc.b.example/x" },
		{ "//b.example/x", "http://b.example/x" },
		{ "/x", "http://a.example/x" },
		{ "/x/../y/./z/..", "http://a.example/y/" },
		{ "/../../x", "http://a.example/x" },
		{ "other", "http://a.example/.well-known/acme-challenge/other" },
		{ "../x", "http://a.example/.well-known/x" },
		{ "../../../../x", "http://a.example/x" },
		{ "?q=1", "http://a.example/.well-known/acme-challenge/tok?q=1" },
		{ "#f", "http://a.example/.well-known/acme-challenge/tok" },
		{ "./a:b", "http://a.example/.well-known/acme-challenge/a:b" },
		{ "/a b\xc3\xa9\"", "http://a.example/a%20b%C3%A9%22" },
		{ "/a%2fb//c", "http://a.example/a%2fb//c" },
		{ "http://b.example/?r=http://c.example:8080/", "http://b.example/?r=http://c.example:8080/" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ctx c;
		const char *detail = "";
		ctx_init(&c);
		const char *url = resolve(&c, rows[i][0], &detail);
		if (url == NULL || strcmp(url, rows[i][1]) != 0) {
			fail_msg("%s: %s (%s)", rows[i][0], url == NULL ? "refused" : url, detail);
		}
		ctx_done(&c);
	}
}

static void check_refused(const char *location, const char *why)
{
	struct ctx c;
	const char *detail = "";
	ctx_init(&c);
	const char *url = resolve(&c, location, &detail);
	if (url != NULL || strstr(detail, why) == NULL) {
		fail_msg("%s: %s (%s)", location, url == NULL ? "refused" : url, detail);
	}
	ctx_done(&c);
}

static void test_refused(void **state) /* C-11 */
{
	static const char *const rows[][2] = {
		{ "", "empty Location" },
		{ "ftp://b.example/x", "scheme" },
		{ "file:///etc/passwd", "scheme" },
		{ "javascript:alert(1)", "scheme" },
		{ "gopher://b.example:80/", "scheme" },
		{ "http:x", "host" },
		{ "http:/b.example/x", "host" },
		{ "http://", "host" },
		{ "http:///x", "host" },
		{ "///x", "host" },
		{ "http://:80/x", "host" },
		{ "http://b.example:8080/x", "8080" },
		{ "http://b.example:25/x", "25" },
		{ "http://b.example:0/x", "port" },
		{ "http://b.example:65616/x", "port" },
		{ "http://b.example:18446744073709551696/x", "port" },
		{ "http://b.example:8o/x", "port" },
		{ "http://b.example:+80/x", "port" },
		{ "http://user@b.example/x", "user name" },
		{ "http://user:pass@b.example/x", "user name" },
		{ "http://a.example@169.254.169.254/x", "user name" },
		{ "http://b.example:80:443/x", "port" },
		{ "http://b.example:%38%30/x", "port" },
		{ "http://b.example%00.c.example/x", "host" },
		{ "http://b..example/x", "host" },
		{ "http://.b.example/x", "host" },
		{ "http://b.exa mple/x", "host" },
		{ "http://b.example\\@c.example/x", "user name" },
		{ "http://b.example\\x", "host" },
		{ "http://b%2eexample/x", "host" },
		{ "http://b.example.well-known/acme-challenge/x", "missing '/'" },
		{ "/x\r\nHost: y", "control" },
		{ "/x\ty", "control" },
		{ "/x\x7f", "control" },
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_refused(rows[i][0], rows[i][1]);
	}
}

static void test_refused_addresses(void **state) /* C-11, A-106: what a resolver of old would take for one is no host */
{
	static const char *const locations[] = {
		"http://127.1/x",
		"http://2130706433/x",
		"http://0x7f000001/x",
		"http://0177.0.0.1/x",
		"http://1.2.3.4.5/x",
		"http://0x7f.1/x",
		"http://0X7F.0X1/x",
		"http://127.0.0.0x1/x",
		"http://127.0.0.1../x",
		("http://127\xe3\x80\x82"
		 "0\xe3\x80\x82"
		 "0\xe3\x80\x82"
		 "1/x"), /* the dot of an IDN (U+3002) */
		("http://127\xef\xbc\x8e"
		 "0.0.1/x"),                   /* U+FF0E */
		"http://\xe2\x91\xa0.1.1.1/x", /* a digit in a circle */
		"http://[::ffff:127.0.0.1%lo]/x",
		"http://[v1.x]/x",
		"http://[::1/x",
		"http://[::1]x/x",
		"http://[fe80::1%25eth0]/x",
		"http://[127.0.0.1]/x",
	};
	(void) state;
	for (size_t i = 0; i < COUNT_OF(locations); i++) {
		check_refused(locations[i], "host");
	}
}

static void test_lengths(void **state)
{
	char url[REDIRECT_URL_MAX + 2];
	char host[320];
	struct ctx c;
	const char *detail = "";
	(void) state;
	memset(url, 'a', sizeof(url) - 1);
	url[0] = '/';
	url[sizeof(url) - 1] = '\0';
	ctx_init(&c);
	assert_null(resolve(&c, url, &detail));
	assert_non_null(strstr(detail, "longer than"));
	ctx_forgive(&c);
	url[REDIRECT_URL_MAX] = '\0';
	assert_non_null(resolve(&c, url, &detail));
	memset(host, 'a', sizeof(host));
	memcpy(host, "http://", 7);
	memcpy(host + 7 + 64, ".b/", 4); /* a label of 64 */
	assert_null(resolve(&c, host, &detail));
	ctx_forgive(&c);
	memcpy(host + 7 + 63, ".b/", 4); /* and of 63 */
	assert_non_null(resolve(&c, host, &detail));
	ctx_done(&c);
}

/* relative targets whose octets are escaped grow with each hop, up to a bound */
static void test_growing(void **state)
{
	char location[REDIRECT_URL_MAX + 1];
	struct target from;
	struct target to;
	struct ctx c;
	int hops = 0;
	(void) state;
	memset(location, '"', REDIRECT_URL_MAX);
	location[REDIRECT_URL_MAX - 1] = '/';
	location[REDIRECT_URL_MAX] = '\0';
	ctx_init(&c);
	target_first(c.arena, "192.0.2.1", 80, "tok", &from);
	while (hops < REDIRECTS_MAX && redirect_resolve(&c, &from, bytes_of_text(location), &ports, &to) == 0) {
		assert_true(strlen(to.url) <= REDIRECT_TARGET_MAX);
		from = to;
		hops++;
	}
	assert_int_equal(hops, 1);
	assert_non_null(strstr(c.err.detail, "URL that is longer than 8192 octets"));
	ctx_done(&c);
}

static void test_statuses(void **state) /* C-11 */
{
	(void) state;
	for (int64_t status = 0; status < 1000; status++) {
		bool followed = status == 301 || status == 302 || status == 307 || status == 308;
		assert_int_equal(redirect_status(status), followed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_target),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_addresses),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
