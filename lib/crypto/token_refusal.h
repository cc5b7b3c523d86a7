/* That a token refused a PIN, kept in a file over restarts: one that every start gave again would lock the token. What is kept is a
 * salted, slow digest of that PIN for that token, so that another PIN in its place is tried. */
#ifndef CAIRN_CRYPTO_TOKEN_REFUSAL_H
#define CAIRN_CRYPTO_TOKEN_REFUSAL_H

#include "lib/base/config.h"
#include "lib/crypto/secret.h"

struct token_refusal {
	int fd; /* -1: nothing is kept */
	const struct config_token *config;
};

/* ca.token.refused_file, or pin_file with ".refused" behind it; NULL: the PIN is asked for, and nothing is kept. */
const char *token_refusal_path(struct arena *a, const struct config_token *config);

/* Opens that file, which can be read and written from then on inside of a sandbox. create: makes it when it is absent, else absent is
 * the same as empty. SERVER_INTERNAL when it can't be opened: then nothing is to be tried. */
int token_refusal_open(
    struct ctx *c, const struct config_token *config, bool create, struct token_refusal *ret) MUST_CHECK;

/* Whether it is this PIN that was refused. */
bool token_refusal_is(const struct token_refusal *r, const struct secret *pin);

/* On disk when it returns. */
int token_refusal_note(struct ctx *c, const struct token_refusal *r, const struct secret *pin) MUST_CHECK;

/* The token took a PIN, or a person says that it will. */
int token_refusal_forget(struct ctx *c, const struct token_refusal *r) MUST_CHECK;

void token_refusal_close(struct token_refusal *r);

#endif
