/* What token.c and token_key.c share. */
#ifndef CAIRN_CRYPTO_TOKEN_INTERNAL_H
#define CAIRN_CRYPTO_TOKEN_INTERNAL_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include "lib/crypto/token.h"

#define TOKEN_WHERE_MAX 512

/* A key that was given out: no other one may have its place as long as somebody may hold it. */
struct token_given {
	EVP_PKEY *key;
	CK_OBJECT_HANDLE handle; /* CK_INVALID_HANDLE: destroyed */
};

struct token {
	PKCS11_CTX *p11;
	PKCS11_SLOT *slots;
	unsigned n_slots;
	PKCS11_SLOT *slot; /* the one with the token */
	CK_FUNCTION_LIST *functions;
	CK_SESSION_HANDLE session; /* beside those of libp11; the login counts for all */
	struct token_given *given; /* each once */
	size_t n_given;
	char where[TOKEN_WHERE_MAX];
};

/* What PKCS#11 calls this code: "CKR 0xa0, PIN incorrect". */
const char *token_code_text(struct arena *a, unsigned long code);

#endif
