/* `cairn init`: keys, certificates and a commented configuration for a new CA in a folder. */
#ifndef CAIRN_CLI_INIT_H
#define CAIRN_CLI_INIT_H

#include "lib/base/config.h"

struct init_options {
	const char *state;           /* absolute path of the folder */
	const char *database;        /* libpq connection string without user */
	const char *overlay;         /* configuration laid over what is written, or NULL */
	const char *passphrase_file; /* encrypts the keys of the root and of issuers, absolute; NULL: plain files */
	struct text_list made;       /* sentences of what was done; room for INIT_MADE_MAX */
};
#define INIT_MADE_MAX 128

/* Makes what is absent and never replaces a key or the configuration. */
int init_run(struct ctx *c, struct init_options *options) MUST_CHECK;

/* The text of the configuration file for this state; the ports and URLs are those of `shape`. */
const char *init_config_text(struct arena *a, const struct init_options *options, const struct config *shape);

/* "http://localhost:14001": where CRLs and issuers' certificates are served. */
const char *init_http_url(struct arena *a, const struct config *shape);

/* The subcommand. */
int cli_init(int argc, char **argv);

#endif
