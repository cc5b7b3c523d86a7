/* Small files read whole: one, or all of a folder. */
#ifndef CAIRN_BASE_FOLDER_H
#define CAIRN_BASE_FOLDER_H

#include "lib/base/ctx.h"

#define FILE_SIZE_MAX ((size_t) 256 * 1024 * 1024)

struct file {
	const char *name; /* without its folder */
	const char *path;
	struct bytes content;
};

struct file_list {
	struct file *v;
	size_t n;
};

/* A regular file of at most FILE_SIZE_MAX octets, in the arena of c. FAIL: MALFORMED, "PATH: reason". */
int file_read(struct ctx *c, const char *path, struct bytes *ret) MUST_CHECK;

/* All files of the folder, by their names; passed over are those of editors and packages: .name, name~, name.bak,
 * name.dpkg-*, README*. FAIL: MALFORMED, "PATH: reason"; also for what is no regular file. */
int folder_read(struct ctx *c, const char *path, struct file_list *ret) MUST_CHECK;

#endif
