/* A token of SoftHSM in a folder of its own, for tests that sign with one. */
#ifndef CAIRN_TESTS_SOFT_TOKEN_H
#define CAIRN_TESTS_SOFT_TOKEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/config.h"
#include "lib/base/ctx.h"

#define SOFT_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFT_PIN "271828"

static char soft_folder[] = "/tmp/cairn-token-XXXXXX";

/* A program's end: 0. Its words are kept from the test's. */
static inline int soft_run(const char *const *words)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		FILE *quiet = freopen("/dev/null", "w", stdout);
		execvp(words[0], (char *const *) (uintptr_t) words);
		_exit(quiet == NULL ? 126 : 127);
	}
	(void) waitpid(pid, &status, 0);
	return status;
}

static inline const char *soft_path(struct ctx *c, const char *name)
{
	return arena_printf(c->arena, "%s/%s", soft_folder, name);
}

static inline void soft_write(struct ctx *c, const char *name, const char *text, mode_t mode)
{
	const char *path = soft_path(c, name);
	(void) unlink(path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static inline void soft_add(const char *label)
{
	const char *const make[] = { "softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "87654321",
		"--pin", SOFT_PIN, NULL };
	assert_int_equal(soft_run(make), 0);
}

static inline void soft_start(struct ctx *c)
{
	assert_non_null(mkdtemp(soft_folder));
	assert_int_equal(mkdir(soft_path(c, "tokens"), 0700), 0);
	soft_write(c, "softhsm2.conf",
	    arena_printf(
	        c->arena, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", soft_folder),
	    0600);
	soft_write(c, "pin", SOFT_PIN "\n", 0600);
	assert_int_equal(setenv("SOFTHSM2_CONF", soft_path(c, "softhsm2.conf"), 1), 0);
	soft_add("cairn");
}

static inline void soft_end(void)
{
	const char *const drop[] = { "rm", "-rf", soft_folder, NULL };
	assert_int_equal(soft_run(drop), 0);
}

/* The token goes, or comes back. */
static inline void soft_move(struct ctx *c, const char *from, const char *to)
{
	assert_int_equal(rename(soft_path(c, from), soft_path(c, to)), 0);
}

#endif
