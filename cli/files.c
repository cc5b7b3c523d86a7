#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/cert.h"

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int write_all(int fd, struct bytes content)
{
	while (content.n > 0) {
		ssize_t n = write(fd, content.p, content.n);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return -1;
		}
		content.p += n;
		content.n -= (size_t) n;
	}
	return fsync(fd);
}

static int file_fail(struct ctx *c, const char *path)
{
	return FAIL(c, SERVER_INTERNAL, "%s can't be written: %s", path, strerror(errno));
}

/* The whole content under a name beside it. */
static int write_fresh(struct ctx *c, const char *path, struct bytes content, unsigned mode, const char **ret_fresh)
{
	const char *fresh = arena_printf(c->arena, "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0) {
		return file_fail(c, path);
	}
	int result = fchmod(fd, mode) == 0 ? write_all(fd, content) : -1;
	close(fd);
	if (result != 0) {
		file_fail(c, path);
		unlink(fresh);
		return -1;
	}
	*ret_fresh = fresh;
	return 0;
}

/* The name of a file is on disk when its folder is. */
static int sync_folder(struct ctx *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder = slash == NULL   ? "."
	                     : slash == path ? "/"
	                                     : arena_text_n(c->arena, path, (size_t) (slash - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return file_fail(c, path);
	}
	int result = fsync(fd);
	if (result != 0) {
		file_fail(c, path);
	}
	close(fd);
	return result;
}

int file_make(struct ctx *c, const char *path, struct bytes content, unsigned mode)
{
	const char *fresh = NULL;
	TRY(write_fresh(c, path, content, mode, &fresh));
	/* link(2) refuses an existing name, so that nothing is ever replaced */
	int result = link(fresh, path);
	if (result != 0) {
		file_fail(c, path);
	}
	unlink(fresh);
	return result == 0 ? sync_folder(c, path) : -1;
}

int file_replace(struct ctx *c, const char *path, struct bytes content, unsigned mode)
{
	const char *fresh = NULL;
	TRY(write_fresh(c, path, content, mode, &fresh));
	if (rename(fresh, path) != 0) {
		file_fail(c, path);
		unlink(fresh);
		return -1;
	}
	return sync_folder(c, path);
}

int file_add_line(struct ctx *c, const char *path, struct bytes line)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0) {
		return file_fail(c, path);
	}
	const char *whole = arena_printf(c->arena, "%.*s\n", (int) line.n, (const char *) line.p);
	int result = write_all(fd, bytes_of_text(whole));
	close(fd);
	return result == 0 ? sync_folder(c, path) : file_fail(c, path); /* it may be the first line of a new file */
}

int file_remove(struct ctx *c, const char *path)
{
	if (unlink(path) != 0) {
		return FAIL(c, SERVER_INTERNAL, "%s can't be removed: %s", path, strerror(errno));
	}
	return sync_folder(c, path);
}

int folder_make(struct ctx *c, const char *path, unsigned mode)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST) {
		return file_fail(c, path);
	}
	return 0;
}

#define CERTIFICATES_EACH 16

int files_issuers_read(struct ctx *c, const struct config *config, struct bytes_list *ret)
{
	const struct config_issuer_list *issuers = &config->ca.issuers;
	struct bytes_list all = { ARENA_ARRAY(c->arena, issuers->n * CERTIFICATES_EACH, struct bytes), 0 };
	for (size_t i = 0; i < issuers->n; i++) {
		struct bytes_list file = { NULL, 0 };
		if (issuers->v[i].active && access(issuers->v[i].cert_file, R_OK) == 0) {
			TRY(cert_read_file(c, issuers->v[i].cert_file, &file));
		}
		for (size_t k = 0; k < file.n && k < CERTIFICATES_EACH; k++) {
			all.v[all.n++] = file.v[k];
		}
	}
	*ret = all;
	return 0;
}
