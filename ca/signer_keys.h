/* The issuing keys inside the signer: in plain or encrypted files, or in a token that may go and come back. */
#ifndef CAIRN_CA_SIGNER_KEYS_H
#define CAIRN_CA_SIGNER_KEYS_H

#include "ca/issuers.h"
#include "lib/crypto/token.h"
#include "lib/crypto/token_refusal.h"

#define SIGNER_WHY_MAX 600

struct signer_keys {
	const struct config *config;
	const struct issuer_list *issuers;
	EVP_PKEY **files;           /* one for each issuer; NULL: in the token */
	struct token_key *in_token; /* the same the other way round */
	bool wants_token;
	struct secret pin;
	struct token_refusal refusal; /* of an unattended PIN */
	struct token *token;          /* NULL: it is away, and `why` says why */
	bool given_up;                /* a person has to act first */
	bool lost;                    /* it was open before */
	bool outdated;                /* only a new process can open it: this one has to end */
	int64_t again_us;             /* no try before */
	uint32_t returns;             /* times that it came back */
	char why[SIGNER_WHY_MAX];
};

/* Reads files and secrets and opens the token, before there is a sandbox. The arena of c owns what it reads. FAIL for what only
 * another configuration helps; a token that is away or refuses its PIN is none. */
int signer_keys_open(
    struct ctx *c, const struct config *config, const struct issuer_list *issuers, struct signer_keys *ret) MUST_CHECK;

/* Signs a to-be-signed object as this issuer. UNAVAILABLE while the token is away: another time it may be done. */
int signer_keys_sign(
    struct ctx *c, struct signer_keys *k, size_t issuer, struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* Looks whether the token still answers, and opens it again if it can. */
void signer_keys_look(struct ctx *c, struct signer_keys *k);

/* A bit for each issuer whose key is at hand. */
uint32_t signer_keys_ready(const struct signer_keys *k);

#endif
