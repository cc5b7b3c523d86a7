/* A file of the public export while it is written. */
#ifndef CAIRN_CLI_EXPORT_FILE_H
#define CAIRN_CLI_EXPORT_FILE_H

#include <openssl/types.h>
#include <stdio.h>

#include "lib/base/ctx.h"

/* Under another name until it is whole, so that what a broken run leaves is written again. */
struct export_file {
	const char *path;
	const char *fresh;
	FILE *file;
	EVP_MD_CTX *digest;
	int64_t octets;
};

/* SERVER_INTERNAL when it can't be written; export_file_close has to follow all the same. */
int export_file_open(struct ctx *c, struct export_file *o, const char *path) MUST_CHECK;

void export_file_put(struct export_file *o, struct bytes text);

/* Gives it its name and its digest in hexadecimal digits; what is not whole is not there. */
int export_file_close(struct ctx *c, struct export_file *o, bool whole, const char **ret_sha256) MUST_CHECK;

#endif
