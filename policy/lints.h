/* The last look at an object before it is signed, and after: the whole object is parsed again, written again from what
 * was read and compared octet for octet, and each row of the tables in lints.c is one refusal with its source. Fails
 * closed (F-30, F-32, F-33, F-35). Pure decisions. */
#ifndef CAIRN_POLICY_LINTS_H
#define CAIRN_POLICY_LINTS_H

#include "lib/crypto/cert.h"
#include "lib/crypto/crl.h"
#include "lib/crypto/ocsp.h"
#include "policy/keys.h"
#include "policy/name_constraints.h"
#include "policy/profiles.h"

/* Octets of a CRL that root programs do not take (E-28): more shards are wanted before. */
#define CRL_LARGE (10 * 1000 * 1000)

struct lint_options {
	enum policy_mode mode;
	struct timestamp now;                 /* of the signing clock */
	const struct cert_info *issuer;       /* NULL: self-signed */
	const struct config_profile *profile; /* LEAF: its bounds; NULL: those of the mode only */
	const struct keys_read *key;          /* a key read before, taken when it is the certificate's; or NULL */
	const struct name_constraints_list *constraints; /* of the issuer and those above it; NULL: none */
	const struct cert_info *crossed;                 /* CROSS: the certificate beside which it stands (D-30) */
	struct bytes precertificate;                     /* LEAF: the TBSCertificate that promised it; empty: none did */
	const char *ocsp_url; /* LEAF: where the issuer's responder is, which it may name; NULL: there is none (E-39) */
};

/* A TBSCertificate that claims to be of this kind. SERVER_INTERNAL; the cause names the row and its source. */
int lint_certificate(struct ctx *c, enum cert_kind kind, struct bytes tbs, const struct lint_options *o) MUST_CHECK;

/* A TBSCertList of this issuer. */
int lint_crl(struct ctx *c, struct bytes tbs, const struct lint_options *o) MUST_CHECK;

/* A ResponseData of this issuer's delegated responder, whose certificate stands beside it. */
int lint_ocsp(
    struct ctx *c, struct bytes tbs, const struct cert_info *responder, const struct lint_options *o) MUST_CHECK;

/* Number of rows, for the start log. */
size_t lint_count(void);

/* Names and sources of all rows in their order, as the first 16 digits of a SHA-256: what the tables are (F-31). */
const char *lint_digest(struct arena *a);

#endif
