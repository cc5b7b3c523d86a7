/* link: wfe */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/gauge.h"
#include "wfe/segment.h"
#include "wfe/spool.h"

struct fixture {
	struct ctx c;
	char dir[64];
	struct spool_options options;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	ctx_init(&f->c);
	(void) snprintf(f->dir, sizeof(f->dir), "/tmp/wfe-spool-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->options = (struct spool_options) { f->dir, 4096, (size_t) 1024 * 1024 };
	*state = f;
	return 0;
}

static void path_of(const struct fixture *f, const char *name, char path[256])
{
	(void) snprintf(path, 256, "%s/%s", f->dir, name);
}

static size_t segments_of(const struct fixture *f)
{
	size_t n = 0;
	DIR *dir = opendir(f->dir);
	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		n += strstr(entry->d_name, ".seg") != NULL ? 1 : 0;
	}
	(void) closedir(dir);
	return n;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	DIR *dir = opendir(f->dir);
	assert_non_null(dir);
	for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char path[400];
		(void) snprintf(path, sizeof(path), "%s/%s", f->dir, entry->d_name);
		(void) unlink(path);
	}
	(void) closedir(dir);
	(void) rmdir(f->dir);
	ctx_done(&f->c);
	free(f);
	return 0;
}

static struct spool *open_spool(struct fixture *f)
{
	struct spool *s = NULL;
	int result = spool_open(&f->c, &f->options, &s);
	if (result != 0) {
		print_error("%s\n", f->c.err.cause);
	}
	assert_int_equal(result, 0);
	return s;
}

static struct id append(struct fixture *f, struct spool *s, enum spool_kind kind, struct id id, const char *text)
{
	assert_int_equal(spool_append(&f->c, s, kind, id, bytes_of_text(text)), 0);
	return id;
}

/* All records from the start. */
static struct spool_record_list read_all(struct fixture *f, struct spool *s, size_t step)
{
	struct spool_record_list all = { ARENA_ARRAY(f->c.arena, 1000, struct spool_record), 0 };
	struct spool_record_list part = { 0 };
	spool_rewind(s);
	do {
		assert_int_equal(spool_read(&f->c, s, step, &part), 0);
		for (size_t i = 0; i < part.n; i++) {
			all.v[all.n++] = part.v[i];
		}
	} while (part.n > 0);
	return all;
}

static void records_come_back_in_order(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	struct id ids[50];
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		ids[i] = append(f, s, SPOOL_BEGIN, id_new(), "some octets that fill the segments one after the other");
		append(f, s, SPOOL_END, ids[i], "");
	}
	assert_true(segments_of(f) > 1);
	struct spool_record_list all = read_all(f, s, 1);
	assert_int_equal(all.n, 100);
	for (size_t i = 0; i < all.n; i++) {
		assert_int_equal(all.v[i].number, i + 1);
		assert_true(id_equal(all.v[i].request, ids[i / 2]));
		assert_int_equal(all.v[i].kind, i % 2 == 0 ? SPOOL_BEGIN : SPOOL_END);
	}
	spool_close(s);
}

static void another_process_is_kept_out(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	struct spool *second = NULL;
	assert_int_equal(spool_open(&f->c, &f->options, &second), -1);
	assert_int_equal(f->c.err.type, PROBLEM_SERVER_INTERNAL);
	spool_close(s);
}

static void a_torn_record_is_cut(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	struct id id = append(f, s, SPOOL_BEGIN, id_new(), "first");
	append(f, s, SPOOL_END, id, "answer");
	char name[ID_TEXT_SIZE];
	(void) snprintf(name, sizeof(name), "%s", spool_instance(s));
	spool_close(s);

	char path[256];
	path_of(f, "0000000000000001.seg", path);
	struct spool_record torn = { .number = 3, .kind = SPOOL_BEGIN, .payload = bytes_of_text("never whole") };
	uint8_t header[SEGMENT_HEADER];
	segment_encode_header(&torn, header);
	int fd = open(path, O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
	assert_int_equal(write(fd, "never", 5), 5);
	(void) close(fd);

	s = open_spool(f);
	assert_string_equal(spool_instance(s), name); /* the same spool as before */
	assert_int_equal(read_all(f, s, 100000).n, 2);
	append(f, s, SPOOL_BEGIN, id, "third");
	struct spool_record_list all = read_all(f, s, 100000);
	assert_int_equal(all.n, 3);
	assert_int_equal(all.v[2].number, 3);
	assert_true(bytes_equal_text(all.v[2].payload, "third"));
	spool_close(s);
}

static void a_flipped_bit_before_the_tail_is_refused(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	for (size_t i = 0; i < 100; i++) {
		append(f, s, SPOOL_END, id_new(), "some octets that fill the segments one after the other");
	}
	assert_true(segments_of(f) > 2);
	spool_close(s);
	char path[256];
	path_of(f, "0000000000000001.seg", path);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "X", 1, 200), 1);
	(void) close(fd);
	assert_int_equal(spool_open(&f->c, &f->options, &s), -1);
	assert_non_null(strstr(f->c.err.cause, "0000000000000001.seg is damaged"));

	/* The way out that the sentence names. */
	assert_int_equal(unlink(path), 0);
	ctx_forgive(&f->c);
	s = open_spool(f);
	assert_true(read_all(f, s, 100000).n > 0);
	spool_close(s);
}

static void work_until_killed(struct fixture *f, int told)
{
	struct spool *s = NULL;
	if (spool_open(&f->c, &f->options, &s) != 0) {
		_exit(1);
	}
	for (uint64_t i = 0;; i++) {
		struct id id = id_new();
		if (spool_append(&f->c, s, SPOOL_BEGIN, id, bytes_of_text("begin")) != 0 ||
		    write(told, id.b, sizeof(id.b)) != sizeof(id.b)) {
			_exit(1);
		}
		if (i % 3 != 0 && spool_append(&f->c, s, SPOOL_END, id, bytes_of_text("end")) != 0) {
			_exit(1);
		}
	}
}

/* The child dies in the middle of its requests: what it appended is there, and each begin without an end gets a LOST,
 * once. */
static void a_kill_loses_nothing(void **state)
{
	struct fixture *f = *state;
	int told[2];
	assert_int_equal(pipe(told), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void) close(told[0]);
		work_until_killed(f, told[1]);
	}
	(void) close(told[1]);
	struct id seen[100];
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		assert_int_equal(read(told[0], seen[i].b, sizeof(seen[i].b)), sizeof(seen[i].b));
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	(void) close(told[0]);

	f->options.limit_octets = (size_t) 64 * 1024 * 1024;
	spool_close(open_spool(f));
	struct spool *s = open_spool(f); /* a second time: nothing is lost twice */
	struct spool_record_list all = { ARENA_ARRAY(f->c.arena, 1000000, struct spool_record), 0 };
	struct spool_record_list part = { 0 };
	do {
		assert_int_equal(spool_read(&f->c, s, 1000000, &part), 0);
		assert_true(all.n + part.n < 1000000);
		for (size_t i = 0; i < part.n; i++) {
			all.v[all.n++] = part.v[i];
		}
	} while (part.n > 0);
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		size_t begins = 0;
		size_t ends = 0;
		size_t lost = 0;
		for (size_t k = 0; k < all.n; k++) {
			if (id_equal(all.v[k].request, seen[i])) {
				begins += all.v[k].kind == SPOOL_BEGIN ? 1 : 0;
				ends += all.v[k].kind == SPOOL_END ? 1 : 0;
				lost += all.v[k].kind == SPOOL_LOST ? 1 : 0;
			}
		}
		assert_int_equal(begins, 1);
		assert_int_equal(ends + lost, 1);
		assert_int_equal(lost, i % 3 == 0 ? 1 : lost);
	}
	spool_close(s);
}

static void over_its_limit_it_refuses_begins_only(void **state)
{
	struct fixture *f = *state;
	f->options.limit_octets = 100;
	struct spool *s = open_spool(f);
	assert_null(spool_refusal(s));
	struct id id =
	    append(f, s, SPOOL_BEGIN, id_new(), "more than a hundred octets with its header, which is forty; and so on");
	append(f, s, SPOOL_END, id, "an end always finds its place");
	assert_non_null(spool_refusal(s));
	assert_int_equal(spool_append(&f->c, s, SPOOL_BEGIN, id, bytes_of_text("")), -1);
	assert_int_equal(f->c.err.type, PROBLEM_UNAVAILABLE); /* A-48, F-45 */
	spool_close(s);
}

/* A limit on the size of files stands for a full disk: the write ends in the middle of the record. */
static void a_full_disk_refuses(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	struct id id = append(f, s, SPOOL_BEGIN, id_new(), "fits");
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void) signal(SIGXFSZ, SIG_IGN);
	struct rlimit small = { .rlim_cur = 60, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int result = spool_append(&f->c, s, SPOOL_BEGIN, id_new(), bytes_of_text("does not fit"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(result, -1);
	assert_int_equal(f->c.err.type, PROBLEM_UNAVAILABLE);
	append(f, s, SPOOL_END, id, "room again");
	struct spool_record_list all = read_all(f, s, 100000);
	assert_int_equal(all.n, 2);
	assert_true(bytes_equal_text(all.v[1].payload, "room again"));
	spool_close(s);
}

static void what_is_in_the_database_is_deleted(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	for (size_t i = 0; i < 200; i++) {
		append(f, s, SPOOL_END, id_new(), "some octets that fill the segments one after the other");
	}
	size_t before = segments_of(f);
	long octets = gauge_value(f->c.arena, "cairn_spool_bytes");
	assert_true(before > 3);
	spool_forget(s, 1);
	assert_int_equal(segments_of(f), before);
	spool_forget(s, 100);
	assert_in_range(segments_of(f), 2, before - 1);
	assert_in_range(gauge_value(f->c.arena, "cairn_spool_bytes"), 1, octets - 1);
	assert_true(read_all(f, s, 100000).v[0].number <= 100);
	spool_forget(s, 1000000);
	assert_int_equal(segments_of(f), 1); /* the last stays, since it knows the next number */
	spool_close(s);
	s = open_spool(f);
	append(f, s, SPOOL_END, id_new(), "next");
	struct spool_record_list all = read_all(f, s, 100000);
	assert_int_equal(all.v[all.n - 1].number, 201);
	spool_close(s);
}

static void an_emptied_folder_is_another_spool(void **state)
{
	struct fixture *f = *state;
	struct spool *s = open_spool(f);
	char name[ID_TEXT_SIZE];
	(void) snprintf(name, sizeof(name), "%s", spool_instance(s));
	spool_close(s);
	char path[256];
	path_of(f, "0000000000000001.seg", path);
	assert_int_equal(unlink(path), 0);
	s = open_spool(f);
	assert_string_not_equal(spool_instance(s), name);
	spool_close(s);
}

static void damaged_records_are_seen(void **state)
{
	(void) state;
	struct spool_record record = {
		.number = 7, .kind = SPOOL_END, .request = id_new(), .payload = bytes_of_text("abc")
	};
	uint8_t octets[SEGMENT_HEADER + 3];
	segment_encode_header(&record, octets);
	memcpy(octets + SEGMENT_HEADER, "abc", 3);
	struct bytes in = { octets, sizeof(octets) };
	struct spool_record got;
	size_t used = 0;
	assert_int_equal(segment_decode(in, &got, &used), 0);
	assert_int_equal(used, sizeof(octets));
	assert_true(id_equal(got.request, record.request));
	for (size_t n = 0; n < sizeof(octets); n++) {
		assert_int_equal(segment_decode((struct bytes) { octets, n }, &got, &used), -1);
		octets[n] ^= 1;
		assert_int_equal(segment_decode(in, &got, &used), -1);
		octets[n] ^= 1;
	}
	uint64_t first = 0;
	assert_int_equal(segment_name_parse("00000000000000a1.seg", &first), 0);
	assert_int_equal(first, 0xa1);
	assert_int_equal(segment_name_parse("00000000000000A1.seg", &first), -1);
	assert_int_equal(segment_name_parse("a1.seg", &first), -1);
	assert_int_equal(segment_name_parse("lock", &first), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_come_back_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_is_kept_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_record_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flipped_bit_before_the_tail_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kill_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(over_its_limit_it_refuses_begins_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_in_the_database_is_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(an_emptied_folder_is_another_spool, setup, teardown),
		cmocka_unit_test(damaged_records_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
