/* link: ra */
/* How transparency logs are asked: HTTP servers of our own that sign, and that are wrong in every way that a stranger can be. */
#include "tests/unit/ct_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/ct/log_file.h"
#include "ra/logs.h"

enum mode { GOOD, ELSEWHERE, HUGE_ANSWER, TRICKLE, BUSY, HEADERS, SILENT, MODES };

#define LOGS 3

static struct test_log logs[LOGS] = {
	{ .operator= "A", .description = "a" },
	{ .operator= "B", .description = "b" },
	{ .operator= "C", .description = "c" },
};
static struct server {
	int socket;
	pthread_t thread;
	_Atomic int mode;
	_Atomic int asked;
	char answer[1024]; /* JSON, under the lock */
	char url[64];
} servers[LOGS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct ctx *shared;
static struct ct_log_list list;
static struct ct_case o;
static uint8_t hash[SHA256_SIZE];
static char filler[65536]; /* filled before the servers start */

static void say(int fd, const char *text)
{
	(void) !write(fd, text, strlen(text));
}

static void trickle(int fd, const char *text)
{
	for (; *text != '\0'; text++) {
		if (write(fd, text, 1) != 1) {
			return;
		}
		usleep(200);
	}
}

static void answer(const struct server *s, int fd)
{
	char head[256];
	char body[sizeof(s->answer)];
	pthread_mutex_lock(&lock);
	memcpy(body, s->answer, sizeof(body));
	pthread_mutex_unlock(&lock);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	switch (atomic_load(&s->mode)) {
	case ELSEWHERE:
		snprintf(head, sizeof(head), "HTTP/1.1 307 Go\r\nLocation: %sct/v1/add-pre-chain\r\nContent-Length: 0\r\n\r\n",
		    servers[0].url);
		say(fd, head);
		break;
	case HUGE_ANSWER:
		say(fd, "HTTP/1.1 200 OK\r\n\r\n");
		for (int i = 0; i < 100 && write(fd, filler, sizeof(filler)) > 0; i++) {
		}
		break;
	case TRICKLE:
		say(fd, "HTTP/1.1 200 OK\r\n\r\n");
		trickle(fd, filler);
		break;
	case BUSY:
		say(fd, "HTTP/1.1 429 Later\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n");
		break;
	case HEADERS:
		say(fd, "HTTP/1.1 200 OK\r\nX: ");
		for (int i = 0; i < 100 && write(fd, filler, sizeof(filler) - 1) > 0; i++) {
		}
		break;
	case SILENT:
		(void) !read(fd, head, 1); /* until the other end goes */
		break;
	default:
		say(fd, head);
		say(fd, body);
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;
	while ((fd = accept(s->socket, NULL, NULL)) >= 0) {
		char request[4096];
		size_t n = 0;
		ssize_t more;
		request[0] = '\0';
		while (strstr(request, "the-end") == NULL && n < sizeof(request) - 1 &&
		       (more = read(fd, request + n, sizeof(request) - 1 - n)) > 0) {
			n += (size_t) more;
			request[n] = '\0';
		}
		atomic_fetch_add(&s->asked, 1);
		answer(s, fd);
		close(fd);
	}
	return NULL;
}

static void start(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(at);
	s->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->socket, (struct sockaddr *) &at, sizeof(at)), 0);
	assert_int_equal(listen(s->socket, 20), 0);
	assert_int_equal(getsockname(s->socket, (struct sockaddr *) &at, &n), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/", (unsigned) ntohs(at.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void make_answer(struct ctx *c, const struct test_log *log, struct server *s)
{
	struct sct sct = test_log_sign(c, log, &o.entry, o.now, (struct bytes) { NULL, 0 });
	struct bytes whole = sct_encode(c->arena, &sct);
	/* the signature is what is behind version, id, time and the empty extensions */
	struct bytes tail = { whole.p + 43, whole.n - 43 };
	pthread_mutex_lock(&lock);
	snprintf(s->answer, sizeof(s->answer),
	    "{\"sct_version\":0,\"id\":\"%s\",\"timestamp\":%llu,\"extensions\":\"\",\"signature\":\"%s\"}",
	    base64_encode(c->arena, sct.log_id), (unsigned long long) sct.time_ms, base64_encode(c->arena, tail));
	pthread_mutex_unlock(&lock);
}

static int setup(void **state)
{
	(void) state;
	static struct ctx c;
	shared = &c;
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ctx_init(&c);
	memset(filler, 'x', sizeof(filler) - 1);
	test_logs_make(&c, logs, LOGS);
	o = (struct ct_case) { .now = clock_now(), .entry = { true, bytes_of_text("plain"), { hash, sizeof(hash) } } };
	o.not_before = o.now;
	o.not_after = timestamp_add_s(o.now, INT64_C(40) * 86400);
	for (size_t i = 0; i < LOGS; i++) {
		start(&servers[i]);
		logs[i].url = servers[i].url;
		make_answer(&c, &logs[i], &servers[i]);
	}
	assert_good(&c, ct_log_list_parse(&c, test_logs_json(&c, logs, LOGS, o.now), &list));
	o.logs = &list;
	assert_good(&c, logs_init(&c));
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	for (size_t i = 0; i < LOGS; i++) {
		shutdown(servers[i].socket, SHUT_RDWR);
		pthread_join(servers[i].thread, NULL);
		close(servers[i].socket);
	}
	ctx_done(shared);
	return 0;
}

static int count_descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d) != NULL) {
		n++;
	}
	closedir(d);
	return n;
}

/* -1 or 0, as logs_ask; what was said and how many SCTs came. */
static int ask(struct ctx *c, int64_t timeout_ms, struct submission_list *done, struct sct_list *scts)
{
	const struct text_list all = { NULL, 0 };
	const struct logs_question q = { &o, &all, "ct/v1/add-pre-chain", bytes_of_text("{\"the-end\":1}"), 0, timeout_ms,
		NULL };
	*scts = (struct sct_list) { NULL, 0 };
	return logs_ask(c, &q, done, scts);
}

static void set_modes(enum mode first, enum mode others)
{
	for (size_t i = 0; i < LOGS; i++) {
		atomic_store(&servers[i].mode, i == 0 ? (int) first : (int) others);
		atomic_store(&servers[i].asked, 0);
	}
}

/* H-1, H-11: as many as are needed, of two operators, each with what it said. */
static void test_good(void **state)
{
	(void) state;
	struct ctx c;
	struct submission_list done;
	struct sct_list scts;
	set_modes(GOOD, GOOD);
	ctx_init(&c);
	assert_good(&c, ask(&c, 10000, &done, &scts));
	assert_int_equal(scts.n, 2);
	assert_true(done.n >= 2);
	assert_string_equal(done.v[0].outcome, "sct");
	ctx_done(&c);
}

/* H-3, H-11: two logs of three are wrong: whatever they do, there are no SCTs, the end comes in time, nothing is followed, and neither
 * descriptors nor much memory are gone. */
static void test_wrong(void **state)
{
	(void) state;
	struct submission_list done;
	struct sct_list scts;
	for (int mode = ELSEWHERE; mode < MODES; mode++) {
		struct ctx c;
		logs_done();
		int before = count_descriptors();
		int64_t from_us = clock_monotonic_us();
		set_modes(GOOD, (enum mode) mode);
		ctx_init(&c);
		assert_int_equal(ask(&c, 3000, &done, &scts), -1);
		assert_int_equal(c.err.type, PROBLEM_UNAVAILABLE);
		assert_int_equal(scts.n, 0);
		assert_int_equal(done.n, LOGS);
		assert_int_equal(servers[0].asked, 1);
		assert_true(clock_monotonic_us() - from_us < INT64_C(20000000));
		for (size_t i = 0; i < done.n; i++) {
			assert_true((strcmp(done.v[i].log, "a") == 0) == (strcmp(done.v[i].outcome, "sct") == 0));
			assert_true(done.v[i].took_ms >= 0 && done.v[i].took_ms < 20000);
		}
		ctx_done(&c);
		logs_done();
		for (int i = 0; i < 2000 && count_descriptors() != before; i++) {
			usleep(10000); /* the servers close theirs when they notice */
		}
		assert_int_equal(count_descriptors(), before);
	}
}

/* H-3: an SCT under a signature of another log's, whatever else is right. */
static void test_swapped(void **state)
{
	(void) state;
	struct ctx c;
	struct submission_list done;
	struct sct_list scts;
	char kept[sizeof(servers[1].answer)];
	pthread_mutex_lock(&lock);
	memcpy(kept, servers[1].answer, sizeof(kept));
	memcpy(servers[1].answer, servers[2].answer, sizeof(kept));
	memcpy(servers[2].answer, kept, sizeof(kept));
	pthread_mutex_unlock(&lock);
	set_modes(GOOD, GOOD);
	ctx_init(&c);
	assert_int_equal(ask(&c, 3000, &done, &scts), -1);
	size_t others = 0;
	for (size_t i = 0; i < done.n; i++) {
		others += strcmp(done.v[i].outcome, "the SCT is of another log") == 0 ? 1 : 0;
	}
	assert_int_equal(others, 2);
	ctx_done(&c);
	make_answer(shared, &logs[1], &servers[1]);
	make_answer(shared, &logs[2], &servers[2]);
}

/* An end is not held up by logs that are silent, and says nothing against them. */
static void *end_soon(void *unused)
{
	(void) unused;
	usleep(300000);
	logs_end();
	return NULL;
}

static void test_end(void **state)
{
	(void) state;
	struct ctx c;
	struct submission_list done;
	struct sct_list scts;
	pthread_t thread;
	int64_t from_us = clock_monotonic_us();
	set_modes(SILENT, SILENT);
	ctx_init(&c);
	assert_int_equal(pthread_create(&thread, NULL, end_soon, NULL), 0);
	assert_int_equal(ask(&c, 120000, &done, &scts), -1);
	pthread_join(thread, NULL);
	assert_true(clock_monotonic_us() - from_us < INT64_C(60000000));
	assert_true(done.n >= 2);
	for (size_t i = 0; i < done.n; i++) {
		assert_string_equal(done.v[i].outcome, "not awaited");
	}
	assert_good(&c, logs_init(&c));
	ctx_done(&c);
	logs_done();
}

static void put_file(const char *path, struct bytes content)
{
	char new[300];
	snprintf(new, sizeof(new), "%s.new", path);
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, content.p, content.n), (ssize_t) content.n);
	close(fd);
	assert_int_equal(rename(new, path), 0);
}

static void put_public(struct ctx *c, const char *path, EVP_PKEY *key)
{
	AUTO(BIO) bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	assert_non_null(bio);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	long n = BIO_get_mem_data(bio, &text);
	put_file(path, arena_bytes(c->arena, text, (size_t) n));
}

/* H-8: with a key, only what is signed by it; list and signature may come in either order. Three logs are in force. */
static void test_signed_list(struct ctx *c, struct config_ct *at, const char *folder)
{
	static const char *const kinds[] = { "p256", "rsa2048" };
	const char *key_path = arena_printf(c->arena, "%s/key.pem", folder);
	const char *signature_path = arena_printf(c->arena, "%s/logs.sig", folder);
	struct bytes signature;
	at->log_list_key_file = key_path;
	at->log_list_signature_file = signature_path;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const struct ct_log_list *before = log_file_list();
		struct bytes json = test_logs_json(c, logs, 2, o.now);
		EVP_PKEY *key = NULL;
		EVP_PKEY *other = NULL;
		assert_good(c, key_generate(c, kinds[i], &key));
		assert_good(c, key_generate(c, kinds[i], &other));
		put_public(c, key_path, key);
		put_file(at->log_list_file, json);
		assert_int_equal(log_file_refresh(c, at), -1); /* not signed */
		ctx_forgive(c);
		assert_good(c, key_sign(c, other, json, &signature));
		put_file(signature_path, signature);
		assert_int_equal(log_file_refresh(c, at), -1); /* by another */
		assert_non_null(strstr(c->err.cause, "does not hold"));
		ctx_forgive(c);
		assert_ptr_equal(log_file_list(), before);
		assert_good(c, key_sign(c, key, json, &signature));
		put_file(signature_path, signature); /* the signature comes last */
		assert_good(c, log_file_refresh(c, at));
		assert_int_equal(log_file_list()->n, 2);
		json = test_logs_json(c, logs, 1, o.now);
		assert_good(c, key_sign(c, key, json, &signature));
		put_file(signature_path, signature);
		assert_int_equal(log_file_refresh(c, at), -1); /* the list before it, by a signature of the next */
		ctx_forgive(c);
		assert_int_equal(log_file_list()->n, 2);
		put_file(at->log_list_file, json); /* the list comes last */
		assert_good(c, log_file_refresh(c, at));
		assert_int_equal(log_file_list()->n, 1);
		unlink(signature_path);
	}
	unlink(key_path);
	*at = (struct config_ct) { .log_list_file = at->log_list_file };
}

/* H-8: the file is read when it is another one; one that is no list, or is gone, leaves the list before in force. */
static void test_log_file(void **state)
{
	(void) state;
	struct ctx c;
	char folder[] = "/tmp/cairn-logs-XXXXXX";
	char path[200];
	ctx_init(&c);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/logs.json", folder);
	struct config_ct at = { .log_list_file = path };
	assert_int_equal(log_file_refresh(&c, &at), -1);
	ctx_forgive(&c);
	assert_null(log_file_list());
	put_file(path, test_logs_json(&c, logs, 2, o.now));
	assert_good(&c, log_file_refresh(&c, &at));
	const struct ct_log_list *first = log_file_list();
	assert_int_equal(first->n, 2);
	assert_good(&c, log_file_refresh(&c, &at));
	assert_ptr_equal(log_file_list(), first);
	put_file(path, bytes_of_text("{}"));
	assert_int_equal(log_file_refresh(&c, &at), -1);
	ctx_forgive(&c);
	assert_ptr_equal(log_file_list(), first);
	put_file(path, test_logs_json(&c, logs, 3, timestamp_add_s(o.now, -86400)));
	assert_int_equal(log_file_refresh(&c, &at), -1); /* an older one, once */
	assert_non_null(strstr(c.err.cause, "older than the one in force"));
	ctx_forgive(&c);
	assert_good(&c, log_file_refresh(&c, &at));
	assert_ptr_equal(log_file_list(), first);
	put_file(path, test_logs_json(&c, logs, 3, o.now));
	assert_good(&c, log_file_refresh(&c, &at));
	assert_int_equal(log_file_list()->n, 3);
	assert_int_equal(first->n, 2); /* who uses it has it still */
	test_signed_list(&c, &at, folder);
	unlink(path);
	assert_int_equal(log_file_refresh(&c, &at), -1);
	rmdir(folder);
	ctx_done(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_log_file),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
