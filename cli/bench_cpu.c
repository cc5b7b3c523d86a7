#include "cli/bench_cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/die.h"

/* proc_pid_stat(5): utime, stime, cutime, cstime stand side by side. */
#define FIELD_PPID 4
#define FIELD_UTIME 14
#define FIELD_CSTIME 17

struct process {
	pid_t pid;
	pid_t parent;
	unsigned long long ticks;
	bool counted;
};

struct processes {
	struct process *v;
	size_t n;
	size_t size;
};

/* proc(5): the name in brackets may hold anything, so that fields are counted from the last bracket. */
static int read_stat(const char *pid, struct process *ret)
{
	char path[64];
	char text[1024];
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return -1; /* it has ended */
	}
	size_t n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	char *p = strrchr(text, ')');
	unsigned long long field[FIELD_CSTIME + 1] = { 0 };
	if (p == NULL || strlen(p) < strlen(") S ")) {
		return -1;
	}
	p += strlen(") S ");
	for (size_t i = FIELD_PPID; i <= FIELD_CSTIME; i++) {
		field[i] = strtoull(p, &p, 10); /* negative ones wrap; they are not used */
	}
	*ret = (struct process) {
		.pid = (pid_t) strtol(pid, NULL, 10),
		.parent = (pid_t) field[FIELD_PPID],
		.ticks = field[FIELD_UTIME] + field[FIELD_UTIME + 1] + field[FIELD_UTIME + 2] + field[FIELD_CSTIME],
	};
	return 0;
}

static void read_all(struct processes *all)
{
	DIR *dir = opendir("/proc");
	if (dir == NULL) {
		return;
	}
	for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
		struct process one;
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || read_stat(e->d_name, &one) != 0) {
			continue;
		}
		if (all->n == all->size) {
			all->size = 2 * all->size + 256;
			all->v = reallocarray(all->v, all->size, sizeof(*all->v));
			if (all->v == NULL) {
				die("out of memory");
			}
		}
		all->v[all->n++] = one;
	}
	closedir(dir);
}

static bool is_counted(const struct processes *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i].pid == pid) {
			return all->v[i].counted;
		}
	}
	return false;
}

/* Marks the given ones, then children of marked ones until there is nothing new. */
static void mark(struct processes *all, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < all->n; i++) {
		for (size_t k = 0; k < n; k++) {
			all->v[i].counted = all->v[i].counted || all->v[i].pid == pids[k];
		}
	}
	for (bool found = true; found;) {
		found = false;
		for (size_t i = 0; i < all->n; i++) {
			if (!all->v[i].counted && is_counted(all, all->v[i].parent)) {
				all->v[i].counted = found = true;
			}
		}
	}
}

double bench_cpu_seconds(const pid_t *pids, size_t n)
{
	if (n == 0) {
		return 0;
	}
	struct processes all = { 0 };
	read_all(&all);
	mark(&all, pids, n);
	unsigned long long ticks = 0;
	for (size_t i = 0; i < all.n; i++) {
		ticks += all.v[i].counted ? all.v[i].ticks : 0;
	}
	free(all.v);
	return (double) ticks / (double) sysconf(_SC_CLK_TCK);
}

double bench_cpu_own_seconds(void)
{
	struct rusage used;
	if (getrusage(RUSAGE_SELF, &used) != 0) {
		return 0;
	}
	return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}
