/* link: cli */
/* Files of the command are on disk when it says so, and so are their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/files.h"

static int files_synced;
static int folders_synced;

/* In place of the system's. */
int fsync(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0) {
		return -1;
	}
	*(S_ISDIR(st.st_mode) ? &folders_synced : &files_synced) += 1;
	return 0;
}

static void expect_synced(int files, int folders)
{
	assert_int_equal(files_synced, files);
	assert_int_equal(folders_synced, folders);
}

/* E-29: a CRL that is written out takes the place of the one before at once, and stays there when the machine loses its power. */
static void test_on_disk(void **state)
{
	struct ctx c;
	char folder[] = "/tmp/cairn-files-XXXXXX";
	struct stat before;
	struct stat after;
	(void) state;
	ctx_init(&c);
	assert_non_null(mkdtemp(folder));
	const char *path = arena_printf(c.arena, "%s/a.crl", folder);
	assert_int_equal(file_make(&c, path, bytes_of_text("one"), 0644), 0);
	expect_synced(1, 1);
	assert_int_equal(file_make(&c, path, bytes_of_text("two"), 0644), -1); /* it exists */
	expect_synced(2, 1);
	ctx_forgive(&c);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(file_replace(&c, path, bytes_of_text("two"), 0644), 0);
	expect_synced(3, 2);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino != after.st_ino); /* whole, under another name first */
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(file_replace(&c, "b.crl", bytes_of_text("three"), 0644), 0);
	expect_synced(4, 3);
	assert_int_equal(file_replace(&c, "none/b.crl", bytes_of_text("three"), 0644), -1);
	expect_synced(4, 3);
	assert_int_equal(file_add_line(&c, "transcript", bytes_of_text("a line")), 0); /* F-12 */
	expect_synced(5, 4);
	assert_int_equal(file_remove(&c, "transcript"), 0); /* F-9: a key that is destroyed does not come back */
	expect_synced(5, 5);
	assert_int_equal(file_remove(&c, "transcript"), -1);
	ctx_forgive(&c);
	assert_int_equal(unlink("a.crl") + unlink("b.crl") + rmdir(folder), 0);
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_on_disk) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
