/* Files that the command makes: never over an existing one, whole or not at all. */
#ifndef CAIRN_CLI_FILES_H
#define CAIRN_CLI_FILES_H

#include "lib/base/config.h"

bool file_exists(const char *path);

/* A new file with this content and mode, on disk when it returns. SERVER_INTERNAL when it exists or can't be written. */
int file_make(struct ctx *c, const char *path, struct bytes content, unsigned mode) MUST_CHECK;

/* The same in place of what was there. */
int file_replace(struct ctx *c, const char *path, struct bytes content, unsigned mode) MUST_CHECK;

/* One more line at the end of the file, on disk when it returns; makes it when it is absent. */
int file_add_line(struct ctx *c, const char *path, struct bytes line) MUST_CHECK;

/* The certificates in the files of active issuers; files that are not here are passed over, as cairn-ra does. */
int files_issuers_read(struct ctx *c, const struct config *config, struct bytes_list *ret) MUST_CHECK;

/* Takes the file away; its name is gone from the disk when this returns. */
int file_remove(struct ctx *c, const char *path) MUST_CHECK;

/* The folder, which may exist already. */
int folder_make(struct ctx *c, const char *path, unsigned mode) MUST_CHECK;

#endif
