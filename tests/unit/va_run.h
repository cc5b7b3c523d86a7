/* Validations by a real engine in the world of va_world.h, each with the verdict drawn again from its record. */
#ifndef CAIRN_TESTS_VA_RUN_H
#define CAIRN_TESTS_VA_RUN_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "policy/decide_validation.h"
#include "tests/unit/va_world.h"
#include "va/dcv.h"
#include "va/engine.h"

#define TIMEOUT_S 2
#define ACCOUNT "https://ca.test/acct/1"

static const char *networks[] = { "127.0.0.0/8", "::1/128" };
static const char *denied[] = { "127.6.0.0/16" };
static const char *identities[] = { "ca.test" };
static struct config_resolver resolver = { ".", NULL, "off", { NULL, 0 } };
static struct config_local_zone local_zone = { "test.", "127.0.0.1" };
static struct config_va config = {
	.resolvers = { &resolver, 1 },
	.local_zones = { &local_zone, 1 },
	.allow_networks = { networks, COUNT_OF(networks) },
	.deny_networks = { denied, COUNT_OF(denied) },
	.timeout_s = TIMEOUT_S,
	.user_agent = "cairn-test",
	.perspective = "here",
};
static struct engine *engine;
static const char *method = "http-01";
static const uint16_t *tls_port = &world.tls_port; /* where tls-alpn-01 goes */

/* One validation and its outcome. */
struct run {
	struct ctx c;
	struct validate_request in;
	const struct validation_result *result;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	int64_t us;
};

static void on_done(void *arg, const struct validation_result *result)
{
	struct run *r = arg;
	pthread_mutex_lock(&r->lock);
	r->result = result;
	r->us = clock_monotonic_us() - r->us;
	r->done = true;
	pthread_cond_signal(&r->ended);
	pthread_mutex_unlock(&r->lock);
}

static void run_init(struct run *r, const char *name)
{
	struct ip ip;
	*r = (struct run) { .us = clock_monotonic_us() };
	ctx_init(&r->c);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->ended, NULL);
	r->in = (struct validate_request) { .validation_id = id_new(),
		.identifier = { ip_parse(name, &ip) == 0 ? "ip" : "dns", arena_text(r->c.arena, name) },
		.method = method,
		.token = WORLD_TOKEN,
		.key_authorization = WORLD_KEY_AUTHORIZATION,
		.account_url = ACCOUNT,
		.caa_identities = { identities, 1 },
		.check_caa = true };
}

static void run_begin(struct run *r)
{
	assert_int_equal(engine_submit(&r->c, engine, &r->in, on_done, r), 0);
}

static void run_wait(struct run *r)
{
	pthread_mutex_lock(&r->lock);
	while (!r->done) {
		pthread_cond_wait(&r->ended, &r->lock);
	}
	pthread_mutex_unlock(&r->lock);
}

static void run_free(struct run *r)
{
	ctx_done(&r->c);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->ended);
}

static void check_against(const struct run *r, const char *problem, const char *detail)
{
	const struct validation_result *v = r->result;
	const char *got = v->problem.detail == NULL ? "" : v->problem.detail;
	if (v->fault || v->passed != (problem == NULL) ||
	    (problem != NULL && (strcmp(v->problem.type, problem) != 0 || strstr(got, detail) == NULL))) {
		fail_msg("%s: fault %d passed %d %s: %s", r->in.identifier.value, v->fault, v->passed,
		    v->problem.type == NULL ? "" : v->problem.type, got);
	}
	for (const char *p = got; *p != '\0'; p++) {
		assert_true(*p >= ' ' && *p < 0x7f); /* */
	}
}

/* The verdict drawn again from what crossed RPC and was kept is the same. */
static void check_replay(struct run *r)
{
	struct validation_result kept;
	struct decide_input in;
	struct bytes json = fields_to_json(r->c.arena, &validation_result_fields, r->result);
	assert_int_equal(fields_parse_json(&r->c, &validation_result_fields, json, &kept), 0);
	assert_int_equal(decide_input_of(&r->c, &r->in, &kept.basis, &in), 0);
	struct verdict verdict = decide_validation(r->c.arena, &in, &kept);
	assert_int_equal(verdict.passed, r->result->passed);
	assert_int_equal(verdict.fault, r->result->fault);
	if (!verdict.passed) {
		assert_string_equal(problem_info(verdict.problem)->name, r->result->problem.type);
		assert_string_equal(verdict.detail, r->result->problem.detail);
	}
}

/* problem NULL: it passes */
static inline void check(const char *name, const char *problem, const char *detail)
{
	struct run r;
	run_init(&r, name);
	r.in.check_caa = false;
	run_begin(&r);
	run_wait(&r);
	check_against(&r, problem, detail);
	check_replay(&r);
	run_free(&r);
}

struct row {
	const char *name;
	const char *problem;
	const char *detail;
};

__attribute__((unused)) static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		check(rows[i].name, rows[i].problem, rows[i].detail);
	}
}

static int set_up(void **state)
{
	struct ctx c;
	(void) state;
	(void) signal(SIGPIPE, SIG_IGN); /* as the service does; the world's servers are cut off too */
	world_open();
	ctx_init(&c);
	static char forward[32];
	(void) snprintf(forward, sizeof(forward), "127.0.0.1@%u", world.dns_port);
	resolver.forward = forward;
	config.http01_port = world.web_port;
	config.tlsalpn01_port = *tls_port;
	int result = engine_new(&c, &config, &engine) == 0 ? engine_start(&c, engine) : -1;
	if (result != 0) {
		print_error("%s\n", c.err.detail);
	}
	ctx_done(&c);
	return result;
}

static int tear_down(void **state)
{
	(void) state;
	engine_drain(engine, 1000);
	engine_free(engine);
	world_close();
	return 0;
}

#endif
