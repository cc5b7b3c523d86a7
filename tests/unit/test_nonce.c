/* Nonces. */
#include "tests/unit/crypto_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/crypto/nonce.h"
#include "tests/unit/chance.h"

#define MANY 1000000

static const uint8_t here[NONCE_INSTANCE_SIZE] = "wfe-1";
static const uint8_t there[NONCE_INSTANCE_SIZE] = "wfe-2";

static struct nonce_box *box_of(struct ctx *c, const char *path, const uint8_t *instance)
{
	struct nonce_box *box = NULL;
	assert_good(c, nonce_box_open(c, path, instance, &box));
	return box;
}

static void works_once(void **state)
{
	struct ctx *c = *state;
	struct nonce_box *box = box_of(c, NULL, here);
	char text[NONCE_TEXT_SIZE];
	for (int i = 0; i < 100; i++) {
		nonce_make(box, text);
		assert_int_equal(strlen(text), NONCE_TEXT_SIZE - 1);
		assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_GOOD);
		assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_USED);
	}
	nonce_box_free(box);
}

static void order_of_use_does_not_matter(void **state)
{
	struct ctx *c = *state;
	struct nonce_box *box = box_of(c, NULL, here);
	static char texts[500][NONCE_TEXT_SIZE];
	for (size_t i = 0; i < 500; i++) {
		nonce_make(box, texts[i]);
	}
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(nonce_redeem(box, bytes_of_text(texts[i * 7 % 500])), NONCE_GOOD);
	}
	nonce_box_free(box);
}

/* of a million none comes twice, each is in the alphabet, and behind the maker's name every bit is as good as chance. */
static void no_repeat_and_no_order(void **state)
{
	struct ctx *c = *state;
	struct nonce_box *box = box_of(c, NULL, here);
	uint8_t *rows = malloc((size_t) MANY * NONCE_SIZE);
	assert_non_null(rows);
	for (size_t i = 0; i < MANY / 1000; i++) {
		struct arena *a = arena_new();
		for (size_t k = 0; k < 1000; k++) {
			char text[NONCE_TEXT_SIZE];
			struct bytes octets;
			nonce_make(box, text);
			assert_int_equal(base64url_decode(a, bytes_of_text(text), &octets), 0);
			assert_int_equal(octets.n, NONCE_SIZE);
			memcpy(rows + (i * 1000 + k) * NONCE_SIZE, octets.p, NONCE_SIZE);
		}
		arena_free(a);
	}
	assert_chance(rows, MANY, NONCE_SIZE, NONCE_INSTANCE_SIZE);
	free(rows);
	nonce_box_free(box);
}

static void strange_ones_are_refused(void **state)
{
	struct ctx *c = *state;
	struct nonce_box *box = box_of(c, NULL, here);
	struct nonce_box *other = box_of(c, NULL, there);
	struct nonce_box *other_key = box_of(c, NULL, here);
	char text[NONCE_TEXT_SIZE];
	uint8_t instance[NONCE_INSTANCE_SIZE];
	nonce_make(other, text);
	assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_FOREIGN);
	assert_int_equal(nonce_instance(bytes_of_text(text), instance), 0);
	assert_memory_equal(instance, there, sizeof(there));
	nonce_make(other_key, text);
	assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_BAD);
	assert_int_equal(nonce_redeem(box, bytes_of_text("AAAA")), NONCE_BAD);
	assert_int_equal(nonce_redeem(box, (struct bytes) { NULL, 0 }), NONCE_BAD);
	nonce_make(box, text);
	for (size_t i = 12; i < NONCE_TEXT_SIZE - 1; i++) { /* behind the instance every bit is sealed */
		char changed[NONCE_TEXT_SIZE];
		memcpy(changed, text, sizeof(text));
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_int_equal(nonce_redeem(box, bytes_of_text(changed)), NONCE_BAD);
		changed[i] = '+';
		assert_int_equal(nonce_redeem(box, bytes_of_text(changed)), NONCE_BAD);
	}
	assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_GOOD);
	nonce_box_free(box);
	nonce_box_free(other);
	nonce_box_free(other_key);
}

struct race {
	struct nonce_box *box;
	struct bytes text;
	atomic_int good;
};

static void *redeem(void *arg)
{
	struct race *race = arg;
	if (nonce_redeem(race->box, race->text) == NONCE_GOOD) {
		atomic_fetch_add(&race->good, 1);
	}
	return NULL;
}

/* */
static void one_of_many_threads_wins(void **state)
{
	struct ctx *c = *state;
	struct nonce_box *box = box_of(c, NULL, here);
	for (int round = 0; round < 50; round++) {
		char text[NONCE_TEXT_SIZE];
		nonce_make(box, text);
		struct race race = { .box = box, .text = bytes_of_text(text) };
		pthread_t threads[8];
		for (size_t i = 0; i < COUNT_OF(threads); i++) {
			assert_int_equal(pthread_create(&threads[i], NULL, redeem, &race), 0);
		}
		for (size_t i = 0; i < COUNT_OF(threads); i++) {
			pthread_join(threads[i], NULL);
		}
		assert_int_equal(atomic_load(&race.good), 1);
	}
	nonce_box_free(box);
}

/* a killed process leaves its nonces to the next one, and what was used stays used. */
static void survives_a_kill(void **state)
{
	struct ctx *c = *state;
	char dir[] = "/tmp/cairn-nonce-XXXXXX";
	assert_non_null(mkdtemp(dir));
	const char *path = arena_printf(c->arena, "%s/nonces", dir);
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		char texts[2][NONCE_TEXT_SIZE];
		struct nonce_box *box = NULL;
		if (nonce_box_open(c, path, here, &box) != 0) {
			_exit(1);
		}
		nonce_make(box, texts[0]);
		nonce_make(box, texts[1]);
		(void) nonce_redeem(box, bytes_of_text(texts[0]));
		if (write(ends[1], texts, sizeof(texts)) != (ssize_t) sizeof(texts)) {
			_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	char texts[2][NONCE_TEXT_SIZE];
	int status = 0;
	assert_int_equal(read(ends[0], texts, sizeof(texts)), sizeof(texts));
	assert_int_equal(waitpid(child, &status, 0), child);
	struct nonce_box *box = box_of(c, path, here);
	struct stat s;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(nonce_redeem(box, bytes_of_text(texts[0])), NONCE_USED);
	assert_int_equal(nonce_redeem(box, bytes_of_text(texts[1])), NONCE_GOOD);
	struct nonce_box *second = NULL;
	assert_problem(c, PROBLEM_SERVER_INTERNAL, nonce_box_open(c, path, here, &second)); /* held */
	nonce_box_free(box);
	close(ends[0]);
	close(ends[1]);
	unlink(path);
	rmdir(dir);
}

/* Of another boot, or of another format: a new key, so old nonces are bad and not "used". */
static void foreign_file_starts_afresh(void **state)
{
	struct ctx *c = *state;
	char dir[] = "/tmp/cairn-nonce-XXXXXX";
	assert_non_null(mkdtemp(dir));
	const char *path = arena_printf(c->arena, "%s/nonces", dir);
	char text[NONCE_TEXT_SIZE];
	struct nonce_box *box = box_of(c, path, here);
	nonce_make(box, text);
	nonce_box_free(box);
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 20, SEEK_SET), 0); /* inside the boot id */
	assert_int_equal(fputc('~', f), '~');
	assert_int_equal(fclose(f), 0);
	box = box_of(c, path, here);
	assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_BAD);
	nonce_box_free(box);
	assert_int_equal(truncate(path, 5), 0);
	box = box_of(c, path, here);
	nonce_make(box, text);
	assert_int_equal(nonce_redeem(box, bytes_of_text(text)), NONCE_GOOD);
	nonce_box_free(box);
	unlink(path);
	rmdir(dir);
	assert_problem(c, PROBLEM_SERVER_INTERNAL, nonce_box_open(c, path, here, &box)); /* no such folder */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(works_once),
		WITH_CTX(order_of_use_does_not_matter),
		WITH_CTX(no_repeat_and_no_order),
		WITH_CTX(strange_ones_are_refused),
		WITH_CTX(one_of_many_threads_wins),
		WITH_CTX(survives_a_kill),
		WITH_CTX(foreign_file_starts_afresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
