/* link: cli */
/* What `cairn doctor` says of the life of a certificate, of blocked keys, of resolvers, and of what cairn-va tells (C-54). */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/doctor_dns.h"
#include "cli/doctor_logs.h"
#include "cli/doctor_state.h"
#include "policy/diagnose.h"

#define DAY_US INT64_C(86400000000)

static void test_lifetime(void **state)
{
	static const struct {
		int64_t day;
		const char *level;
		const char *part;
	} rows[] = {
		{ 9, FINDING_PROBLEM, "has not begun" },
		{ 10, FINDING_OK, "x.pem lasts until 1970-04-11T00:00:00Z" },
		{ 70, FINDING_OK, "lasts until" },
		{ 71, FINDING_NOTE, "less than a third" },
		{ 101, FINDING_PROBLEM, "ended on 1970-04-11" },
	};
	(void) state;
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct finding f = doctor_lifetime(a, "x.pem", (struct timestamp) { 10 * DAY_US },
		    (struct timestamp) { 100 * DAY_US }, (struct timestamp) { rows[i].day * DAY_US });
		assert_string_equal(f.level, rows[i].level);
		assert_non_null(strstr(f.text, rows[i].part));
	}
	arena_free(a);
}

/* E-13: what is left of a blocked key is a problem, not a note. */
static void test_blocked(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	assert_string_equal(doctor_blocked(a, "3", "0", "").level, FINDING_OK);
	struct finding f = doctor_blocked(a, "3", "2", "2026-11-22 08:00");
	assert_string_equal(f.level, FINDING_PROBLEM);
	assert_non_null(strstr(f.text, "2 key(s) are blocked of which"));
	assert_non_null(strstr(f.text, "since 2026-11-22 08:00 UTC"));
	arena_free(a);
}

/* H-8: a list is old after 14 days, and of no use after 70. */
static void test_log_list(void **state)
{
	static const struct {
		int64_t day;
		const char *level;
		const char *part;
	} rows[] = {
		{ 13, FINDING_OK, "logs.json: 3 transparency logs, the list is 13 days old" },
		{ 14, FINDING_NOTE, "the list is 14 days old" },
		{ 69, FINDING_NOTE, "69 days old" },
		{ 71, FINDING_PROBLEM, "; nothing is issued: " },
	};
	(void) state;
	struct arena *a = arena_new();
	struct ct_log logs[3] = { { .description = "a" } };
	const struct ct_log_list list = { .made_at = { 100 * DAY_US }, .v = logs, .n = 3 };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct finding f = doctor_log_list(a, "logs.json", &list, (struct timestamp) { (100 + rows[i].day) * DAY_US });
		assert_string_equal(f.level, rows[i].level);
		assert_non_null(strstr(f.text, rows[i].part));
	}
	arena_free(a);
}

/* H-13: a certificate that is in no log for a day is a problem. */
static void test_unlogged(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	assert_string_equal(doctor_unlogged(a, "0", "0", 0).level, FINDING_OK);
	assert_string_equal(doctor_unlogged(a, "5", "0", 0).level, FINDING_OK);
	struct finding f = doctor_unlogged(a, "5", "2", 90000);
	assert_string_equal(f.level, FINDING_PROBLEM);
	assert_non_null(strstr(f.text, "2 certificate(s) are in no transparency log"));
	assert_non_null(strstr(f.text, "for 25 h"));
	arena_free(a);
}

/* H-17: what is worst is said. */
static void test_monitored(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	assert_string_equal(doctor_monitored(a, "0", "0", "0").level, FINDING_OK);
	assert_non_null(strstr(doctor_monitored(a, "3", "0", "0").text, "3 transparency log(s) are at fault"));
	assert_non_null(strstr(doctor_monitored(a, "3", "2", "0").text, "For 2 SCT(s)"));
	assert_non_null(
	    strstr(doctor_monitored(a, "3", "2", "1").text, "An incident: transparency logs have 1 certificate(s)"));
	assert_string_equal(doctor_monitored(a, "1", "0", "0").level, FINDING_PROBLEM);
	arena_free(a);
}

/* E-7: waves that nobody carries out. */
static void test_waves(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	assert_string_equal(doctor_waves(a, "0", "0", 0).level, FINDING_OK);
	assert_string_equal(doctor_waves(a, "2", "0", 0).level, FINDING_NOTE);
	assert_string_equal(doctor_waves(a, "2", "500", 600).level, FINDING_NOTE);
	struct finding f = doctor_waves(a, "2", "500", 6000);
	assert_string_equal(f.level, FINDING_PROBLEM);
	assert_non_null(strstr(f.text, "500 certificate(s) should have been revoked"));
	assert_non_null(strstr(f.text, "100 min ago"));
	arena_free(a);
}

/* ---- resolvers ---- */

static uint16_t bound(int *ret_fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(at);
	*ret_fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *) &at, n), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *) &at, &n), 0);
	return ntohs(at.sin_port);
}

/* Answers one query for each of these codes; 16: with another id. */
static const uint8_t codes[] = { 0, 3, 5, 2, 16 };

static void *answer_run(void *arg)
{
	int fd = *(const int *) arg;
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		uint8_t p[512];
		struct sockaddr_in from;
		socklen_t from_n = sizeof(from);
		ssize_t n = recvfrom(fd, p, sizeof(p), 0, (struct sockaddr *) &from, &from_n);
		static const uint8_t asked[] = "\4corp\7example\0\0\6\0\1";
		if (n != 12 + (ssize_t) sizeof(asked) - 1 || memcmp(p + 12, asked, sizeof(asked) - 1) != 0) {
			continue; /* and the test fails, as nobody answers */
		}
		p[0] = (uint8_t) (p[0] ^ (codes[i] >> 4));
		p[2] |= 0x80;
		p[3] = codes[i] & 0xf;
		(void) !sendto(fd, p, (size_t) n, 0, (struct sockaddr *) &from, from_n);
	}
	return NULL;
}

static struct finding asked(struct arena *a, uint16_t port)
{
	char *forward = (char *) (uintptr_t) arena_printf(a, "127.0.0.1@%u", port);
	struct config_resolver resolvers[] = { { .zone = "corp.example", .forward = forward }, { .zone = "no.forward" } };
	const struct config_va va = { .resolvers = { resolvers, COUNT_OF(resolvers) } };
	struct finding_list list = { NULL, 0 };
	const struct diagnosing d = { a, true, &list };
	doctor_resolvers(&d, &va);
	assert_int_equal(list.n, 1);
	return list.v[0];
}

static void expect(struct finding f, const char *level, const char *part)
{
	assert_string_equal(f.about, "resolver");
	assert_string_equal(f.level, level);
	if (strstr(f.text, part) == NULL) {
		fail_msg("%s", f.text);
	}
}

static void test_resolvers(void **state)
{
	static const char *const parts[] = { "of the zone corp.example answers", "of the zone corp.example answers",
		"answers REFUSED: it has to know about that zone itself", "answers SERVFAIL", "no DNS answer" };
	(void) state;
	struct arena *a = arena_new();
	pthread_t thread;
	int fd = -1;
	uint16_t port = bound(&fd);
	assert_int_equal(pthread_create(&thread, NULL, answer_run, &fd), 0);
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		expect(asked(a, port), i < 2 ? FINDING_OK : FINDING_PROBLEM, parts[i]);
	}
	pthread_join(thread, NULL);
	expect(asked(a, port), FINDING_PROBLEM, "does not answer within 2 s");
	close(fd);
	expect(asked(a, port), FINDING_PROBLEM, "can't be reached: Connection refused");
	arena_free(a);
}

static void test_metrics(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct finding_list list = { NULL, 0 };
	const struct diagnosing d = { a, true, &list };
	doctor_metrics(&d, "", true);
	doctor_metrics(&d, "cairn_dnssec_probe 0\n", false); /* none is configured */
	doctor_metrics(&d,
	    "# HELP cairn_uplink 0: nobody\ncairn_uplink{zone=\".\"} 1\ncairn_uplink_route{family=\"IPv6\"} "
	    "1\ncairn_dnssec_probe 1\n"
	    "cairn_perspective_stray_total{perspective=\"ams\"} 0\n",
	    true);
	assert_int_equal(list.n, 0);
	doctor_metrics(&d,
	    "x 1\ncairn_uplink{zone=\"corp.example\"} 0\ncairn_uplink{zone=\".\"} 1\ncairn_uplink_route{family=\"IPv4\"} "
	    "1\n"
	    "cairn_uplink_route{family=\"IPv6\"} 0\ncairn_dnssec_probe 0\n"
	    "cairn_perspective_stray_total{perspective=\"ams\"} 0\n"
	    "cairn_perspective_stray_total{perspective=\"sin\"} 7\n"
	    "cairn_perspective_stray_total{perspective=\"gru",
	    true);
	assert_int_equal(list.n, 4);
	expect(list.v[0], FINDING_PROBLEM, "the resolver for the zone corp.example does not answer us");
	expect(list.v[1], FINDING_PROBLEM, "a route to the world by IPv6 and has none");
	expect(list.v[2], FINDING_PROBLEM, "DNSSEC may not be validated");
	expect(list.v[3], FINDING_PROBLEM,
	    "sin resolves elsewhere than va.perspectives declares; its answers did not count 7");
	arena_free(a);
}

/* E-22, E-28: made each six hours, for seven days. */
static void test_crls(void **state)
{
	static const struct {
		int64_t left_h;
		int64_t octets;
		const char *level;
		const char *part;
	} rows[] = {
		{ 168, 500, FINDING_OK, "lasts for 168 h" },
		{ 156, 500, FINDING_OK, "lasts for" },
		{ 155, 500, FINDING_NOTE, "13 h old" },
		{ 84, 500, FINDING_NOTE, "84 h old" },
		{ 83, 500, FINDING_PROBLEM, "ends in 83 h" }, /* before it is four days old */
		{ 55, 500, FINDING_PROBLEM, "ends in 55 h" },
		{ 0, 0, FINDING_PROBLEM, "has ended" },
		{ 168, 8000001, FINDING_NOTE, "crl_shards" },
		{ 168, 10000000, FINDING_NOTE, "more than root programs take" },
	};
	const struct config_ca config = { .crl_period_s = 21600, .crl_life_s = 604800 };
	(void) state;
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct doctor_crl crl = { "e", "1", rows[i].left_h * 3600, rows[i].octets };
		struct finding f = doctor_crl(a, &crl, &config);
		assert_string_equal(f.level, rows[i].level);
		assert_non_null(strstr(f.text, rows[i].part));
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lifetime), cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_log_list), cmocka_unit_test(test_crls), cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_unlogged), cmocka_unit_test(test_monitored), cmocka_unit_test(test_crls),
		cmocka_unit_test(test_resolvers), cmocka_unit_test(test_waves), cmocka_unit_test(test_crls),
		cmocka_unit_test(test_resolvers), cmocka_unit_test(test_metrics) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
