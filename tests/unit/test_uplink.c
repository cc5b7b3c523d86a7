/* link: va */
/* Whose fault it is that nobody answers (issue 4.6, A-101, C-38). See va_world.h. */
#include "tests/unit/va_run.h"
#include "tests/unit/gauge.h"
#include "va/uplink.h"

#define GAUGE_OF(zone) "cairn_uplink{zone=\"" zone "\"}"

static struct config_resolver dead = { ".", "127.0.0.1@1", "off", { NULL, 0 } };
static struct config_va cut;

static const struct resolution *lookup_of(const struct validation_result *v, const char *type)
{
	return decide_lookup_of(&v->resolutions, type, ".");
}

static void check_end(struct run *r, bool fault)
{
	run_wait(r);
	if (r->result->passed || r->result->fault != fault || r->result->basis.cut_off != fault) {
		fail_msg("%s: %s", r->in.identifier.value, r->result->problem.detail);
	}
	check_replay(r);
}

/* The same name, by a resolver that is there and one that is not. */
static void test_a_dead_resolver(void **state)
{
	static const char *const types[] = { "http-01", "tls-alpn-01", "dns-01", NULL };
	struct engine *whole = engine;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	cut = config;
	cut.resolvers = (struct config_resolver_list) { &dead, 1 };
	assert_int_equal(engine_new(&c, &cut, &engine), 0);
	assert_int_equal(engine_start(&c, engine), 0);
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct run r;
		run_init(&r, "pass.web.example");
		r.in.method = types[i];
		r.in.key_authorization = types[i] == NULL ? NULL : r.in.key_authorization; /* CAA alone */
		run_begin(&r);
		check_end(&r, true);
		assert_string_equal(r.result->problem.type, "SERVER_INTERNAL");
		assert_non_null(strstr(r.result->problem.detail, "own resolver or network does not work"));
		assert_non_null(lookup_of(r.result, "SOA")); /* evidence that it was ours */
		assert_false(r.result->caa.permitted);
		run_free(&r);
	}
	engine_drain(engine, 1000);
	engine_free(engine);
	engine = whole;
	ctx_done(&c);
}

/* Nobody hides a failure by it: while the resolver answers, silence is that of the zone or the host. */
static void test_a_silent_zone(void **state)
{
	static const char *const names[] = { "mute.example", "servfail.example", "refused.example" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct run r;
		run_init(&r, names[i]);
		run_begin(&r);
		check_end(&r, false);
		assert_string_equal(r.result->problem.type, "DNS");
		assert_non_null(lookup_of(r.result, "SOA"));
		assert_null(lookup_of(r.result, "SOA")->error);
		run_free(&r);
	}
}

/* What answered is judged without a look at anybody else. */
static void test_no_look_without_silence(void **state)
{
	static const char *const names[] = { "pass.web.example", "wrong.web.example", "nothing.example" };
	(void) state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct run r;
		run_init(&r, names[i]);
		run_begin(&r);
		run_wait(&r);
		assert_false(r.result->fault);
		assert_null(lookup_of(r.result, "SOA"));
		run_free(&r);
	}
}

/* A network without an internet is no fault, unless the operator says that there is one, or there was. */
static void test_judge(void **state)
{
	(void) state;
	for (int i = 0; i < 8; i++) {
		bool answered = i & 1;
		bool expected = i & 2;
		bool before = i & 4;
		enum uplink_state wanted = answered || (!expected && !before) ? UPLINK_WORKS : UPLINK_IS_DOWN;
		assert_int_equal(uplink_judge(answered, expected, before), wanted);
	}
}

/* Who is looked at: who answers for the name, and nobody for what is local. */
static void test_routes(void **state)
{
	struct config_resolver both[] = { { "corp.example", "127.0.0.1@1", "off", { NULL, 0 } }, resolver };
	const struct resolution *record = NULL;
	struct resolver *r = NULL;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	cut = config;
	cut.resolvers = (struct config_resolver_list) { both, 2 };
	struct uplink *u = uplink_new(&cut);
	assert_int_equal(gauge_value(c.arena, GAUGE_OF(".")), 1); /* on which operators alarm when it is 0 */
	assert_int_equal(gauge_value(c.arena, GAUGE_OF("corp.example")), 1);
	assert_int_equal(resolver_new(&c, &cut, &r), 0);
	assert_int_equal(resolver_start(&c, r), 0);
	assert_int_equal(uplink_look(u, r, "host.test", 0, &record), UPLINK_WORKS);
	assert_null(record);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "a.corp.example" : "a.example";
		int64_t since_us = clock_monotonic_us();
		enum uplink_state found = UPLINK_ASKED;
		while ((found = uplink_look(u, r, name, since_us, &record)) == UPLINK_ASKED) {
			assert_true(clock_monotonic_us() - since_us < 20000000);
			usleep(10000);
			resolver_deliver(r);
		}
		assert_int_equal(gauge_value(c.arena, GAUGE_OF("corp.example")), 0); /* also when another one answers */
		assert_int_equal(gauge_value(c.arena, GAUGE_OF(".")), 1);
		assert_int_equal(found, i == 0 ? UPLINK_IS_DOWN : UPLINK_WORKS);
		assert_string_equal(record->name, i == 0 ? "corp.example" : ".");
		assert_int_equal(uplink_look(u, r, name, since_us, &record), found); /* is known now */
	}
	resolver_free(r);
	uplink_free(u);
	uplink_free(NULL);
	ctx_done(&c);
}

/* Answers each question by the SOA record of the root. */
static void answer_all(int fd)
{
	static const uint8_t soa[] = { 0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1,
		0, 0, 0, 1, 0, 0, 0, 1 };
	uint8_t p[600];
	struct sockaddr_in from;
	socklen_t from_n = sizeof(from);
	ssize_t n = 0;
	while ((n = recvfrom(fd, p, 512, MSG_DONTWAIT, (struct sockaddr *) &from, &from_n)) > 12) {
		size_t end = 12;
		while (p[end] != 0) {
			end += p[end] + 1U;
		}
		end += 5;
		p[2] = 0x81;
		p[3] = 0x80;
		p[7] = 1;
		p[9] = p[11] = 0;
		memcpy(p + end, soa, sizeof(soa));
		(void) !sendto(fd, p, end + sizeof(soa), 0, (struct sockaddr *) &from, from_n);
	}
}

/* Serves until the gauge has this value. */
static void serve_until(struct uplink *u, struct resolver *r, struct arena *a, int fd, long wanted)
{
	int64_t since_us = clock_monotonic_us();
	while (gauge_value(a, GAUGE_OF("corp.example")) != wanted) {
		assert_true(clock_monotonic_us() - since_us < 60000000);
		usleep(10000);
		if (fd >= 0) {
			answer_all(fd);
		}
		resolver_deliver(r);
		int64_t due_us = uplink_serve(u, r);
		assert_true(due_us == INT64_MAX || due_us > clock_monotonic_us() - 1000000);
	}
}

/* The end of an outage is seen though nobody validates any more. */
static void test_what_is_down_is_looked_at_again(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t in_n = sizeof(in);
	const struct resolution *record = NULL;
	struct resolver *r = NULL;
	struct ctx c;
	(void) state;
	ctx_init(&c);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *) &in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &in, &in_n), 0);
	struct config_resolver silent = { "corp.example", arena_printf(c.arena, "127.0.0.1@%u", ntohs(in.sin_port)), "off",
		{ NULL, 0 } };
	cut = config;
	cut.resolvers = (struct config_resolver_list) { &silent, 1 };
	struct uplink *u = uplink_new(&cut);
	assert_int_equal(resolver_new(&c, &cut, &r), 0);
	assert_int_equal(resolver_start(&c, r), 0);
	assert_true(uplink_serve(u, r) == INT64_MAX); /* nothing is looked at without a reason */
	assert_int_equal(uplink_look(u, r, "a.corp.example", clock_monotonic_us(), &record), UPLINK_ASKED);
	serve_until(u, r, c.arena, -1, 0);
	assert_true(uplink_serve(u, r) < INT64_MAX);
	serve_until(u, r, c.arena, fd, 1);
	assert_true(uplink_serve(u, r) == INT64_MAX);
	resolver_free(r);
	uplink_free(u);
	(void) close(fd);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dead_resolver),
		cmocka_unit_test(test_a_silent_zone),
		cmocka_unit_test(test_no_look_without_silence),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_what_is_down_is_looked_at_again),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
