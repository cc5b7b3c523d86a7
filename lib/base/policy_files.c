#include "lib/base/policy_files.h"

#include <unistd.h>

int policy_files_read(struct ctx *c, const struct config_policy *config, struct policy_files *ret)
{
	struct policy_files files = { 0 };
	const char *suffixes = config->public_suffix_file;
	if (suffixes == NULL && access(PUBLIC_SUFFIX_FILE, R_OK) == 0) {
		suffixes = PUBLIC_SUFFIX_FILE;
	}
	if (suffixes != NULL) {
		files.suffixes = (struct file) { .name = suffixes, .path = suffixes };
		TRY(file_read(c, suffixes, &files.suffixes.content));
	}
	if (config->lists_dir != NULL) {
		TRY(folder_read(c, config->lists_dir, &files.lists));
	}
	*ret = files;
	return 0;
}
