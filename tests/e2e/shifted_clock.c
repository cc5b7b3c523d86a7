/* Preloaded into every process of a CA under test, PostgreSQL too (LD_PRELOAD): the wall clock runs by as many microseconds
 * ahead as the file named by SHIFTED_CLOCK holds, and jumps when a test writes another number there. So days pass for the
 * same programs that are shipped. The monotonic clock stays as it is. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *ahead_us;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("SHIFTED_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	void *p = mmap(NULL, sizeof(*ahead_us), PROT_READ, MAP_SHARED, fd, 0);
	ahead_us = p == MAP_FAILED ? NULL : p;
	(void) close(fd);
}

int clock_gettime(clockid_t which, struct timespec *t)
{
	int result = (int) syscall(SYS_clock_gettime, which, t);
	if (result == 0 && ahead_us != NULL && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
		int64_t us = t->tv_nsec / 1000 + *ahead_us;
		t->tv_sec += us / 1000000;
		t->tv_nsec = us % 1000000 * 1000 + t->tv_nsec % 1000;
	}
	return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;
	(void) zone;
	int result = clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return result;
}

time_t time(time_t *ret)
{
	struct timespec now = { 0 };
	(void) clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL) {
		*ret = now.tv_sec;
	}
	return now.tv_sec;
}
