/* Certificates of a server: they can be read again while it runs, and the peer's certificate is verified here rather than
 * by libmicrohttpd, whose trust list is fixed at its start. */
#ifndef CAIRN_HTTP_TLS_H
#define CAIRN_HTTP_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "lib/base/ctx.h"

#define TLS_NAME_SIZE 65

struct tls;

/* client_ca_file NULL: no client certificates. FAIL: SERVER_INTERNAL with the cause. */
int tls_new(struct ctx *c, const char *cert_file, const char *key_file, const char *client_ca_file,
    struct tls **ret) MUST_CHECK;
/* No session may use it any more. */
void tls_free(struct tls *t);

/* Reads the files again; when that fails all stays as it was. Safe from any thread. */
int tls_reload(struct ctx *c, struct tls *t) MUST_CHECK;

/* Counts reloads; a peer that was verified before has to be verified again. */
unsigned tls_generation(struct tls *t);

/* What a handshake presents. It stays valid for longer than a handshake may last. */
void tls_present(struct tls *t, gnutls_pcert_st **ret_certs, unsigned *ret_n, gnutls_privkey_t *ret_key);

/* The text of the client CA as it was at the start, for the list of names that a handshake sends; NULL: none. */
const char *tls_client_ca(const struct tls *t);

/* Verifies the peer's chain for the purpose clientAuth and gives its first dNSName, else its common name. FAIL:
 * NOT_PERMITTED with the cause. */
int tls_verify_peer(struct ctx *c, struct tls *t, gnutls_session_t session, char ret_name[TLS_NAME_SIZE]) MUST_CHECK;

#endif
