/* link: va */
/* Whose lookups wait for whose (va/dns_lanes.h), with real resolvers before a name server that stays silent until it is told to speak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "va/dns_lanes.h"
#include "va/dns_turns.h"

static struct ctx c;
static struct dns_lanes *lanes;
static int server = -1;
static int marker; /* its address is the asker of those that were not given up */

static int set_up(void **state)
{
	(void) state;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(server, (struct sockaddr *) &at, n) != 0 || getsockname(server, (struct sockaddr *) &at, &n) != 0) {
		return -1;
	}
	ctx_init(&c);
	return dns_lanes_new(&c,
	    arena_printf(c.arena,
	        "server:\n\tdirectory: \"\"\n\tdo-not-query-localhost: no\n\tmodule-config: \"iterator\"\n"
	        "forward-zone:\n\tname: \".\"\n\tforward-addr: 127.0.0.1@%d\n",
	        ntohs(at.sin_port)),
	    &lanes);
}

static int tear_down(void **state)
{
	(void) state;
	dns_lanes_free(lanes);
	lanes = NULL;
	ctx_done(&c);
	return close(server);
}

static struct dns_job *ask_for(const char *name, const char *whose)
{
	const struct dns_question question = { name, 1, "A", DNS_FIRST_TIME, whose };
	return dns_lanes_ask(lanes, &question, &marker);
}

static struct dns_job *ask(const char *before, int i, const char *after)
{
	const char *name = arena_printf(c.arena, "%s%d%s", before, i, after);
	return ask_for(name, name);
}

static bool waits(const struct dns_job *job)
{
	return job->lane == NULL;
}

/* NXDOMAIN to all that was asked so far. */
static void speak(void)
{
	uint8_t packet[1500];
	struct sockaddr_in from;
	socklen_t n_from = sizeof(from);
	ssize_t n = 0;
	while ((n = recvfrom(server, packet, sizeof(packet), 0, (struct sockaddr *) &from, &n_from)) > 12) {
		packet[2] |= 0x80;
		packet[3] = 0x83;
		assert_int_equal(sendto(server, packet, (size_t) n, 0, (struct sockaddr *) &from, n_from), n);
	}
}

/* Ends what came back within the time. */
static void take(int ms, int *ret_answered, int *ret_given_up)
{
	struct pollfd back = { .fd = dns_lanes_fd(lanes), .events = POLLIN };
	while (poll(&back, 1, ms) > 0) {
		for (struct dns_job *job = dns_lanes_take(lanes); job != NULL;) {
			struct dns_job *next = job->next;
			assert_true(job->arg == NULL || job->arg == &marker);
			*(job->arg == NULL ? ret_given_up : ret_answered) += 1;
			dns_job_end(job);
			job = next;
		}
	}
}

/* However many domains are full, and whatever a hash makes of their names, others have places of their own. */
static void test_no_domain_takes_another_ones_places(void **state)
{
	(void) state;
	for (int i = 0; i < 20 * DNS_PARENT_MOST; i++) {
		assert_false(waits(ask("y", i, arena_printf(c.arena, ".x.attacker%d.com", i % 20))));
	}
	for (int i = 0; i < 20; i++) {
		assert_true(waits(ask("more.x.attacker", i, ".com")));
		assert_false(waits(ask("other.attacker", i, ".com")));
	}
	for (int i = 0; i < 3000; i++) {
		assert_false(waits(ask("victim", i, ".com")));
	}
}

/* Dozens of silent domains leave room for others: beyond DNS_JOBS_CROWD each has what one validation needs, and no more. */
static void test_a_crowd_of_silent_domains(void **state)
{
	int waiting = 0;
	int answered = 0;
	int given_up = 0;
	(void) state;
	for (int i = 0; i < 100 * DNS_PARENT_MOST; i++) {
		waiting += waits(ask("y", i, arena_printf(c.arena, ".x.attacker%d.com", i % 100)));
	}
	assert_int_equal(100 * DNS_PARENT_MOST - waiting, DNS_JOBS_CROWD);
	for (int i = 0; i < 100; i++) {
		assert_true(waits(ask("other.attacker", i, ".com")));
		for (int k = 0; k < DNS_DOMAIN_FEW; k++) {
			const char *whose = arena_printf(c.arena, "victim%d.com", i);
			assert_false(waits(ask_for(arena_printf(c.arena, "v%d.%s", k, whose), whose)));
		}
	}
	assert_int_equal(dns_lanes_start(&c, lanes), 0);
	for (int i = 0; i < 200 && answered < 100 * (DNS_PARENT_MOST + 1 + DNS_DOMAIN_FEW);
	     i++) { /* and all have their turn in the end */
		speak();
		take(20, &answered, &given_up);
	}
	assert_int_equal(answered, 100 * (DNS_PARENT_MOST + 1 + DNS_DOMAIN_FEW));
	assert_int_equal(given_up, 0);
}

static void test_places_of_a_domain(void **state)
{
	(void) state;
	for (int i = 0; i < DNS_PARENT_MOST; i++) {
		assert_false(waits(ask("a", i, ".one.corp.example")));
	}
	struct dns_job *one = ask("b", 0, ".one.corp.example");
	assert_true(waits(one));
	for (int i = 0; i < DNS_DOMAIN_MOST - DNS_PARENT_MOST; i++) {
		assert_false(waits(ask("a.x", i, ".corp.example")));
	}
	assert_true(waits(ask("a.y", 0, ".corp.example")));
	assert_true(dns_lanes_give_up(one)); /* it waited for its own */
	/* an address has no domain of its own, and our own lookups take no places at all */
	for (int i = 0; i < DNS_PARENT_MOST; i++) {
		assert_false(waits(ask("192.0.2.", i, "")));
		assert_false(waits(ask("198.51.2.", i, "")));
		assert_false(waits(ask("203.0.2.", i, "")));
		assert_false(waits(ask_for("one.corp.example", NULL)));
	}
}

/* More than any honest load is refused, as a fault of ours. */
static void test_there_is_an_end(void **state)
{
	(void) state;
	for (int i = 0; i < DNS_JOBS_MOST; i++) {
		assert_false(waits(ask("victim", i, ".com")));
	}
	struct dns_job *given_up = ask("more", 0, ".com");
	struct dns_job *refused = ask("more", 1, ".com");
	assert_true(waits(given_up) && waits(refused));
	assert_false(dns_lanes_give_up(given_up));
	assert_false(waits(ask_for("example", NULL)));
	struct dns_job *back = dns_lanes_take(lanes);
	assert_ptr_equal(back, given_up);
	assert_ptr_equal(back->next, refused);
	assert_true(refused->failed && refused->next == NULL);
	dns_job_end(given_up);
	dns_job_end(refused);
}

/* What was given up has its sockets still: it keeps its place until libunbound has done with it. */
static void test_given_up_keeps_its_place(void **state)
{
	(void) state;
	struct dns_job *silent[DNS_PARENT_MOST];
	struct dns_job *next[3];
	int answered = 0;
	int given_up = 0;
	assert_int_equal(dns_lanes_start(&c, lanes), 0);
	for (int i = 0; i < DNS_PARENT_MOST; i++) {
		silent[i] = ask("a", i, ".silent.example");
		assert_false(waits(silent[i]));
	}
	for (int i = 0; i < 3; i++) {
		next[i] = ask("b", i, ".silent.example");
	}
	for (int i = 0; i < DNS_PARENT_MOST; i++) {
		assert_true(dns_lanes_give_up(silent[i]));
	}
	take(200, &answered, &given_up);
	assert_int_equal(given_up, 0);
	assert_true(dns_lanes_give_up(next[1]));
	assert_true(waits(next[0]) && waits(next[2]));
	for (int i = 0; i < 200 && given_up < DNS_PARENT_MOST; i++) {
		speak();
		take(50, &answered, &given_up);
	}
	assert_int_equal(given_up, DNS_PARENT_MOST);
	for (int i = 0; i < 200 && answered < 2; i++) {
		speak();
		take(50, &answered, &given_up);
	}
	assert_int_equal(answered, 2);
	assert_int_equal(given_up, DNS_PARENT_MOST);
	/* and an end with some on their way, given up and not */
	for (int i = 0; i < 2 * DNS_PARENT_MOST; i++) {
		struct dns_job *job = ask("c", i, ".silent.example");
		if (i % 2 == 0) {
			assert_true(dns_lanes_give_up(job));
		}
	}
	take(200, &answered, &given_up);
	assert_int_equal(answered, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_domain_takes_another_ones_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_crowd_of_silent_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places_of_a_domain, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_there_is_an_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_given_up_keeps_its_place, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
