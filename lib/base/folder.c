#include "lib/base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/auto_fd.h"

#define FILES_MAX 1000

static int broken(struct ctx *c, const char *path, const char *why)
{
	return FAIL(c, MALFORMED, "%s: %s", path, why);
}

static int read_whole(struct ctx *c, const char *path, int fd, size_t size, struct bytes *ret)
{
	uint8_t *content = arena_alloc(c->arena, size + 1);
	size_t n = 0;
	while (n <= size) {
		ssize_t got = read(fd, content + n, size + 1 - n);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return broken(c, path, strerror(errno));
		}
		if (got == 0) {
			*ret = (struct bytes) { content, n };
			return 0;
		}
		n += (size_t) got;
	}
	return broken(c, path, "it grew while it was read");
}

int file_read(struct ctx *c, const char *path, struct bytes *ret)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		return broken(c, path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode) || st.st_size < 0) {
		return broken(c, path, "is no regular file");
	}
	if ((size_t) st.st_size > FILE_SIZE_MAX) {
		return broken(c, path, "is too large");
	}
	return read_whole(c, path, fd, (size_t) st.st_size, ret);
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t e = strlen(end);
	return n >= e && strcmp(text + n - e, end) == 0;
}

static bool is_passed_over(const char *name)
{
	return name[0] == '.' || strncmp(name, "README", 6) == 0 || ends_in(name, "~") || ends_in(name, ".bak") ||
	       strstr(name, ".dpkg-") != NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct file *x = a;
	const struct file *y = b;
	return strcmp(x->name, y->name);
}

static int list(struct ctx *c, const char *path, DIR *folder, struct file_list *files)
{
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (is_passed_over(entry->d_name)) {
			continue;
		}
		if (files->n == FILES_MAX) {
			return broken(c, path, "holds too many files");
		}
		const char *name = arena_text(c->arena, entry->d_name);
		files->v[files->n++] = (struct file) { .name = name, .path = arena_printf(c->arena, "%s/%s", path, name) };
	}
	return 0;
}

int folder_read(struct ctx *c, const char *path, struct file_list *ret)
{
	struct file_list files = { ARENA_ARRAY(c->arena, FILES_MAX, struct file), 0 };
	DIR *folder = opendir(path);
	if (folder == NULL) {
		return broken(c, path, strerror(errno));
	}
	int result = list(c, path, folder, &files);
	(void) closedir(folder);
	TRY(result);
	qsort(files.v, files.n, sizeof(files.v[0]), compare_names);
	for (size_t i = 0; i < files.n; i++) {
		TRY(file_read(c, files.v[i].path, &files.v[i].content));
	}
	*ret = files;
	return 0;
}
