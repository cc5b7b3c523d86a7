/* The issuing certificates of the configuration. Loaded once before the signer is forked; immutable after. */
#ifndef CAIRN_CA_ISSUERS_H
#define CAIRN_CA_ISSUERS_H

#include "lib/base/config.h"
#include "lib/crypto/cert.h"
#include "policy/name_constraints.h"

/* One of an issuer's CRLs, under its number and URL for ever. */
struct crl_shard {
	int64_t shard;
	const char *url;
};

struct crl_shard_list {
	struct crl_shard *v;
	size_t n;
};

struct issuer {
	const struct config_issuer *config;
	struct cert_info info;
	EVP_PKEY *public_key;
	enum key_kind kind;
	const char *chain; /* PEM of this certificate and those above it in its file, without a root */
	struct name_constraints_list constraints; /* of this certificate and those above it (D-31) */
	struct text_list alternates;              /* the same of its other chains */
	struct crl_shard_list shards;             /* that new certificates name; filled in when it is registered */
};

struct issuer_list {
	struct issuer *v;
	size_t n;
	struct bytes_list own_keys; /* SubjectPublicKeyInfo of each certificate in the issuers' files, and of the root */
};

/* Reads the certificates; the arena of c owns all. SERVER_INTERNAL when one is unreadable, no CA, or when a profile of the
 * configuration has no active issuer. */
int issuers_load(struct ctx *c, const struct config *config, struct issuer_list *ret) MUST_CHECK;

/* By name; NULL when there is none. */
const struct issuer *issuer_find(const struct issuer_list *issuers, const char *name);

/* F-8: whether it is a key of this CA: an issuer's, or one above it. */
bool issuers_own(const struct issuer_list *issuers, struct bytes spki);

/* An active issuer for a profile and a subscriber's key, at random among those whose own key is of the same family (D-32), or
 * among all that are active and sign for the profile when there is none. The profile is one of the configuration. */
const struct issuer *issuer_choose(const struct issuer_list *issuers, const char *profile, struct bytes spki);

/* One of its shards at random, for a new certificate (E-25). */
const struct crl_shard *issuer_choose_shard(const struct issuer *issuer);

#endif
