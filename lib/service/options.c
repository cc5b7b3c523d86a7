#include "lib/service/options.h"

#include <getopt.h>
#include <stdio.h>

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 'k' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] = "Usage: %s --config FILE [--config OVERLAY] [--check]\n"
                            "  --config FILE  the configuration; may stand again, each laid over the one before\n"
                            "  --check        read and check the configuration, then end\n"
                            "  --version      print the version, then end\n"
                            "  --help         print this, then end\n";

int service_options_parse(struct arena *a, int argc, char **argv, const char *name, struct service_options *ret)
{
	struct service_options o = { .files = { ARENA_ARRAY(a, (size_t) argc + 1, const char *), 0 } };
	optind = 0; /* glibc: start anew */
	for (int c = 0; (c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
		if (c == 'c') {
			o.files.v[o.files.n++] = optarg;
		} else if (c == 'k') {
			o.check = true;
		} else if (c == 'v') {
			printf("%s %s\n", name, CAIRN_VERSION);
			return SERVICE_DONE;
		} else {
			fprintf(c == 'h' ? stdout : stderr, usage, name);
			return c == 'h' ? SERVICE_DONE : SERVICE_USAGE;
		}
	}
	if (optind < argc || o.files.n == 0) {
		fprintf(stderr, "%s: %s\n", name, optind < argc ? "there are words too many" : "--config is missing");
		fprintf(stderr, usage, name);
		return SERVICE_USAGE;
	}
	*ret = o;
	return 0;
}
