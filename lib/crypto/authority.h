/* Making authorities and the certificates that `cairn init` and the ceremony need: a root, intermediates, the internal
 * authority behind the RPC with one certificate for each process, and a certificate for the API's own TLS. */
#ifndef CAIRN_CRYPTO_AUTHORITY_H
#define CAIRN_CRYPTO_AUTHORITY_H

#include "lib/crypto/cert.h"

/* A certificate with its private key; the arena owns all. */
struct authority {
	EVP_PKEY *key;
	struct bytes der;
	struct cert_info info;
};

struct authority_request {
	struct cert_name subject;
	const char *key_kind; /* as in key_generate */
	struct timestamp not_before;
	int64_t days;                  /* notAfter = notBefore + days * 86400 - 1 s (D-9) */
	const char *crl_url;           /* of the issuer's CRL, for an intermediate */
	const char *aia_url;           /* of the issuer's certificate, for an intermediate */
	struct text_list dns_names;    /* RPC and SITE */
	struct text_list ip_addresses; /* RPC and SITE */
};

/* A new key and its certificate of the kind. issuer NULL: self-signed (ROOT, RPC_CA). */
int authority_make(struct ctx *c, enum cert_kind kind, const struct authority_request *request,
    const struct authority *issuer, struct authority *ret) MUST_CHECK;

/* Reads what authority_make gave and was stored: the key and the first certificate of the file. SERVER_INTERNAL unless
 * they belong together. */
int authority_read(struct ctx *c, const char *key_path, const char *cert_path, struct authority *ret) MUST_CHECK;

/* The same with a key that is there already; `where` it is stands in messages. */
int authority_of_key(
    struct ctx *c, EVP_PKEY *key, const char *where, const char *cert_path, struct authority *ret) MUST_CHECK;

/* The internal authority (P-256, 10 years). */
int authority_make_rpc_ca(struct ctx *c, struct authority *ret) MUST_CHECK;

/* A certificate for one process ("cairn-wfe": dNSName and common name), P-256, 1 year. It also carries localhost,
 * 127.0.0.1 and ::1, so that processes on one machine may call each other by address. */
int authority_make_rpc(
    struct ctx *c, const struct authority *ca, const char *process, struct authority *ret) MUST_CHECK;

/* A certificate for the site's TLS, P-256, 1 year: these names and localhost, 127.0.0.1, ::1. */
int authority_make_site(
    struct ctx *c, const struct authority *ca, const struct text_list *dns_names, struct authority *ret) MUST_CHECK;

#endif
