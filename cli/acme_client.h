/* A client of one ACME account, for what its holder does by the command: requests by its key, one at a time. */
#ifndef CAIRN_CLI_ACME_CLIENT_H
#define CAIRN_CLI_ACME_CLIENT_H

#include "cli/account_key.h"
#include "cli/bench_http.h"

struct acme_client {
	struct account_key_file key;
	struct bench_http *http;
	struct bench_halt halt;
	const json_t *directory;
	const char *kid;   /* URL of the account; NULL: not known yet */
	const char *nonce; /* NULL: none */
};

/* Fetches the directory. ca_file NULL: the system's authorities count. acme_client_close also after a failure. */
int acme_client_open(struct ctx *c, const char *directory, const char *ca_file, struct acme_client *a) MUST_CHECK;
void acme_client_close(struct acme_client *a);

/* The URL of a resource, by its name in the directory. NOT_FOUND when the CA does not offer it. */
int acme_client_url(struct ctx *c, const struct acme_client *a, const char *name, const char **ret) MUST_CHECK;

/* Asks which account has the key. */
int acme_client_find_account(struct ctx *c, struct acme_client *a) MUST_CHECK;

/* A signed POST; payload "": POST-as-GET. Takes a fresh nonce as often as RFC 8555 6.5 says. The answer's JSON in the arena of c; FAIL with
 * the problem's own sentence for every other status than 2xx. */
int acme_client_post(
    struct ctx *c, struct acme_client *a, const char *url, const char *payload, const json_t **ret) MUST_CHECK;

#endif
