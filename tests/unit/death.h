/* Expectations on what must end the process (style 12). */
#ifndef CAIRN_TESTS_DEATH_H
#define CAIRN_TESTS_DEATH_H

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* f() in a child ends in abort(). */
static inline void assert_dies(void (*f)(void))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void) dup2(nowhere, STDERR_FILENO); /* the last words are expected */
		signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#endif
