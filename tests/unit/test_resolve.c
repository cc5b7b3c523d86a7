/* link: va */
/* What is asked of a name server, and when again (va/resolve.h): real resolvers before a server whose answers go by the first letter of
 * the name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "policy/dns_trouble.h"
#include "va/dns_reason.h"
#include "va/resolve.h"

#define LONG_MS 60000

static struct ctx c;
static struct resolver *resolver;
static int server = -1;
static struct sockaddr_in address;
static pthread_t thread;
static atomic_int asked;

/* "f": SERVFAIL; "n": NXDOMAIN; "a": an address for an hour; others get no answer. */
static void *serve(void *arg)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 127, 0, 0, 1 };
	uint8_t packet[1500];
	struct sockaddr_in from;
	socklen_t n_from = sizeof(from);
	ssize_t n = 0;
	(void) arg;
	while (
	    (n = recvfrom(server, packet, sizeof(packet) - sizeof(record), 0, (struct sockaddr *) &from, &n_from)) > 14) {
		atomic_fetch_add(&asked, 1);
		packet[2] |= 0x80;
		packet[3] = 0x80;
		if (packet[13] == 'f') {
			packet[3] |= 2;
		} else if (packet[13] == 'n') {
			packet[3] |= 3;
		} else if (packet[13] == 'a') {
			packet[7] = 1;
			packet[11] = 0; /* the question alone, and a record */
			n = (ssize_t) strlen((const char *) packet + 12) + 12 + 5;
			memcpy(packet + n, record, sizeof(record));
			n += (ssize_t) sizeof(record);
		} else {
			continue;
		}
		assert_int_equal(sendto(server, packet, (size_t) n, 0, (struct sockaddr *) &from, n_from), n);
	}
	return NULL;
}

static int set_up(void **state)
{
	static struct config_va config;
	static struct config_resolver all;
	socklen_t n = sizeof(address);
	(void) state;
	ctx_init(&c);
	atomic_store(&asked, 0);
	address = (struct sockaddr_in) { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	server = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(server, (struct sockaddr *) &address, n) != 0 ||
	    getsockname(server, (struct sockaddr *) &address, &n) != 0 || pthread_create(&thread, NULL, serve, NULL) != 0) {
		return -1;
	}
	all = (struct config_resolver) {
		.zone = ".", .forward = arena_printf(c.arena, "127.0.0.1@%d", ntohs(address.sin_port)), .dnssec = "off"
	};
	config = (struct config_va) { .resolvers = { &all, 1 } };
	return resolver_new(&c, &config, &resolver) != 0 ? -1 : resolver_start(&c, resolver);
}

static int tear_down(void **state)
{
	(void) state;
	resolver_free(resolver);
	resolver = NULL;
	(void) sendto(server, "", 1, 0, (struct sockaddr *) &address, sizeof(address));
	(void) pthread_join(thread, NULL);
	ctx_done(&c);
	return close(server);
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	*(struct lookup_answer *) arg = *answer;
}

static struct lookup *start(const char *name, bool again, struct lookup_answer *ret)
{
	*ret = (struct lookup_answer) { 0 };
	const struct lookup_wanted wanted = {
		.name = name, .type = LOOKUP_A, .done = on_answer, .arg = ret, .again = again, .whose = "a.example"
	};
	return lookup_start(resolver, c.arena, &wanted);
}

static void await(const struct lookup_answer *answer)
{
	struct pollfd ready = { .fd = resolver_fd(resolver), .events = POLLIN };
	while (answer->record.name == NULL) {
		assert_int_equal(poll(&ready, 1, LONG_MS), 1);
		resolver_deliver(resolver);
	}
}

/* How many questions it took. */
static int look_up(const char *name, bool again, struct lookup_answer *ret)
{
	int before = atomic_load(&asked);
	(void) start(name, again, ret);
	await(ret);
	return atomic_load(&asked) - before;
}

/* C-38: a second lookup asks, however soon it comes, and so does that of the next validation */
static void test_a_failure_is_not_remembered(void **state)
{
	struct lookup_answer answer;
	(void) state;
	for (int i = 0; i < 6; i++) {
		int questions = look_up("f.example", i % 2 == 1, &answer);
		assert_true(questions > 0);
		assert_string_equal(answer.record.error, "SERVFAIL");
		assert_non_null(strstr(answer.record.reason, "got SERVFAIL"));
		assert_true(look_up("f2.example", i % 2 == 1, &answer) > 0);
	}
}

/* What a subscriber mended counts at once. */
static void test_an_answer_is_not_remembered(void **state)
{
	struct lookup_answer answer;
	(void) state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(look_up("a.example", i % 2 == 1, &answer), 1);
		assert_null(answer.record.error);
		assert_int_equal(answer.rdata.n, 1);
		assert_int_equal(look_up("n.example", i % 2 == 1, &answer), 1);
	}
}

/* G-3: the answer that denies a name is kept as it came, as any other */
static void test_a_denial_is_kept(void **state)
{
	struct lookup_answer answer;
	struct dns_answer parsed;
	(void) state;
	(void) look_up("n.example", false, &answer);
	assert_null(answer.record.error);
	assert_int_equal(answer.record.rcode, DNS_RCODE_NXDOMAIN);
	assert_int_equal(dns_answer_parse(c.arena, answer.record.raw, LOOKUP_A, 1, &parsed), 0);
	assert_int_equal(parsed.rcode, DNS_RCODE_NXDOMAIN);
	assert_string_equal(parsed.asked, "n.example.");
}

/* Two who wait for the same name are both told why there is no answer. */
static void test_one_reason_for_all(void **state)
{
	struct lookup_answer answers[2];
	FILE *log = dns_reason_log();
	(void) state;
	flockfile(log); /* no lane gets further than its first line */
	(void) start("f.example", false, &answers[0]);
	(void) start("f.example", false, &answers[1]);
	funlockfile(log);
	for (int i = 0; i < 2; i++) {
		await(&answers[i]);
		assert_non_null(strstr(answers[i].record.reason, "got SERVFAIL"));
	}
}

static void wait_ms(int ms)
{
	nanosleep(&(struct timespec) { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* C-38: silence counts as that of servers, but not where our own resolver was held up and may have heard nobody */
static void test_silence_of_our_own(void **state)
{
	struct lookup_answer answer;
	FILE *log = dns_reason_log();
	(void) state;
	struct lookup *l = start("silent.example", false, &answer);
	wait_ms(1000);
	lookup_abandon(l, &answer);
	assert_string_equal(answer.record.error, dns_trouble_late());
	assert_string_equal(answer.record.ede, "22 No Reachable Authority");
	flockfile(log);
	l = start("silent2.example", false, &answer);
	wait_ms(1000);
	lookup_abandon(l, &answer);
	funlockfile(log);
	assert_string_equal(answer.record.error, dns_trouble_late());
	assert_string_equal(answer.record.ede, dns_trouble_not_asked());
	assert_false(answer.fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_failure_is_not_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_answer_is_not_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_denial_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_reason_for_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence_of_our_own, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
