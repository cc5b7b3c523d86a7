#include "cli/migrate.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/auto.h"
#include "lib/crypto/digest.h"

#define MAX_FILE ((off_t) 1024 * 1024)
#define MAX_FILES 9999

static void close_folder(DIR *dir)
{
	if (dir != NULL) {
		closedir(dir);
	}
}
AUTO_DEFINE(DIR, close_folder)

static bool digits(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
	}
	return true;
}

/* NNNN_name.sql; the length is checked first, so that the digits are there. */
static bool is_migration(const char *name)
{
	size_t n = strlen(name);
	return n > 9 && digits(name, 4) && name[4] == '_' && strcmp(name + n - 4, ".sql") == 0;
}

static bool is_sql(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && name[0] != '.' && strcmp(name + n - 4, ".sql") == 0;
}

static int by_name(const void *a, const void *b)
{
	const struct migration *left = a;
	const struct migration *right = b;
	return strcmp(left->name, right->name);
}

static int read_whole(struct ctx *c, int fd, const char *path, struct bytes *ret)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
		return FAIL(c, MALFORMED, "%s is no regular file of at most 1 MiB", path);
	}
	size_t size = (size_t) st.st_size;
	uint8_t *p = arena_alloc(c->arena, size + 1); /* a NUL behind it: libpq takes text */
	size_t n = 0;
	while (n < size) {
		ssize_t got = read(fd, p + n, size - n);
		if (got <= 0) {
			return FAIL(c, MALFORMED, "%s can't be read", path);
		}
		n += (size_t) got;
	}
	if (memchr(p, '\0', n) != NULL) {
		return FAIL(c, MALFORMED, "%s contains a NUL", path);
	}
	*ret = (struct bytes) { p, n };
	return 0;
}

static int read_one(struct ctx *c, const char *folder, struct migration *m)
{
	const char *path = arena_printf(c->arena, "%s/%s", folder, m->name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return FAIL(c, MALFORMED, "%s can't be opened", path);
	}
	int result = read_whole(c, fd, path, &m->text);
	close(fd);
	TRY(result);
	sha256_of(m->text, m->sha256);
	return 0;
}

static int list_names(struct ctx *c, const char *folder, bool (*is_wanted)(const char *), struct migration_list *list)
{
	AUTO(DIR) dir = opendir(folder);
	if (dir == NULL) {
		return FAIL(c, MALFORMED, "The folder %s can't be opened", folder);
	}
	list->v = ARENA_ARRAY(c->arena, MAX_FILES, struct migration);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (!is_wanted(entry->d_name)) {
			continue;
		}
		if (list->n == MAX_FILES) {
			return FAIL(c, MALFORMED, "The folder %s has more than %d files", folder, MAX_FILES);
		}
		list->v[list->n++] = (struct migration) {
			.number = strtoll(entry->d_name, NULL, 10),
			.name = arena_text(c->arena, entry->d_name),
		};
	}
	return 0;
}

int migrate_read_folder(struct ctx *c, const char *folder, struct migration_list *ret)
{
	struct migration_list list = { 0 };
	TRY(list_names(c, folder, is_migration, &list));
	if (list.n == 0) {
		return FAIL(c, MALFORMED, "The folder %s has no migrations", folder);
	}
	qsort(list.v, list.n, sizeof(list.v[0]), by_name);
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0 && list.v[i].number == list.v[i - 1].number) {
			return FAIL(c, MALFORMED, "%s/%s: the number stands twice", folder, list.v[i].name);
		}
		TRY(read_one(c, folder, &list.v[i]));
	}
	*ret = list;
	return 0;
}

int migrate_read_functions(struct ctx *c, const char *folder, struct migration_list *ret)
{
	struct migration_list list = { 0 };
	const char *functions = arena_printf(c->arena, "%s/../functions", folder);
	if (access(functions, F_OK) == 0) {
		TRY(list_names(c, functions, is_sql, &list));
		qsort(list.v, list.n, sizeof(list.v[0]), by_name);
	}
	for (size_t i = 0; i < list.n; i++) {
		list.v[i].number = 0;
		TRY(read_one(c, functions, &list.v[i]));
	}
	*ret = list;
	return 0;
}
