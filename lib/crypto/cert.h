/* Certificates: the exact TBSCertificate of closed profiles, assembling, reading what the CA has to know of one, PEM.
 */
#ifndef CAIRN_CRYPTO_CERT_H
#define CAIRN_CRYPTO_CERT_H

#include <openssl/types.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/key.h"

/* A closed list (D-1): each kind has its extensions, in this order.
 *   ROOT            KU keyCertSign cRLSign, BC CA, SKI, AKI of itself                                    (D-20..D-22)
 *   INTERMEDIATE    KU keyCertSign cRLSign digitalSignature, EKU serverAuth, BC CA pathLen 0, SKI, AKI, AIA, CP, CDP
 *                                                                                                        (D-25..D-27)
 *   CROSS           the same without a pathLen: name, key and SKI of a CA that has another certificate too      (D-30)
 *   LEAF            KU, EKU serverAuth, BC empty, [SKI], AKI, AIA, SAN, CP, [CDP], [SCT list]            (D-35..D-49)
 *   PRECERTIFICATE  as LEAF, with the poison where the SCT list will be                                  (D-52..D-56)
 *   OCSP            KU digitalSignature, EKU OCSPSigning, BC empty, SKI, AKI, no-check                          (D-60)
 *   RPC_CA          as ROOT with pathLen 0 and without AKI: the private authority behind the RPC
 *   RPC             KU digitalSignature, EKU serverAuth clientAuth, BC empty, AKI, SAN
 *   SITE            the same with serverAuth only: TLS of the API in a private setup */
enum cert_kind {
	CERT_ROOT,
	CERT_INTERMEDIATE,
	CERT_CROSS,
	CERT_LEAF,
	CERT_PRECERTIFICATE,
	CERT_OCSP,
	CERT_RPC_CA,
	CERT_RPC,
	CERT_SITE,
};

/* A distinguished name of C, O and CN in this order (D-5); NULL members are left out. */
struct cert_name {
	const char *country; /* two letters */
	const char *organization;
	const char *common_name;
};

struct cert_template {
	enum cert_kind kind;
	struct bytes serial;        /* unsigned, at most 20 octets, below 2^159 (D-3) */
	enum sigalg sigalg;         /* of the issuer's key */
	struct bytes issuer_name;   /* DER, the octets of the issuer's subject (D-4); empty: self-issued */
	struct bytes issuer_key_id; /* the octets of the issuer's SKI; empty: self-issued */
	struct timestamp not_before;
	struct timestamp not_after;    /* this second is inside (D-9) */
	struct cert_name subject;      /* for a LEAF nothing or a common name that is one of its names */
	struct bytes subject_name;     /* CROSS: DER of the name as the other certificate has it, in place of subject */
	struct bytes subject_key_id;   /* CROSS: the octets of the other certificate's SKI (D-14) */
	struct text_list dns_names;    /* in the order of the SAN, lower-case A-labels */
	struct text_list ip_addresses; /* text; behind the DNS names */
	struct bytes spki;             /* DER */
	const char *crl_url;           /* or NULL: no CDP */
	const char *aia_url;           /* of the issuer's certificate in DER, or NULL */
	const char *ocsp_url;          /* or NULL */
	struct bytes sct_list;         /* LEAF: SignedCertificateTimestampList as in TLS, or empty (D-47) */
	bool with_subject_key_id;      /* LEAF: D-46 */
	bool with_key_encipherment;    /* LEAF with an RSA key: D-41 */
};

/* The DER of the TBSCertificate. SERVER_INTERNAL when the template is not one of its kind. */
int cert_build_tbs(struct ctx *c, const struct cert_template *t, struct bytes *ret_tbs) MUST_CHECK;

/* SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING }: a certificate or a CRL. */
struct bytes cert_assemble(struct arena *a, struct bytes tbs, enum sigalg alg, struct bytes signature);

/* Signs a TBSCertificate or TBSCertList; SERVER_INTERNAL when the algorithm inside is not the one of the key. */
int cert_sign(struct ctx *c, EVP_PKEY *key, struct bytes tbs, struct bytes *ret_der) MUST_CHECK;

/* DER of a name (D-5). SERVER_INTERNAL for text that is too long or not UTF-8. */
int cert_name_encode(struct ctx *c, const struct cert_name *name, struct bytes *ret_der) MUST_CHECK;

/* A fresh serial: the octet `prefix` (1..127) and 136 random bits, 18 octets (D-3). */
#define CERT_SERIAL_SIZE 18
void cert_serial_new(uint8_t prefix, uint8_t ret_serial[CERT_SERIAL_SIZE]);

/* What can be read from a certificate; slices of its DER. */
struct cert_info {
	struct bytes der;
	struct bytes tbs;
	struct bytes signature;
	enum sigalg sigalg;
	struct bytes serial;           /* content octets of the INTEGER */
	struct bytes issuer;           /* DER name */
	struct bytes subject;          /* DER name */
	struct bytes spki;             /* DER */
	struct bytes subject_key_id;   /* keyIdentifier, or empty */
	struct bytes authority_key_id; /* keyIdentifier, or empty */
	struct bytes sct_list;         /* SignedCertificateTimestampList, or empty */
	struct timestamp not_before;
	struct timestamp not_after;
	const char *crl_url;  /* of the CDP, or NULL */
	const char *aia_url;  /* caIssuers, or NULL */
	const char *ocsp_url; /* or NULL */
	struct text_list dns_names;
	struct text_list ip_addresses;
	bool is_ca;
	int path_len; /* of a CA; -1: as many as you like */
};

/* MALFORMED unless it is one whole X.509 v3 certificate in exact DER with algorithms of sigalg_der. */
int cert_parse(struct ctx *c, struct bytes der, struct cert_info *ret) MUST_CHECK;

/* SERVER_INTERNAL unless issuer_key signed it. */
int cert_verify_signature(struct ctx *c, const struct cert_info *cert, EVP_PKEY *issuer_key) MUST_CHECK;

/* Strict PEM: 64 columns, \n, CERTIFICATE blocks only. */
struct bytes cert_to_pem(struct arena *a, struct bytes der);
struct bytes cert_chain_to_pem(struct arena *a, const struct bytes_list *chain);

/* All CERTIFICATE blocks of a PEM text, at most 16. MALFORMED for none, broken ones, or other blocks. */
int cert_chain_of_pem(struct ctx *c, struct bytes pem, struct bytes_list *ret_chain) MUST_CHECK;

/* A PEM or DER file of at most 1 MiB: its certificates in DER. SERVER_INTERNAL when it can't be read. */
int cert_read_file(struct ctx *c, const char *path, struct bytes_list *ret_chain) MUST_CHECK;

/* SHA-256 of the DER as lower-case hex; with colons in upper case for people. */
const char *cert_fingerprint(struct arena *a, struct bytes der);
const char *cert_fingerprint_colons(struct arena *a, struct bytes der);

/* Lower-case hex of the content octets of the serial, as it stands in URLs, logs and the database's views. */
const char *cert_serial_hex(struct arena *a, struct bytes serial);

#endif
