/* `cairn config check|show|help`: what the configuration says and what may stand in it. */
#ifndef CAIRN_CLI_CONFIG_H
#define CAIRN_CLI_CONFIG_H

#include "lib/base/config.h"

/* The effective configuration with every default and without secrets, as one line of JSON or as YAML. */
struct bytes config_shown(struct arena *a, const struct config *config, bool json);

/* One key of the configuration. */
struct config_key {
	const char *key; /* "policy.profiles[].life" */
	const char *type;
	const char *def; /* NULL: none */
	bool required;
	const char *help;
};

struct config_key_list {
	struct config_key *v;
	size_t n;
};

/* All keys, or those that start with the prefix ("va", "ca.issuers"). */
struct config_key_list config_keys(struct arena *a, const char *prefix);

/* The subcommand. */
int cli_config(int argc, char **argv);

#endif
