/* A server that ends just when a connection has been prepared: PostgreSQL's side of the protocol is spoken by a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/db/db.h"

static char dir[] = "/tmp/db-end-XXXXXX";
static int listener;

/* A type, a length of four octets, and the content. */
static size_t message(uint8_t *to, char type, const char *content, size_t n)
{
	to[0] = (uint8_t) type;
	to[1] = to[2] = to[3] = 0;
	to[4] = (uint8_t) (n + 4);
	memcpy(to + 5, content, n);
	return n + 5;
}

#define MESSAGE(type, content) n += message(out + n, (type), (content), sizeof(content) - 1)

static void *serve(void *arg)
{
	(void) arg;
	uint8_t in[4096];
	uint8_t out[1024];
	size_t n = 0;
	int fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0 && read(fd, in, sizeof(in)) > 0);
	MESSAGE('R', "\0\0\0\0"); /* nothing to prove */
	MESSAGE('Z', "I");
	assert_true(write(fd, out, n) == (ssize_t) n && read(fd, in, sizeof(in)) > 0);
	n = 0;
	MESSAGE('1', "");
	MESSAGE('2', "");
	MESSAGE('n', "");
	MESSAGE('C', "SELECT 1\0");
	MESSAGE('E', "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0");
	assert_true(write(fd, out, n) == (ssize_t) n);
	(void) close(fd);
	return NULL;
}

static int setup(void **state)
{
	(void) state;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	assert_non_null(mkdtemp(dir));
	(void) snprintf(at.sun_path, sizeof(at.sun_path), "%s/.s.PGSQL.5432", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *) &at, sizeof(at)) == 0 ? listen(listener, 1) : -1;
}

static int teardown(void **state)
{
	(void) state;
	char path[100];
	(void) snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", dir);
	(void) unlink(path);
	(void) close(listener);
	return rmdir(dir);
}

static void test_the_server_ends(void **state)
{
	(void) state;
	static const struct statement nothing = { .name = "nothing", .sql = "SELECT 1" };
	static char conninfo[100];
	struct ctx c;
	pthread_t server;
	(void) snprintf(conninfo, sizeof(conninfo), "host=%s user=nobody dbname=none", dir);
	assert_int_equal(pthread_create(&server, NULL, serve, NULL), 0);
	db_statements(NULL, 0); /* what comes behind the last statement is told of none */
	db_configure(conninfo, 1, 5000);
	ctx_init(&c);
	assert_int_equal(db_run(&c, &nothing, NULL), -1);
	assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
	assert_non_null(strstr(c.err.cause, "terminating connection"));
	assert_int_equal(pthread_join(server, NULL), 0);
	ctx_done(&c);
	db_thread_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_server_ends) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
