#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FILTERED 0
#else
#define FILTERED 1
#endif

#define LEFT_ALONE 99

static char folder[] = "/tmp/cairn-sandbox-XXXXXX";
static struct config config;

static const char *in_folder(const char *name)
{
	static char path[100];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_file(const char *name)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : close(fd);
}

static int make_folder(void **state)
{
	(void) state;
	if (mkdtemp(folder) == NULL || mkdir(in_folder("own"), 0700) != 0 || mkdir(in_folder("other"), 0700) != 0 ||
	    mkdir(in_folder("spool"), 0700) != 0 || make_file("own/cert.pem") != 0 || make_file("other/key.pem") != 0 ||
	    make_file("other/ca.pem") != 0 || make_file("pass") != 0) {
		return -1;
	}
	static char cert[100];
	static char spool[100];
	static char database[200];
	snprintf(cert, sizeof(cert), "%s", in_folder("own/cert.pem"));
	snprintf(spool, sizeof(spool), "%s", in_folder("spool"));
	snprintf(database, sizeof(database), "host=/nowhere dbname=x passfile=%s", in_folder("pass"));
	config.va.process.rpc_cert_file = cert;
	static char ca[100];
	snprintf(ca, sizeof(ca), "%s", in_folder("other/ca.pem"));
	config.rpc.ca_file = ca;
	config.wfe.cert_file = cert;
	config.wfe.spool_dir = spool;
	config.ra.process.database = database;
	return 0;
}

static int drop_folder(void **state)
{
	(void) state;
	static const char *const files[] = { "own/cert.pem", "own/new.pem", "other/key.pem", "other/ca.pem", "spool/a",
		"spool/b", "pass" };
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		unlink(in_folder(files[i]));
	}
	return rmdir(in_folder("own")) | rmdir(in_folder("other")) | rmdir(in_folder("spool")) | rmdir(folder);
}

/* Runs `act` in a child inside the sandbox of the process: its result, or 128 and the signal that ended it. */
static int run(const char *process, int (*act)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct ctx c;
		ctx_init(&c);
		if (sandbox_enter(&c, process, &config) != 0) {
			_exit(LEFT_ALONE);
		}
		_exit(act());
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int open_result(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? errno : 0;
}

static int read_foreign_key(void)
{
	return open_result(in_folder("other/key.pem"), O_RDONLY);
}

static int read_ca(void)
{
	return open_result(in_folder("other/ca.pem"), O_RDONLY);
}

static int read_shadow(void)
{
	return open_result("/etc/shadow", O_RDONLY);
}

static int read_own(void)
{
	return open_result(in_folder("own/cert.pem"), O_RDONLY) | open_result("/etc/hosts", O_RDONLY);
}

static int write_own(void)
{
	return open_result(in_folder("own/cert.pem"), O_WRONLY);
}

static int make_own(void)
{
	return open_result(in_folder("own/new.pem"), O_WRONLY | O_CREAT);
}

static int read_passfile(void)
{
	return open_result(in_folder("pass"), O_RDONLY);
}

static int use_spool(void)
{
	char from[100];
	snprintf(from, sizeof(from), "%s", in_folder("spool/a"));
	int fd = open(from, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || fdatasync(fd) != 0 || ftruncate(fd, 0) != 0 || close(fd) != 0) {
		return 1;
	}
	return rename(from, in_folder("spool/b")) != 0 || unlink(in_folder("spool/b")) != 0 ? 2 : 0;
}

static void paths_are_restricted(void **state)
{
	(void) state;
	assert_int_equal(run("cairn-va", read_own), 0);
	assert_int_equal(run("cairn-va", read_ca), 0);
	assert_int_equal(run("cairn-va", read_foreign_key), EACCES); /* beside the CA's certificate */
	assert_int_equal(run("cairn-va", read_shadow), EACCES);
	assert_int_equal(run("cairn-va", write_own), EACCES);
	assert_int_equal(run("cairn-va", make_own), EACCES);
	assert_int_equal(run("cairn-va", read_passfile), EACCES);
	assert_int_equal(run("cairn-ra", read_passfile), 0);
	assert_int_equal(run("cairn-ca", read_own), EACCES); /* that is the VA's folder */
	assert_int_equal(run("cairn-wfe", use_spool), 0);
}

static int exec_program(void)
{
	return execl("/bin/true", "true", (char *) NULL);
}

static int fork_process(void)
{
	return fork() < 0 ? errno : 0;
}

static int trace(void)
{
	return (int) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int open_socket(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int open_raw_packets(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int write_and_execute(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int execute_pages(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int sync_file(void)
{
	return fdatasync(STDERR_FILENO);
}

static void forbidden_calls_end_the_process(void **state)
{
	(void) state;
	if (!FILTERED) {
		print_message(
		    "skipped: a build with sanitizers has no filter of system calls, as they need calls of their own\n");
		skip();
	}
	static const struct {
		const char *process;
		int (*act)(void);
	} cases[] = {
		{ "cairn-wfe", exec_program },
		{ "cairn-ra", exec_program },
		{ "cairn-va", exec_program },
		{ "cairn-ca", exec_program },
		{ "cairn-subscriber", exec_program },
		{ "cairn-ca-signer", exec_program },
		{ "cairn-ca", fork_process },
		{ "cairn-va", trace },
		{ "cairn-va", open_raw_packets },
		{ "cairn-va", write_and_execute },
		{ "cairn-ra", sync_file }, /* only the wfe has a spool */
		{ "cairn-ca-signer", open_socket },
		{ "cairn-ca-signer", execute_pages },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int result = run(cases[i].process, cases[i].act);
		if (result != 128 + SIGSYS) {
			fail_msg("case %zu: %d", i, result);
		}
	}
}

/* F-6 */
static void the_signer_opens_nothing(void **state)
{
	(void) state;
	assert_int_equal(run("cairn-ca-signer", read_own), EACCES);
	assert_int_equal(run("cairn-ca-signer", read_shadow), EACCES);
}

static void *nothing(void *arg)
{
	return arg;
}

/* What every process does: threads, memory, logs, metrics, names, sockets. */
static int ordinary_work(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) {
		return 1;
	}
	struct arena *a = arena_new();
	const char *text = (const char *) metrics_render(a).p;
	if (strstr(text, "\nprocess_open_fds 0\n") != NULL || strstr(text, "\nprocess_resident_memory_bytes 0\n") != NULL) {
		return 2;
	}
	struct addrinfo *found = NULL;
	if (getaddrinfo("localhost", "80", NULL, &found) != 0) {
		return 3;
	}
	freeaddrinfo(found);
	free(malloc(10 * 1024 * 1024));
	log_event(NULL, LOG_DEBUG, "still here", NULL);
	return isatty(0) + open_socket();
}

static void ordinary_work_goes_on(void **state)
{
	(void) state;
	static const char *const processes[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber" };
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		assert_int_equal(run(processes[i], ordinary_work), 0);
	}
}

/* 0 when of root's powers at most the one to listen below 1024 is left. */
static int look_at_capabilities(void)
{
	char text[4096] = "";
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);
	int sets = 0;
	for (const char *at = strstr(text, "\nCap"); n > 0 && at != NULL; at = strstr(at + 1, "\nCap")) {
		static const char *const names[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			bool this = strncmp(at + 1, names[i], 7) == 0;
			sets += this && (strtoull(at + 8, NULL, 16) & ~(1ULL << CAP_NET_BIND_SERVICE)) == 0 ? 1 : 0;
		}
	}
	return sets == 4 ? 0 : 1;
}

static void the_powers_of_root_are_gone(void **state)
{
	(void) state;
	static const char *const processes[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber" };
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		assert_int_equal(run(processes[i], look_at_capabilities), 0);
	}
}

static int look_at_limits(void)
{
	struct rlimit core;
	getrlimit(RLIMIT_CORE, &core);
	return prctl(PR_GET_DUMPABLE) != 0 || core.rlim_max != 0;
}

static void nothing_is_dumped(void **state)
{
	(void) state;
	assert_int_equal(run("cairn-ca-signer", look_at_limits), 0); /* G-6 */
	assert_int_equal(run("cairn-subscriber", look_at_limits), 0);
}

/* Keys are held before and without a sandbox too: by the signer while it starts, by `cairn init`. */
static void nothing_is_dumped_without_a_sandbox(void **state)
{
	(void) state;
	pid_t pid = fork();
	if (pid == 0) {
		struct ctx c;
		ctx_init(&c);
		_exit(sandbox_no_dump(&c) != 0 || look_at_limits());
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void an_unknown_process_has_none(void **state)
{
	(void) state;
	assert_int_equal(run("cairn-x", read_own), LEFT_ALONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_restricted),
		cmocka_unit_test(forbidden_calls_end_the_process),
		cmocka_unit_test(the_signer_opens_nothing),
		cmocka_unit_test(ordinary_work_goes_on),
		cmocka_unit_test(the_powers_of_root_are_gone),
		cmocka_unit_test(nothing_is_dumped),
		cmocka_unit_test(nothing_is_dumped_without_a_sandbox),
		cmocka_unit_test(an_unknown_process_has_none),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
