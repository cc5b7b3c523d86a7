/* What token.c and token_key.c share. */
#ifndef CAIRN_CRYPTO_TOKEN_INTERNAL_H
#define CAIRN_CRYPTO_TOKEN_INTERNAL_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include "lib/crypto/token.h"

#define TOKEN_WHERE_MAX 512
#define TOKEN_KEYS_MAX 64

struct token {
	PKCS11_CTX *p11;
	PKCS11_SLOT *slots;
	unsigned n_slots;
	PKCS11_SLOT *slot; /* the one with the token */
	CK_FUNCTION_LIST *functions;
	CK_SESSION_HANDLE session;                /* beside those of libp11; the login counts for all */
	EVP_PKEY *keys[TOKEN_KEYS_MAX];           /* that were given out, each once */
	CK_OBJECT_HANDLE handles[TOKEN_KEYS_MAX]; /* of these; 0: destroyed */
	size_t n_keys;
	char where[TOKEN_WHERE_MAX];
};

/* What PKCS#11 calls this code: "CKR 0xa0, PIN incorrect". */
const char *token_code_text(struct arena *a, unsigned long code);

#endif
