#include "lib/base/process_stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The start of the file as text; empty when it can't be read. */
static void read_start(const char *path, char *text, size_t size)
{
	text[0] = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	ssize_t n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* The word with this index (from 0) as a number; 0 when there is none. */
static long long word_at(const char *text, int index)
{
	const char *p = text;
	for (int i = 0; i < index && p != NULL; i++) {
		p = strchr(p, ' ');
		p = p == NULL ? NULL : p + 1;
	}
	return p == NULL ? 0 : strtoll(p, NULL, 10);
}

static double seconds_of(clockid_t which)
{
	struct timespec t = { 0 };
	return clock_gettime(which, &t) == 0 ? (double) t.tv_sec + (double) t.tv_nsec / 1e9 : 0;
}

static int64_t count_open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	if (dir == NULL) {
		return 0;
	}
	int64_t n = -1; /* the directory itself */
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		n += e->d_name[0] != '.';
	}
	closedir(dir);
	return n;
}

void process_stat_read(struct process_stat *ret)
{
	*ret = (struct process_stat) { .cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID), .open_files = count_open_files() };
	char text[1024];
	read_start("/proc/self/statm", text, sizeof(text));
	ret->resident_octets = word_at(text, 1) * sysconf(_SC_PAGESIZE);
	read_start("/proc/self/stat", text, sizeof(text));
	/* The name in parentheses may hold blanks: the words are counted from the third, behind the last parenthesis. The
	 * 22nd is the start, in ticks since boot (proc(5)). */
	const char *third = strrchr(text, ')');
	if (third != NULL) {
		double ticks = (double) word_at(third + 2, 19);
		double since_boot = ticks / (double) sysconf(_SC_CLK_TCK);
		ret->started_s = seconds_of(CLOCK_REALTIME) - (seconds_of(CLOCK_BOOTTIME) - since_boot);
	}
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		ret->max_files = limit.rlim_cur == RLIM_INFINITY ? 0 : (int64_t) limit.rlim_cur;
	}
}
