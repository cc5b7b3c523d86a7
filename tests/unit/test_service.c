#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/service/service.h"

static char folder[] = "/tmp/cairn-service-XXXXXX";
static char config_path[100];
static uint16_t port;
static int pipe_fds[2];

static void write_config(void)
{
	FILE *f = fopen(config_path, "w");
	assert_non_null(f);
	fprintf(f,
	    "rpc: {ca_file: ca.pem}\n"
	    "va: {rpc_cert_file: a.pem, rpc_key_file: a.key, metrics_listen: '127.0.0.1:%u'}\n",
	    port);
	assert_int_equal(fclose(f), 0);
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	assert_int_equal(bind(fd, (const struct sockaddr *) &at, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *) &at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static int make_folder(void **state)
{
	(void) state;
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	port = free_port();
	snprintf(config_path, sizeof(config_path), "%s/c.yaml", folder);
	write_config();
	return 0;
}

static int drop_folder(void **state)
{
	(void) state;
	unlink(config_path);
	return rmdir(folder);
}

static void tell(const char *word)
{
	assert_int_equal(write(pipe_fds[1], word, strlen(word)), strlen(word));
}

static atomic_bool may_be_ready;

static int open_ok(struct ctx *c, const struct config *config)
{
	(void) c;
	assert_int_equal(config->va.http01_port, 80);
	tell("open ");
	return 0;
}

static int start_ok(struct ctx *c, const struct config *config)
{
	(void) c;
	(void) config;
	/* the sandbox is entered by now */
	tell(open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0 ? "start " : "bare ");
	return 0;
}

static const char *get(struct arena *a, const char *path);

static atomic_bool asked_too_early;

static int start_asks(struct ctx *c, const struct config *config)
{
	(void) config;
	const char *reply = get(c->arena, "/readyz");
	tell(strstr(reply, " 503 ") != NULL && strstr(reply, "starting") != NULL ? "starting " : reply);
	tell(atomic_load(&asked_too_early) ? "asked " : "");
	return FAIL(c, SERVER_INTERNAL, "enough");
}

static const char *too_early(void)
{
	atomic_store(&asked_too_early, true);
	return NULL;
}

static int start_fails(struct ctx *c, const struct config *config)
{
	(void) config;
	return FAIL(c, SERVER_INTERNAL, "no");
}

static const char *why_not(void)
{
	return atomic_load(&may_be_ready) ? NULL : "waiting for a reload";
}

static void reload_it(const struct config *config)
{
	(void) config;
	atomic_store(&may_be_ready, true);
	tell("reload ");
}

static void stop_it(int64_t deadline_ms)
{
	assert_true(deadline_ms > 0);
	assert_true(service_draining());
	tell("stop ");
}

/* A child that runs service_main. */
static pid_t spawn(const struct service *service, char **argv)
{
	assert_int_equal(pipe(pipe_fds), 0);
	int argc = 0;
	while (argv[argc] != NULL) {
		argc++;
	}
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL) {
			_exit(99);
		}
		_exit(service_main(argc, argv, service));
	}
	close(pipe_fds[1]);
	return pid;
}

static int end_code(pid_t pid)
{
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the child told until it ended. */
static void assert_told(const char *expected)
{
	char told[200] = "";
	size_t n = 0;
	for (ssize_t got = 1; got > 0 && n < sizeof(told) - 1; n += (size_t) (got > 0 ? got : 0)) {
		got = read(pipe_fds[0], told + n, sizeof(told) - 1 - n);
	}
	close(pipe_fds[0]);
	assert_string_equal(told, expected);
}

static const char *get(struct arena *a, const char *path)
{
	char *reply = arena_alloc(a, 40001);
	for (int tries = 0; tries < 200; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(fd, (const struct sockaddr *) &to, sizeof(to)) == 0) {
			const char *request = arena_printf(a, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
			assert_int_equal(write(fd, request, strlen(request)), strlen(request));
			size_t n = 0;
			for (ssize_t got = 1; got > 0; n += (size_t) (got > 0 ? got : 0)) {
				got = read(fd, reply + n, 40000 - n);
			}
			close(fd);
			return reply;
		}
		close(fd);
		usleep(20000);
	}
	fail_msg("nobody listens");
	return NULL;
}

static const struct service good = {
	.name = "cairn-va", .open = open_ok, .start = start_ok, .not_ready = why_not, .reload = reload_it, .stop = stop_it
};

static int notify_listen(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", folder);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *) &at, sizeof(at)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	return fd;
}

static void assert_notified(int fd, const char *state)
{
	char text[100] = "";
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, state);
}

static void a_life_from_start_to_drain(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	int supervisor = notify_listen();
	char *argv[] = { (char[]) { "cairn-va" }, (char[]) { "--config" }, config_path, NULL };
	pid_t pid = spawn(&good, argv);
	assert_non_null(strstr(get(a, "/livez"), "200 OK"));
	const char *waiting = get(a, "/readyz");
	while (strstr(waiting, "starting") != NULL) {
		waiting = get(a, "/readyz");
	}
	assert_non_null(strstr(waiting, " 503 "));
	assert_non_null(strstr(waiting, "waiting for a reload"));
	kill(pid, SIGHUP);
	assert_notified(supervisor, "READY=1");
	assert_non_null(strstr(get(a, "/readyz"), "200 OK"));
	assert_non_null(strstr(get(a, "/metrics"), "\ncairn_ready 1\n"));
	kill(pid, SIGTERM);
	assert_notified(supervisor, "STOPPING=1");
	assert_int_equal(end_code(pid), 0);
	assert_told("open start reload stop ");
	const char *path = getenv("NOTIFY_SOCKET");
	unlink(path);
	unsetenv("NOTIFY_SOCKET");
	close(supervisor);
	arena_free(a);
}

static void a_failed_start_is_an_error(void **state)
{
	(void) state;
	struct service bad = good;
	bad.start = start_fails;
	char *argv[] = { (char[]) { "cairn-va" }, (char[]) { "--config" }, config_path, NULL };
	assert_int_equal(end_code(spawn(&bad, argv)), 1);
	assert_told("open ");
}

/* Its connections, lists and files are not there yet: the service is not asked about them. */
static void nobody_is_ready_while_starting(void **state)
{
	(void) state;
	struct service slow = good;
	slow.start = start_asks;
	slow.not_ready = too_early;
	char *argv[] = { (char[]) { "cairn-va" }, (char[]) { "--config" }, config_path, NULL };
	assert_int_equal(end_code(spawn(&slow, argv)), 1);
	assert_told("open starting ");
}

static void options_are_checked(void **state)
{
	(void) state;
	char name[] = "cairn-va";
	char config[] = "--config";
	char check[] = "--check";
	char missing[] = "/nonexistent";
	struct {
		char *argv[6];
		int code;
	} cases[] = {
		{ { name, NULL }, 2 },
		{ { name, (char[]) { "--help" }, NULL }, 0 },
		{ { name, (char[]) { "--version" }, NULL }, 0 },
		{ { name, (char[]) { "--wrong" }, NULL }, 2 },
		{ { name, config, config_path, (char[]) { "more" }, NULL }, 2 },
		{ { name, config, config_path, check, NULL }, 0 },
		{ { name, config, missing, check, NULL }, 1 },
		{ { name, config, missing, NULL }, 1 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(end_code(spawn(&good, cases[i].argv)), cases[i].code);
		assert_told("");
	}
	struct service other = good;
	other.name = "cairn-ra"; /* its section lacks what it needs */
	assert_int_equal(end_code(spawn(&other, cases[5].argv)), 1);
	assert_told("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_from_start_to_drain),
		cmocka_unit_test(a_failed_start_is_an_error),
		cmocka_unit_test(nobody_is_ready_while_starting),
		cmocka_unit_test(options_are_checked),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
