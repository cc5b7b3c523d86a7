/* The files that the section `policy` of the configuration names, read whole. */
#ifndef CAIRN_BASE_POLICY_FILES_H
#define CAIRN_BASE_POLICY_FILES_H

#include "lib/base/config.h"
#include "lib/base/folder.h"

/* Of Debian's package publicsuffix; in the text form, which can be looked at. */
#define PUBLIC_SUFFIX_FILE "/usr/share/publicsuffix/public_suffix_list.dat"

struct policy_files {
	struct file suffixes;   /* the public suffix list; path NULL: none is named, and the package is not installed */
	struct file_list lists; /* of policy.lists_dir */
};

/* In the arena of c. MALFORMED, "PATH: reason". */
int policy_files_read(struct ctx *c, const struct config_policy *config, struct policy_files *ret) MUST_CHECK;

#endif
