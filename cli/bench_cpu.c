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
	char name[17]; /* 15 octets and an end, proc_pid_comm(5) */
};

struct processes {
	struct process *v;
	size_t n;
	size_t size;
};

/* As much of /proc/PID/what as fits; -1 when the process has ended. */
static int read_file(pid_t pid, const char *what, char *ret, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%lld/%s", (long long) pid, what);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return -1;
	}
	ret[fread(ret, 1, size - 1, file)] = '\0';
	fclose(file);
	return 0;
}

/* proc(5): the name in brackets may hold anything, so that fields are counted from the last bracket. */
static int read_stat(pid_t pid, struct process *ret)
{
	char text[1024];
	if (read_file(pid, "stat", text, sizeof(text)) != 0) {
		return -1;
	}
	const char *name = strchr(text, '(');
	char *p = strrchr(text, ')');
	unsigned long long field[FIELD_CSTIME + 1] = { 0 };
	if (name == NULL || p == NULL || p <= name || strlen(p) < strlen(") S ")) {
		return -1;
	}
	*ret = (struct process) { .pid = pid };
	snprintf(ret->name, sizeof(ret->name), "%.*s", (int) (p - name - 1), name + 1);
	p += strlen(") S ");
	for (size_t i = FIELD_PPID; i <= FIELD_CSTIME; i++) {
		field[i] = strtoull(p, &p, 10); /* negative ones wrap; they are not used */
	}
	ret->parent = (pid_t) field[FIELD_PPID];
	ret->ticks = field[FIELD_UTIME] + field[FIELD_UTIME + 1] + field[FIELD_UTIME + 2] + field[FIELD_CSTIME];
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
		if (e->d_name[0] < '1' || e->d_name[0] > '9' || read_stat((pid_t) strtol(e->d_name, NULL, 10), &one) != 0) {
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

/* The title is "postgres: ROLE DATABASE HOST(PORT) ..." or "... [local] ...", behind the cluster's name, if it has one;
 * other processes of PostgreSQL have no host there. */
void bench_cpu_name(const char *process, const char *title, char ret[BENCH_CPU_NAME_MAX])
{
	char cluster[64] = "";
	char role[64] = "";
	char host[64] = "";
	snprintf(ret, BENCH_CPU_NAME_MAX, "%s", process);
	if (strcmp(process, "postgres") != 0) {
		return;
	}
	const char *rest = strncmp(title, "postgres: ", 10) == 0 ? title + 10 : "";
	if (sscanf(rest, "%63s", cluster) == 1 && cluster[strlen(cluster) - 1] == ':') {
		rest += strlen(cluster);
	}
	if (sscanf(rest, "%63s %*s %63s", role, host) == 2 && (host[0] == '[' || strchr(host, '(') != NULL)) {
		snprintf(ret, BENCH_CPU_NAME_MAX, "postgres %.40s", role);
	}
}

static double *row_of(struct bench_cpu *cpu, const char *name)
{
	size_t i = 0;
	while (i < cpu->n && strcmp(cpu->row[i].name, name) != 0) {
		i++;
	}
	if (i == cpu->n) {
		if (i == BENCH_CPU_ROWS_MAX) {
			return NULL;
		}
		cpu->row[i] = (struct bench_cpu_row) { .seconds = 0 };
		snprintf(cpu->row[i].name, sizeof(cpu->row[i].name), "%s", name);
		cpu->n++;
	}
	return &cpu->row[i].seconds;
}

static void add_process(struct bench_cpu *cpu, const struct process *p)
{
	char title[256] = "";
	char name[BENCH_CPU_NAME_MAX];
	if (strcmp(p->name, "postgres") == 0) {
		(void) read_file(p->pid, "cmdline", title, sizeof(title)); /* if it ended meanwhile, it has no role */
	}
	bench_cpu_name(p->name, title, name);
	double seconds = (double) p->ticks / (double) sysconf(_SC_CLK_TCK);
	double *row = row_of(cpu, name);
	cpu->seconds += seconds;
	if (row != NULL) {
		*row += seconds;
	}
}

void bench_cpu_read(const pid_t *pids, size_t n, struct bench_cpu *ret)
{
	*ret = (struct bench_cpu) { .n = 0 };
	if (n == 0) {
		return;
	}
	struct processes all = { 0 };
	read_all(&all);
	mark(&all, pids, n);
	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i].counted) {
			add_process(ret, &all.v[i]);
		}
	}
	free(all.v);
}

static int by_seconds(const void *a, const void *b)
{
	double x = ((const struct bench_cpu_row *) a)->seconds;
	double y = ((const struct bench_cpu_row *) b)->seconds;
	return x < y ? 1 : x > y ? -1 : 0;
}

void bench_cpu_since(const struct bench_cpu *before, const struct bench_cpu *after, struct bench_cpu *ret)
{
	struct bench_cpu earlier = *before;
	*ret = (struct bench_cpu) { .seconds = after->seconds - before->seconds };
	for (size_t i = 0; i < after->n; i++) {
		const double *was = row_of(&earlier, after->row[i].name);
		double seconds = after->row[i].seconds - (was == NULL ? 0 : *was);
		if (seconds > 0) {
			ret->row[ret->n] = after->row[i];
			ret->row[ret->n++].seconds = seconds;
		}
	}
	qsort(ret->row, ret->n, sizeof(ret->row[0]), by_seconds);
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
