/* Keys in a ceremony: made, read, and destroyed. */
#ifndef CAIRN_CLI_CEREMONY_KEY_H
#define CAIRN_CLI_CEREMONY_KEY_H

#include <openssl/types.h>

#include "cli/ceremony_record.h"

struct ceremony_key {
	EVP_PKEY *key; /* NULL: only the public half is here */
	struct bytes spki;
};

/* The key that the certificate of step i is for: a new one, an earlier step's, or one made elsewhere. */
int ceremony_key_of(struct ctx *c, const struct ceremony *plan, size_t i, struct ceremony_key *ret) MUST_CHECK;

/* The private key of a step that has one: in its file, or in the plan's token. */
int ceremony_key_read(
    struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, EVP_PKEY **ret_key) MUST_CHECK;

/* The new key into the step's file, encrypted when the plan has a passphrase; nothing when it is in the token. */
int ceremony_key_write(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step,
    const struct ceremony_key *key) MUST_CHECK;

/* A step that makes a key and nothing else. */
int ceremony_key_make(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step) MUST_CHECK;

/* Overwrites and removes the key in the step's file, or ends the one in the token. MALFORMED unless it is the one that the plan means. */
int ceremony_key_destroy(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step) MUST_CHECK;

#endif
