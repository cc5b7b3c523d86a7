/* RPC from stub to handler over TLS: rights, deadlines, ids, errors with subproblems, retries, calls that are served and
 * made asynchronously. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "lib/http/client.h"
#include "lib/rpc/client.h"
#include "lib/rpc/server.h"
#include "tests/unit/pki.h"

#define RPC_SERVE ra
#include "lib/rpc/serve.h"
#undef RPC_SERVE
#undef RPC_ROW
#define RPC_SERVE va
#define rpc_service_path_wfe va_rpc_service_path_wfe
#define rpc_service_path_ra va_rpc_service_path_ra
#define rpc_service_path_va va_rpc_service_path_va
#define rpc_service_path_ca va_rpc_service_path_ca
#define rpc_service_path_subscriber va_rpc_service_path_subscriber
#include "lib/rpc/serve.h"

static struct pki pki;
static struct rpc_server *ra, *va;
static char ra_address[32], va_address[32], dead_address[32] = "127.0.0.1:1";
static atomic_int served;
static atomic_int busy_answers; /* as many calls are answered "unavailable" first */
static struct id seen_id;
static int64_t seen_left_ms;
static atomic_int sleep_ms;

int ra_new_account_serve(struct ctx *c, const struct new_account_request *in, struct new_account_response *ret)
{
	atomic_fetch_add(&served, 1);
	if (strcmp(in->key, "refuse") == 0) {
		ctx_subproblem(c, PROBLEM_CAA, "dns", "a.test", "CAA of %s", "a.test");
		ctx_subproblem(c, PROBLEM_DNS, NULL, NULL, "No answer");
		c->err.subproblems.v[0].rule = "name.blocked";
		ctx_rule(c, "name.blocked");
		ctx_rule(c, "name.other"); /* the first one stays */
		c->err.retry_after_s = 7;
		ctx_cause(c, "secret cause");
		return FAIL(c, RATE_LIMITED, "Too \"many\" accounts");
	}
	if (strcmp(in->key, "silent") == 0) {
		return -1;
	}
	seen_id = c->request_id;
	seen_left_ms = ctx_left_ms(c, INT64_MAX);
	ret->account = (struct account) {
		.id = id_new(), .status = "valid", .key = in->key, .created_at = clock_now(), .terms_agreed = in->terms_agreed
	};
	ret->created =
	    strcmp(c->caller, "cairn-wfe") == 0 && in->user_agent != NULL && strcmp(in->user_agent, "agent") == 0;
	return 0;
}

int ra_new_order_serve(struct ctx *c, const struct new_order_request *in, struct order *ret)
{
	atomic_fetch_add(&served, 1);
	if (atomic_fetch_sub(&busy_answers, 1) > 0) {
		return FAIL(c, UNAVAILABLE, "Busy");
	}
	usleep((useconds_t) atomic_load(&sleep_ms) * 1000);
	*ret = (struct order) {
		.id = id_new(), .account_id = in->account_id, .status = "pending", .identifiers = in->identifiers
	};
	return 0;
}

int ra_update_account_serve(struct ctx *c, const struct update_account_request *in, struct account *ret)
{
	(void) ret;
	(void) in;
	atomic_fetch_add(&served, 1);
	return FAIL(c, WRITE_UNCERTAIN, NULL);
}

int ra_check_key_serve(struct ctx *c, const struct check_key_request *in, struct check_key_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, NOT_FOUND, "not here");
}

int ra_change_key_serve(struct ctx *c, const struct change_key_request *in, struct account *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_new_authorization_serve(struct ctx *c, const struct new_authorization_request *in, struct authorization *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_ask_terms_serve(struct ctx *c, const struct ask_terms_request *in, struct terms_token *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_agree_terms_serve(struct ctx *c, const struct terms_token *in, struct terms_agreed *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_start_challenge_serve(struct ctx *c, const struct start_challenge_request *in, struct authorization *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, NOT_FOUND, NULL);
}

int ra_deactivate_authorization_serve(
    struct ctx *c, const struct deactivate_authorization_request *in, struct authorization *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, NOT_FOUND, NULL);
}

int ra_finalize_order_serve(struct ctx *c, const struct finalize_order_request *in, struct order *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, ORDER_NOT_READY, NULL);
}

int ra_diagnose_serve(struct ctx *c, const struct diagnose_request *in, struct diagnosis *ret)
{
	(void) c;
	(void) in;
	(void) ret;
	return 0;
}

int ra_record_late_serve(struct ctx *c, const struct record_late_request *in, struct record_late_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_block_key_serve(struct ctx *c, const struct block_key_request *in, struct block_key_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_unpause_serve(struct ctx *c, const struct unpause_request *in, struct unpause_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, SERVER_INTERNAL, "not used here");
}

int ra_revoke_certificate_serve(
    struct ctx *c, const struct revoke_certificate_request *in, struct revoke_certificate_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, ALREADY_REVOKED, NULL);
}

static void *validate_later(void *arg)
{
	struct rpc_call *call = arg;
	usleep(20000);
	struct validation_result result = { .validation_id = id_new(), .perspective = "local", .passed = true };
	rpc_call_end(call, 0, &result);
	return NULL;
}

void va_validate_serve_later(struct rpc_call *call, const struct validate_request *in)
{
	atomic_fetch_add(&served, 1);
	if (strcmp(in->token, "refuse") == 0) {
		rpc_call_end(call, FAIL(rpc_call_ctx(call), CONNECTION, "No connection"), NULL);
		return;
	}
	pthread_t thread;
	PKI_MUST(pthread_create(&thread, NULL, validate_later, call) == 0);
	pthread_detach(thread);
}

static struct rpc_server *serve_at(
    const struct rpc_method *methods, size_t n, const char *name, struct text_list listen, unsigned max_connections)
{
	struct ctx c;
	ctx_init(&c);
	struct rpc_server_options options = { .methods = methods,
		.n_methods = n,
		.listen = listen,
		.max_connections = max_connections,
		.workers = 2,
		.queue = 50,
		.cert_file = pki_path(&pki, name, ".pem"),
		.key_file = pki_path(&pki, name, ".key"),
		.ca_file = pki_path(&pki, "ca", ".pem") };
	struct rpc_server *s;
	if (rpc_server_start(&c, &options, &s) != 0) {
		fail_msg("%s: %s", c.err.detail, c.err.cause);
	}
	ctx_done(&c);
	return s;
}

static struct rpc_server *serve(const struct rpc_method *methods, size_t n, const char *name, const char *listen)
{
	return serve_at(methods, n, name, (struct text_list) { &listen, 1 }, 1000);
}

static void configure(const char *cert, const char *first_ra)
{
	const char *ras[] = { first_ra, ra_address };
	const char *vas[] = { va_address };
	struct rpc_client_options options = { .cert_file = pki_path(&pki, cert, ".pem"),
		.key_file = pki_path(&pki, cert, ".key"),
		.ca_file = pki_path(&pki, "ca", ".pem"),
		.addresses = { [RPC_SERVICE_ra] = { first_ra == NULL ? ras + 1 : ras, first_ra == NULL ? 1 : 2 },
		    [RPC_SERVICE_va] = { vas, 1 } } };
	rpc_client_configure(&options);
}

static void configure_alone(const char *address)
{
	struct rpc_client_options options = { .cert_file = pki_path(&pki, "cairn-wfe", ".pem"),
		.key_file = pki_path(&pki, "cairn-wfe", ".key"),
		.ca_file = pki_path(&pki, "ca", ".pem"),
		.addresses = { [RPC_SERVICE_ra] = { &address, 1 } } };
	rpc_client_configure(&options);
}

static int start(void **state)
{
	(void) state;
	pki_init(&pki);
	signal(SIGPIPE, SIG_IGN); /* as every process does */
	pki_leaf(&pki, "cairn-ra", "cairn-ra", "serverAuth,clientAuth");
	pki_leaf(&pki, "cairn-va", "cairn-va", "serverAuth,clientAuth");
	pki_leaf(&pki, "cairn-wfe", "cairn-wfe", "serverAuth,clientAuth");
	ra = serve(ra_methods, ra_n_methods, "cairn-ra", "127.0.0.1:0");
	va = serve(va_methods, va_n_methods, "cairn-va", "127.0.0.1:0");
	snprintf(ra_address, sizeof(ra_address), "127.0.0.1:%u", rpc_server_port(ra));
	snprintf(va_address, sizeof(va_address), "127.0.0.1:%u", rpc_server_port(va));
	return 0;
}

static int stop(void **state)
{
	(void) state;
	rpc_client_thread_end();
	rpc_server_stop(ra, 1000);
	rpc_server_stop(va, 1000);
	pki_done(&pki);
	return 0;
}

static int fresh(void **state)
{
	(void) state;
	configure("cairn-wfe", NULL);
	atomic_store(&served, 0);
	atomic_store(&busy_answers, 0);
	atomic_store(&sleep_ms, 0);
	return 0;
}

static void calls(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, 3000);
	struct new_account_request in = { .key = "{\"k\":\"\u00fc\"}", .terms_agreed = true, .user_agent = "agent" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), 0);
	assert_true(out.created);
	assert_true(out.account.terms_agreed);
	assert_string_equal(out.account.key, in.key);
	assert_true(id_equal(seen_id, c.request_id));
	assert_true(seen_left_ms > 1000 && seen_left_ms <= 3000); /* the deadline passes through */
	c.deadline_us = INT64_MAX;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), 0);
	assert_true(seen_left_ms > 5000 && seen_left_ms <= 10000); /* the row's own */
	assert_true(c.deadline_us == INT64_MAX);
	ctx_done(&c);
}

static size_t open_files(void)
{
	size_t n = 0;
	for (int fd = 0; fd < 1000; fd++) {
		n += fcntl(fd, F_GETFD) >= 0;
	}
	return n;
}

static void *call_and_park(void *arg)
{
	(void) arg;
	struct ctx c;
	ctx_init(&c);
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), 0);
	rpc_client_thread_park();
	ctx_done(&c);
	return NULL;
}

/* The connection of a thread that has nothing to do serves the next one. */
static void parks_connections(void **state)
{
	(void) state;
	rpc_client_thread_end();
	call_and_park(NULL);
	size_t before = open_files();
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, call_and_park, NULL), 0);
		pthread_join(thread, NULL);
	}
	assert_true(open_files() <= before); /* fewer: the server has closed those of before */
	configure("cairn-va", NULL);         /* other certificates: the parked connection is not used again */
	struct ctx c;
	ctx_init(&c);
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), -1);
	ctx_done(&c);
}

static void passes_problems(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct new_account_request in = { .key = "refuse" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_RATE_LIMITED);
	assert_string_equal(c.err.detail, "Too \"many\" accounts");
	assert_int_equal(c.err.retry_after_s, 7);
	assert_null(c.err.cause); /* it stays in the process that knows it */
	assert_int_equal(c.err.subproblems.n, 2);
	assert_int_equal(c.err.subproblems.v[0].type, PROBLEM_CAA);
	assert_string_equal(c.err.subproblems.v[0].identifier_value, "a.test");
	assert_string_equal(c.err.subproblems.v[0].detail, "CAA of a.test");
	assert_null(c.err.subproblems.v[1].identifier_type);
	assert_string_equal(c.err.rule, "name.blocked");
	assert_string_equal(c.err.subproblems.v[0].rule, "name.blocked");
	assert_null(c.err.subproblems.v[1].rule);
	ctx_forgive(&c);
	in.key = "silent";
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL);
	ctx_done(&c);
}

static void refuses_without_rights(void **state)
{
	(void) state;
	configure("cairn-va", NULL);
	struct ctx c;
	ctx_init(&c);
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_SERVER_INTERNAL); /* not the subscriber's fault */
	assert_non_null(strstr(c.err.cause, "permission_denied"));
	assert_int_equal(atomic_load(&served), 0);
	ctx_done(&c);
}

static void repeats_what_is_safe(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct new_account_request account = { .key = "k" };
	struct new_account_response created;
	struct new_order_request in = { .account_id = id_new() };
	struct order out;
	configure("cairn-wfe", dead_address); /* the second address is well */
	for (int i = 0; i < 3; i++) {
		rpc_client_thread_end();
		assert_int_equal(rpc_ra_new_account(&c, &account, &created), 0);
		assert_int_equal(rpc_ra_new_order(&c, &in, &out), 0);
	}
	configure("cairn-wfe", ra_address); /* busy once, then not */
	atomic_store(&busy_answers, 1);
	assert_int_equal(rpc_ra_new_order(&c, &in, &out), 0);
	atomic_store(&busy_answers, 100);
	atomic_store(&served, 0);
	assert_int_equal(rpc_ra_new_order(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_int_equal(atomic_load(&served), 3); /* bounded */
	ctx_forgive(&c);
	struct update_account_request update = { .account_id = id_new() };
	struct account updated;
	atomic_store(&served, 0);
	assert_int_equal(rpc_ra_update_account(&c, &update, &updated), -1);
	assert_int_equal(c.err.type, PROBLEM_WRITE_UNCERTAIN);
	assert_int_equal(atomic_load(&served), 3);
	ctx_done(&c);
}

static void tells_when_it_is_unknown(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, 300);
	atomic_store(&sleep_ms, 700);
	struct new_order_request in = { .account_id = id_new() };
	struct order out;
	assert_int_equal(rpc_ra_new_order(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_WRITE_UNCERTAIN);
	assert_int_equal(atomic_load(&served), 1);
	ctx_done(&c);
	usleep(600000);
}

static void *restart(void *arg)
{
	(void) arg;
	usleep(400000);
	ra = serve(ra_methods, ra_n_methods, "cairn-ra", ra_address);
	return NULL;
}

static void waits_for_a_restart(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), 0); /* the connection is kept */
	rpc_server_stop(ra, 1000);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, restart, NULL), 0);
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), 0);
	pthread_join(thread, NULL);
	rpc_server_stop(ra, 1000);
	ctx_limit_ms(&c, 300);
	assert_int_equal(rpc_ra_new_account(&c, &in, &out), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	restart(NULL);
	ctx_done(&c);
}

static const char *raw(struct ctx *c, const char *path, const char *header, const char *body, unsigned *ret_status)
{
	struct http_client_tls tls = { pki_path(&pki, "cairn-wfe", ".pem"), pki_path(&pki, "cairn-wfe", ".key"),
		pki_path(&pki, "ca", ".pem") };
	struct http_client *h = http_client_new(&tls);
	const char *headers[] = { header, NULL };
	struct http_call call = { .host = "cairn-ra",
		.path = path,
		.address = ra_address,
		.headers = headers,
		.body = bytes_of_text(body),
		.max_reply = 10000 };
	assert_int_equal(http_client_post(c, h, &call), 0);
	http_client_free(h);
	*ret_status = call.status;
	return arena_text_n(c->arena, call.reply.p, call.reply.n);
}

static void refuses_wrong_forms(void **state)
{
	(void) state;
	static const char path[] = "/cairn.ra.v1.RegistrationAuthority/NewAccount";
	static const char json[] = "Content-Type: application/json";
	static const struct {
		const char *path, *header, *body;
		unsigned status;
		const char *code;
	} cases[] = {
		{ path, json, "{\"key\":\"k\",\"new_in_a_later_version\":1}", 200, "\"created\":false" },
		{ path, "Content-Type: application/json; charset=utf-8", "{\"key\":\"k\"}", 200, "\"account\":{" },
		{ path, json, "{}", 400, "\"code\":\"invalid_argument\"" },
		{ path, json, "{\"key\":", 400, "\"code\":\"invalid_argument\"" },
		{ path, "Content-Type: application/proto", "{\"key\":\"k\"}", 415, "\"code\":\"invalid_argument\"" },
		{ "/cairn.ra.v1.RegistrationAuthority/Nothing", json, "{}", 404, "\"code\":\"unimplemented\"" },
		{ "/cairn.va.v1.ValidationAuthority/Validate", json, "{}", 404, "\"code\":\"unimplemented\"" },
		{ "/", json, "{}", 404, "\"code\":\"unimplemented\"" },
	};
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unsigned status;
		const char *reply = raw(&c, cases[i].path, cases[i].header, cases[i].body, &status);
		if (status != cases[i].status || strstr(reply, cases[i].code) == NULL) {
			fail_msg("case %zu: %u %s", i, status, reply);
		}
	}
	unsigned status;
	const char *reply = raw(&c, path, json, "{\"key\":\"refuse\"}", &status);
	assert_int_equal(status, 429);
	assert_non_null(strstr(reply, "\"details\":[{\"type\":\"cairn.v1.Problem\",\"value\":\""));
	assert_non_null(strstr(reply, "\"debug\":{\"type\":\"RATE_LIMITED\""));
	assert_null(strstr(reply, "secret cause")); /* */
	ctx_done(&c);
}

static atomic_int done_good, done_refused;

static void validated(void *arg, struct ctx *c, int result, const struct validation_result *response)
{
	(void) arg;
	if (result == 0 && response->passed && strcmp(response->perspective, "local") == 0) {
		atomic_fetch_add(&done_good, 1);
	} else if (result != 0 && c->err.type == PROBLEM_CONNECTION) {
		atomic_fetch_add(&done_refused, 1);
	}
}

static atomic_int done_given_up;

static void given_up(void *arg, struct ctx *c, int result, const struct validation_result *response)
{
	(void) arg;
	bool told = strstr(c->err.detail, "shutting down") != NULL;
	if (result != 0 && response == NULL && c->err.type == PROBLEM_UNAVAILABLE && told) {
		atomic_fetch_add(&done_given_up, 1);
	}
}

static void calls_without_a_thread(void **state)
{
	(void) state;
	configure("cairn-ra", NULL);
	struct rpc_loop *loop = rpc_loop_new();
	struct validate_request in = { .validation_id = id_new(), .token = "t" };
	struct validate_request refused = { .validation_id = id_new(), .token = "refuse" };
	struct rpc_va_validate_start at = {
		.address = va_address, .request_id = id_new(), .deadline_ms = 5000, .done = validated
	};
	for (int i = 0; i < 50; i++) {
		rpc_va_validate_start(loop, &in, id_new(), 5000, validated, NULL);
	}
	rpc_va_validate_start(loop, &refused, id_new(), 5000, validated, NULL);
	rpc_va_validate_start_at(loop, &at, &in);
	at.address = dead_address;
	at.deadline_ms = 200;
	rpc_va_validate_start_at(loop, &at, &in);
	rpc_loop_free(loop); /* all end first */
	assert_int_equal(atomic_load(&done_good), 51);
	assert_int_equal(atomic_load(&done_refused), 1);
	struct ctx c; /* the same method has a blocking stub */
	ctx_init(&c);
	struct validation_result out;
	assert_int_equal(rpc_va_validate(&c, &in, &out), 0);
	assert_true(out.passed);
	ctx_done(&c);
}

/* A port of 127.0.0.1 where connections are taken by the kernel and by nobody else; -1 where somebody has it. */
static int open_hung(uint16_t port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *) &in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 50), 0);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &in, &n), 0);
	return ntohs(in.sin_port);
}

/* One call in ms; its outcome is checked. */
static int64_t timed_call(enum problem problem, int64_t limit_ms)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, limit_ms);
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	int64_t begin_us = clock_monotonic_us();
	int result = rpc_ra_new_account(&c, &in, &out);
	if ((problem == PROBLEM_NONE) != (result == 0) || c.err.type != problem) {
		fail_msg("%s: %s", c.err.detail, c.err.cause);
	}
	ctx_done(&c);
	return (clock_monotonic_us() - begin_us) / 1000;
}

static void listens_at_each_address(void **state)
{
	(void) state;
	static char first[32];
	static char second[32];
	const char *both[] = { first, second };
	int probe = open_hung(0);
	snprintf(first, sizeof(first), "127.0.0.1:%u", port_of(probe));
	snprintf(second, sizeof(second), "127.0.0.2:%u", port_of(probe));
	close(probe);
	struct rpc_server *s = serve_at(ra_methods, ra_n_methods, "cairn-ra", (struct text_list) { both, 2 }, 1000);
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		configure_alone(both[i]);
		(void) timed_call(PROBLEM_NONE, 3000);
	}
	rpc_client_thread_end();
	rpc_server_stop(s, 1000);
}

/* rpc.max_connections: who comes after waits until one of those before is gone. */
static void bounds_connections(void **state)
{
	(void) state;
	static char address[32];
	const char *listen = "127.0.0.1:0";
	struct rpc_server *s = serve_at(ra_methods, ra_n_methods, "cairn-ra", (struct text_list) { &listen, 1 }, 1);
	snprintf(address, sizeof(address), "127.0.0.1:%u", rpc_server_port(s));
	configure_alone(address);
	(void) timed_call(PROBLEM_NONE, 3000);
	rpc_client_thread_park(); /* its connection stays open */
	struct http_client_tls tls = { pki_path(&pki, "cairn-wfe", ".pem"), pki_path(&pki, "cairn-wfe", ".key"),
		pki_path(&pki, "ca", ".pem") };
	struct http_client *h = http_client_new(&tls);
	struct http_call call = {
		.host = "cairn-ra", .path = "/", .address = address, .body = bytes_of_text("{}"), .max_reply = 10000
	};
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, 300);
	assert_int_equal(http_client_post(&c, h, &call), -1);
	(void) timed_call(PROBLEM_NONE, 3000); /* takes up the parked one */
	rpc_client_thread_end();
	ctx_done(&c);
	ctx_init(&c);
	ctx_limit_ms(&c, 5000);
	assert_int_equal(http_client_post(&c, h, &call), 0);
	http_client_free(h);
	ctx_done(&c);
	rpc_server_stop(s, 1000);
}

static void looks_names_up(void **state)
{
	(void) state;
	static char name[40];
	snprintf(name, sizeof(name), "localhost:%u", rpc_server_port(ra));
	configure("cairn-wfe", name);
	(void) timed_call(PROBLEM_NONE, 5000);
	configure("cairn-wfe", "nobody.invalid:1"); /* and the other address is well */
	(void) timed_call(PROBLEM_NONE, 5000);
	configure("cairn-ra", NULL);
	struct rpc_loop *loop = rpc_loop_new();
	struct validate_request in = { .validation_id = id_new(), .token = "t" };
	snprintf(name, sizeof(name), "localhost:%u", rpc_server_port(va));
	struct rpc_va_validate_start at = {
		.address = name, .request_id = id_new(), .deadline_ms = 5000, .done = validated
	};
	int before = atomic_load(&done_good);
	rpc_va_validate_start_at(loop, &at, &in);
	rpc_loop_free(loop);
	assert_int_equal(atomic_load(&done_good), before + 1);
}

/* Issue 4.6: a process that has to end does not wait for those who hang */
static void cut_off(void **state)
{
	(void) state;
	configure("cairn-ra", NULL);
	static char address[32];
	int hung = open_hung(0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port_of(hung));
	struct rpc_loop *loop = rpc_loop_new();
	struct validate_request in = { .validation_id = id_new(), .token = "t" };
	struct rpc_va_validate_start at = {
		.address = address, .request_id = id_new(), .deadline_ms = 50000, .done = given_up
	};
	int64_t begin_us = clock_monotonic_us();
	for (int i = 0; i < 20; i++) {
		rpc_va_validate_start_at(loop, &at, &in);
	}
	usleep(100000); /* some are on their way, as far as they get */
	rpc_loop_cut(loop);
	rpc_va_validate_start_at(loop, &at, &in);
	rpc_loop_free(loop);
	assert_int_equal(atomic_load(&done_given_up), 21);
	assert_true(clock_monotonic_us() - begin_us < 10000000);
	close(hung);
}

/* Issue 4.6: a process that hangs costs the time of the first call only, and is found again when it answers. */
static void leaves_the_silent_alone(void **state)
{
	(void) state;
	static char address[32];
	int hung = open_hung(0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port_of(hung));
	configure("cairn-wfe", address); /* and one that is well */
	int64_t slow = 0;
	for (int i = 0; i < 6; i++) {
		rpc_client_thread_end();
		int64_t ms = timed_call(PROBLEM_NONE, 8000);
		slow += ms > 1000;
	}
	assert_in_range(slow, 0, 1);
	configure_alone(address);
	assert_true(timed_call(PROBLEM_UNAVAILABLE, 8000) > 2000);
	assert_true(timed_call(PROBLEM_UNAVAILABLE, 8000) < 1000); /* nobody waits for it now */
	close(hung);
	struct rpc_server *s = serve(ra_methods, ra_n_methods, "cairn-ra", address);
	int64_t end_us = clock_monotonic_us() + 10000000;
	struct new_account_request in = { .key = "k" };
	struct new_account_response out;
	struct ctx c;
	ctx_init(&c);
	while (rpc_ra_new_account(&c, &in, &out) != 0) {
		ctx_forgive(&c);
		assert_true(clock_monotonic_us() < end_us);
		usleep(50000);
	}
	ctx_done(&c);
	rpc_client_thread_end();
	rpc_server_stop(s, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(calls, fresh),
		cmocka_unit_test_setup(parks_connections, fresh),
		cmocka_unit_test_setup(passes_problems, fresh),
		cmocka_unit_test_setup(refuses_without_rights, fresh),
		cmocka_unit_test_setup(repeats_what_is_safe, fresh),
		cmocka_unit_test_setup(tells_when_it_is_unknown, fresh),
		cmocka_unit_test_setup(waits_for_a_restart, fresh),
		cmocka_unit_test_setup(refuses_wrong_forms, fresh),
		cmocka_unit_test_setup(calls_without_a_thread, fresh),
		cmocka_unit_test_setup(listens_at_each_address, fresh),
		cmocka_unit_test_setup(bounds_connections, fresh),
		cmocka_unit_test_setup(looks_names_up, fresh),
		cmocka_unit_test_setup(cut_off, fresh),
		cmocka_unit_test_setup(leaves_the_silent_alone, fresh),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
