/* Certificates of a server: they can be read again while it runs, and the peer's certificate is verified at its requests, so
 * that another client CA counts for connections that are kept. */
#ifndef CAIRN_HTTP_TLS_H
#define CAIRN_HTTP_TLS_H

#include <openssl/ssl.h>

#include "lib/base/ctx.h"

#define TLS_NAME_SIZE 65

struct tls;

/* client_ca_file NULL: no client certificates, TLS 1.2 and 1.3; else 1.3 only. FAIL: SERVER_INTERNAL with the cause. */
int tls_new(struct ctx *c, const char *cert_file, const char *key_file, const char *client_ca_file,
    struct tls **ret) MUST_CHECK;
/* Sessions may live longer. */
void tls_free(struct tls *t);

/* Reads the files again; when that fails all stays as it was. Safe from any thread. */
int tls_reload(struct ctx *c, struct tls *t) MUST_CHECK;

/* Counts reloads; a peer that was verified before has to be verified again. */
unsigned tls_generation(struct tls *t);

/* The server's end of a connection, with the certificate as it is now; SSL_free it. */
SSL *tls_session(struct tls *t, int fd);

/* Verifies the peer's chain for the purpose clientAuth and gives its first dNSName, else its common name. FAIL:
 * NOT_PERMITTED with the cause. */
int tls_verify_peer(struct ctx *c, struct tls *t, SSL *session, char ret_name[TLS_NAME_SIZE]) MUST_CHECK;

#endif
