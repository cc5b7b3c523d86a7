/* Keys in a token: a hardware security module, a smart card or SoftHSM, through its PKCS#11 module. libp11 opens it and signs; what
 * libp11 can't do (attributes of keys, key generation on curves) asks the module itself. One token a process, one thread. */
#ifndef CAIRN_CRYPTO_TOKEN_H
#define CAIRN_CRYPTO_TOKEN_H

#include "lib/base/config.h"
#include "lib/crypto/key.h"
#include "lib/crypto/secret.h"

/* What is to be done about a token that can't be used. */
enum token_trouble {
	TOKEN_WRONG,   /* the configuration or the key is: nothing helps but another one */
	TOKEN_AWAY,    /* it is not there or does not answer: it may come back */
	TOKEN_PIN,     /* its PIN is locked, or none is at hand: nothing is tried until a person acts */
	TOKEN_REFUSED, /* the same, as it does not take this PIN: to be kept over restarts (lib/crypto/token_refusal.h) */
};

struct token;

/* The key is the token's, which alone frees it: good until token_close, though of no use once it is destroyed. */
struct token_key {
	EVP_PKEY *key;
	unsigned long handle; /* of the private half */
};

/* Opens the token by its label and serial number, never by the number of its slot, so that one that was restored takes its place (F-15), and
 * logs in once. Unattended, it does not log in
 * when the token reports wrong PINs since the last good one, so that no number of restarts locks it. SERVER_INTERNAL with a sentence
 * that names slot and token; then ret_trouble is set. */
int token_open(struct ctx *c, const struct config_token *config, const struct secret *pin, bool attended,
    struct token **ret, enum token_trouble *ret_trouble) MUST_CHECK;

/* Keys and sessions end; the module stays loaded. */
void token_close(struct token *t);

/* "token \"cairn\" (serial 5c1e..., slot 5) of /usr/lib/softhsm/libsofthsm2.so". */
const char *token_where(const struct token *t);

/* The one private key of this label and id (hex), of which one may be NULL. SERVER_INTERNAL when there is none or more than one, or
 * when it could leave the token; certified: also unless it was made there (F-1). */
int token_key(struct ctx *c, struct token *t, const char *label, const char *id, bool certified,
    struct token_key *ret) MUST_CHECK;

/* The same, whatever it may do: to be ended. */
int token_key_any(struct ctx *c, struct token *t, const char *label, const char *id, struct token_key *ret) MUST_CHECK;

/* How many private keys have this label: what "it is gone" rests on. SERVER_INTERNAL: the token does not say. */
int token_count(struct ctx *c, const struct token *t, const char *label, size_t *ret) MUST_CHECK;

/* Its private keys, a sentence each: label, id, kind. The arena of c owns them. */
int token_list(struct ctx *c, struct token *t, struct text_list *ret) MUST_CHECK;

/* False when the token does not answer for the key any more. */
bool token_answers(const struct token *t, const struct token_key *key);

/* Makes a key of this kind (p256, p384, p521, rsa2048, rsa3072, rsa4096) in the token: it signs, and never leaves. SERVER_INTERNAL
 * when there is one of this label. */
int token_make_key(
    struct ctx *c, struct token *t, const char *kind, const char *label, struct token_key *ret) MUST_CHECK;

/* Ends the key and its public half in the token. SERVER_INTERNAL when the token does not. */
int token_destroy_key(struct ctx *c, struct token *t, const struct token_key *key) MUST_CHECK;

/* Without a login: where the token is and how its PIN stands, a sentence. False when a person has to do something. */
bool token_describe(struct ctx *c, const struct config_token *config, const char **ret_sentence);

#endif
