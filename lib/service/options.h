/* The command line of the five processes. */
#ifndef CAIRN_SERVICE_OPTIONS_H
#define CAIRN_SERVICE_OPTIONS_H

#include "lib/base/arena.h"

struct service_options {
	struct text_list files; /* --config, in their order */
	bool check;
};

/* 0: go on; else the process ends: SERVICE_DONE with 0 (help or version are printed), SERVICE_USAGE with 2. */
enum { SERVICE_DONE = 1, SERVICE_USAGE = 2 };
int service_options_parse(
    struct arena *a, int argc, char **argv, const char *name, struct service_options *ret) MUST_CHECK;

#endif
