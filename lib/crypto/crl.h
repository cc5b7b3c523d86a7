/* CRLs of version 2 in the one form of E-20..E-24. */
#ifndef CAIRN_CRYPTO_CRL_H
#define CAIRN_CRYPTO_CRL_H

#include "lib/crypto/cert.h"

struct crl_entry {
	struct bytes serial; /* content octets as in the certificate */
	struct timestamp revoked_at;
	int64_t reason; /* 0: unspecified, no extension (E-11) */
};

struct crl_entries {
	struct crl_entry *v;
	size_t n;
};

struct crl_template {
	enum sigalg sigalg;
	struct bytes issuer_name;   /* DER */
	struct bytes issuer_key_id; /* the issuer's SKI */
	struct timestamp this_update;
	struct timestamp next_update;
	uint64_t number;    /* rises with each CRL of this URL */
	const char *url;    /* octet for octet the one in the CDP of the certificates; NULL: no IDP (a root's full CRL) */
	bool only_ca_certs; /* else onlyContainsUserCerts, when there is an IDP */
	struct crl_entries entries;
};

/* The DER of the TBSCertList; sign it with cert_sign. SERVER_INTERNAL for a reason that E-10 does not allow, an empty
 * serial, or times out of order. */
int crl_build_tbs(struct ctx *c, const struct crl_template *t, struct bytes *ret_tbs) MUST_CHECK;

struct crl_info {
	struct bytes der;
	struct bytes tbs;
	struct bytes signature;
	enum sigalg sigalg;
	struct bytes issuer;
	struct bytes authority_key_id;
	struct timestamp this_update;
	struct timestamp next_update;
	uint64_t number;
	const char *url;   /* of the IDP, or NULL */
	struct bytes list; /* the SEQUENCE of the entries, within tbs; none: empty */
	struct crl_entries entries;
};

/* MALFORMED unless it is one whole CRL in exact DER of the form above. */
int crl_parse(struct ctx *c, struct bytes der, struct crl_info *ret) MUST_CHECK;

/* SERVER_INTERNAL unless issuer_key signed it. */
int crl_verify_signature(struct ctx *c, const struct crl_info *crl, EVP_PKEY *issuer_key) MUST_CHECK;

/* SERVER_INTERNAL unless der holds these very octets of a CRL, signed by issuer_key. What stands in them is not looked at. */
int crl_check_signed(struct ctx *c, struct bytes der, struct bytes tbs, EVP_PKEY *issuer_key) MUST_CHECK;

#endif
