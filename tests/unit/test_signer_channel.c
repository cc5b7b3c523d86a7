/* link: ca */
/* What passes between cairn-ca and its signer (style.md 29). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/signer_channel.h"

#define LARGE ((size_t) 5 * 1024 * 1024) /* a CRL; no socket takes it in one piece */

static int ends[2];

static int set_up(void **state)
{
	(void) state;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int tear_down(void **state)
{
	(void) state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void *write_one(void *arg)
{
	const struct bytes *body = arg;
	const struct signer_head head = { .kind = SIGNER_CRL, .issuer = 7, .profile = 9 };
	return channel_write(ends[0], &head, *body) == 0 ? arg : NULL;
}

static void test_messages_arrive_whole(void **state)
{
	struct arena *a = arena_new();
	uint8_t *octets = arena_alloc(a, LARGE);
	static const size_t sizes[] = { 0, 1, 900, 4079, 4080, 4081, 70000, LARGE };
	(void) state;
	for (size_t i = 0; i < LARGE; i++) {
		octets[i] = (uint8_t) (i * 7 + i / 256);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct bytes body = { sizes[i] == 0 ? NULL : octets, sizes[i] };
		struct bytes got;
		struct signer_head head;
		pthread_t thread;
		void *written = NULL;
		assert_int_equal(pthread_create(&thread, NULL, write_one, &body), 0);
		assert_int_equal(channel_read(ends[1], a, &head, &got), 0);
		assert_int_equal(pthread_join(thread, &written), 0);
		assert_non_null(written);
		assert_int_equal(head.kind, SIGNER_CRL);
		assert_int_equal(head.issuer, 7);
		assert_int_equal(head.profile, 9);
		assert_true(bytes_equal(got, body));
	}
	arena_free(a);
}

static void *write_octet_by_octet(void *arg)
{
	const uint8_t *p = arg;
	for (size_t i = 0; i < sizeof(struct signer_head) + 3; i++) {
		if (send(ends[0], p + i, 1, MSG_NOSIGNAL) != 1) {
			return NULL;
		}
		usleep(500);
	}
	return arg;
}

static void test_a_head_in_pieces(void **state)
{
	struct {
		struct signer_head head;
		char body[4];
	} message = { { .kind = SIGNER_CERTIFICATE, .n = 3 }, "abc" };
	struct arena *a = arena_new();
	struct signer_head head;
	struct bytes got;
	pthread_t thread;
	void *written = NULL;
	(void) state;
	assert_int_equal(pthread_create(&thread, NULL, write_octet_by_octet, &message), 0);
	assert_int_equal(channel_read(ends[1], a, &head, &got), 0);
	assert_int_equal(pthread_join(thread, &written), 0);
	assert_non_null(written);
	assert_true(bytes_equal_text(got, "abc"));
	arena_free(a);
}

static void check_refused(const void *p, size_t n)
{
	struct arena *a = arena_new();
	struct signer_head head;
	struct bytes got;
	assert_int_equal(send(ends[0], p, n, MSG_NOSIGNAL), n);
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	assert_int_equal(channel_read(ends[1], a, &head, &got), -1);
	arena_free(a);
}

static void test_too_large(void **state)
{
	const struct signer_head head = { .kind = SIGNER_CRL, .n = SIGNER_MESSAGE_MAX + 1 };
	(void) state;
	assert_int_equal(channel_write(ends[0], &head, (struct bytes) { NULL, SIGNER_MESSAGE_MAX + 1 }), -1);
	check_refused(&head, sizeof(head));
}

static void test_cut_off(void **state)
{
	const struct signer_head head = { .kind = SIGNER_CRL, .n = 1 };
	(void) state;
	check_refused(&head, sizeof(head));
}

static void test_cut_off_in_the_head(void **state)
{
	const struct signer_head head = { .kind = SIGNER_CRL };
	(void) state;
	check_refused(&head, sizeof(head) - 1);
}

/* Nobody speaks without having been asked: what stands behind a message is no second one. */
static void test_more_than_one(void **state)
{
	const struct signer_head heads[2] = { { .kind = SIGNER_CRL }, { .kind = SIGNER_CRL } };
	(void) state;
	check_refused(heads, sizeof(heads));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_messages_arrive_whole),
		ROW(test_a_head_in_pieces),
		ROW(test_too_large),
		ROW(test_cut_off),
		ROW(test_cut_off_in_the_head),
		ROW(test_more_than_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
