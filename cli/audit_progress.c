#include "cli/audit_progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SILENT_S 2

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ends;
	bool runs;  /* there is a thread; of the main thread alone */
	bool done;  /* the rest: under the lock */
	bool shown; /* the line is on the terminal */
	char text[160];
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void clear_locked(void)
{
	if (progress.shown) {
		fprintf(stderr, "\r\033[K");
	}
	progress.shown = false;
}

static void *show(void *arg)
{
	(void) arg;
	struct timespec at;
	long seconds = SILENT_S;
	(void) clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += SILENT_S;
	(void) pthread_mutex_lock(&progress.lock);
	while (!progress.done) {
		if (pthread_cond_timedwait(&progress.ends, &progress.lock, &at) != ETIMEDOUT) {
			continue;
		}
		fprintf(stderr, "\r\033[K%s, %ld s ", progress.text, seconds);
		progress.shown = true;
		seconds++;
		at.tv_sec++;
	}
	(void) pthread_mutex_unlock(&progress.lock);
	return NULL;
}

/* Signals are for the main thread, whose waiting they end. */
static bool start_thread(void)
{
	pthread_condattr_t monotonic;
	sigset_t all;
	sigset_t before;
	(void) pthread_condattr_init(&monotonic);
	(void) pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&progress.ends, &monotonic);
	(void) pthread_condattr_destroy(&monotonic);
	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&progress.thread, NULL, show, NULL) == 0;
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

void audit_progress_begin(bool quiet)
{
	if (!quiet && !progress.runs && isatty(STDERR_FILENO) == 1) {
		audit_progress("The database is asked");
		progress.done = false;
		progress.runs = start_thread();
	}
}

void audit_progress(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	(void) pthread_mutex_lock(&progress.lock);
	(void) vsnprintf(progress.text, sizeof(progress.text), format, ap);
	(void) pthread_mutex_unlock(&progress.lock);
	va_end(ap);
}

void audit_progress_clear(void)
{
	(void) pthread_mutex_lock(&progress.lock);
	clear_locked();
	(void) pthread_mutex_unlock(&progress.lock);
}

void audit_progress_end(void)
{
	if (progress.runs) {
		(void) pthread_mutex_lock(&progress.lock);
		progress.done = true;
		(void) pthread_cond_signal(&progress.ends);
		(void) pthread_mutex_unlock(&progress.lock);
		(void) pthread_join(progress.thread, NULL);
		(void) pthread_cond_destroy(&progress.ends);
		progress.runs = false;
		clear_locked();
	}
}
