/* The policy as it stands: what the configuration and the lists say, read once and never changed. Whoever reads the lists
 * again makes a new one. Pure: the caller reads the files. */
#ifndef CAIRN_POLICY_POLICY_H
#define CAIRN_POLICY_POLICY_H

#include "lib/base/config.h"
#include "lib/base/policy_files.h"
#include "policy/blocklist.h"
#include "policy/challenges.h"
#include "policy/name_constraints.h"
#include "policy/sets.h"
#include "policy/zones.h"

/* Octets of an entry in Debian's lists: the end of a SHA-1, which some give whole. */
#define DEBIAN_DIGEST_SIZE 10
#define DEBIAN_WHOLE_SIZE 20

struct policy {
	bool webpki;
	bool offered[IDENTIFIER_KINDS];
	const psl_ctx_t *psl;
	struct text_list permitted_suffixes;    /* empty: any name; "example.com" permits it and all below */
	struct text_list internal_zones;        /* private mode: names in them need not be public; "." for all */
	struct network_list permitted_networks; /* private mode: addresses in them may be special */
	struct blocklist blocked;
	struct digest_set blocked_keys;       /* SHA-256 of SubjectPublicKeyInfos (E-16, F-24, F-26) */
	struct digest_set debian_keys;        /* as in Debian's lists (F-20) */
	struct digest_set own_keys;           /* SHA-256 of this CA's own SubjectPublicKeyInfos */
	struct name_constraints_list issuers; /* of all who may sign, so that whoever is chosen may (D-32) */
	struct arena *arena;
};

/* Where a policy comes from. */
struct policy_sources {
	const struct config *config;
	struct policy_files files;
	struct bytes_list spkis;   /* of this CA's own keys */
	struct bytes_list issuers; /* DER of the active issuers and what stands above them */
	struct timestamp now;      /* what mode webpki allows depends on the day */
};

/* MALFORMED with "FILE:LINE: reason" or "KEY: reason". The caller frees it. */
int policy_parse(struct ctx *c, const struct policy_sources *from, struct policy **ret) MUST_CHECK;
void policy_free(struct policy *policy);

#endif
