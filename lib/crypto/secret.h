/* PINs and passphrases: in pages that are locked into memory, left out of core dumps, gone in a forked child, and wiped. */
#ifndef CAIRN_CRYPTO_SECRET_H
#define CAIRN_CRYPTO_SECRET_H

#include "lib/base/ctx.h"

#define SECRET_MAX 1023

struct secret {
	char *text; /* with a NUL behind it; NULL: none */
	size_t n;
};

/* Where a secret comes from: a file, or a credential of systemd by its name ($CREDENTIALS_DIRECTORY). Both NULL: nobody says. */
struct secret_source {
	const char *what; /* "the passphrase of ecdsa-1", in messages */
	const char *file;
	const char *credential;
};

/* Opens a small regular file that is closed to others. `what` it is stands in the message. The descriptor, or -1. */
int secret_open(struct ctx *c, const char *what, const char *path) MUST_CHECK;

/* The first line of it. SERVER_INTERNAL when there is none, or more than that. secret_done ends it. */
int secret_read(struct ctx *c, const struct secret_source *source, struct secret *ret) MUST_CHECK;

/* Asks the person at the terminal of the process, without an echo. SERVER_INTERNAL when there is none. */
int secret_ask(struct ctx *c, const char *what, struct secret *ret) MUST_CHECK;

void secret_done(struct secret *s);

#endif
