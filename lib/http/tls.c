#include "lib/http/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/auto.h"
#include "lib/base/die.h"

/* TLS 1.2 with forward secrecy and AEAD, and 1.3. */
#define CIPHERS_1_2 \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:" \
	"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
/* Not const, since OpenSSL's macros cast it away. */
static char groups[] = "X25519:P-256:P-384";
static char signatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

struct tls {
	char *cert_file;
	char *key_file;
	char *client_ca_file;
	pthread_mutex_t lock;
	SSL_CTX *context;
	unsigned generation;
};

AUTO_DEFINE(SSL_CTX, SSL_CTX_free)
AUTO_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)
AUTO_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)

static char *copy_text(const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);
	if (copy == NULL && text != NULL) {
		die("out of memory");
	}
	return copy;
}

static int fail_file(struct ctx *c, const char *what, const char *path)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());
	ctx_cause(c, "%s %s: %s", what, path, why == NULL ? "it can't be read" : why);
	ERR_clear_error();
	return FAIL(c, SERVER_INTERNAL, "The TLS files of a listener can't be used");
}

/* RFC 7301: whoever names protocols gets ours if it is among them; else it will find out. */
static int choose_protocol(
    SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered, unsigned n, void *arg)
{
	static const unsigned char ours[] = { 8, 'h', 't', 't', 'p', '/', '1', '.', '1' };
	(void) ssl;
	(void) arg;
	unsigned char *chosen = NULL;
	if (SSL_select_next_proto(&chosen, ret_n, ours, sizeof(ours), offered, n) != OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_NOACK;
	}
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/* Handshakes let everybody in; tls_verify_peer looks at each peer before its first request, and can tell it why. */
static int let_in(X509_STORE_CTX *x, void *arg)
{
	(void) x;
	(void) arg;
	return 1;
}

static int set_rules(SSL_CTX *x, bool internal)
{
	/* Without sessions and tickets each connection has a key exchange of its own. */
	(void) SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
	(void) SSL_CTX_set_options(x, SSL_OP_NO_TICKET | SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION |
	                                  SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	                                  SSL_OP_PRIORITIZE_CHACHA);
	(void) SSL_CTX_set_mode(
	    x, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(x, 1); /* a record in one system call instead of two */
	SSL_CTX_set_alpn_select_cb(x, choose_protocol, NULL);
	return SSL_CTX_set_num_tickets(x, 0) == 1 &&
	               SSL_CTX_set_min_proto_version(x, internal ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
	               SSL_CTX_set_cipher_list(x, CIPHERS_1_2) == 1 && SSL_CTX_set_ciphersuites(x, CIPHERS_1_3) == 1 &&
	               SSL_CTX_set1_groups_list(x, groups) == 1 && SSL_CTX_set1_sigalgs_list(x, signatures) == 1
	           ? 0
	           : -1;
}

static int demand_certificate(struct ctx *c, SSL_CTX *x, const char *path)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
	if (names == NULL || SSL_CTX_load_verify_file(x, path) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fail_file(c, "client CA", path);
	}
	SSL_CTX_set_client_CA_list(x, names);
	SSL_CTX_set_verify(x, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(x, let_in, NULL);
	return 0;
}

/* A pair that does not belong together would fail in each handshake; better to keep the old one. */
static int read_pair(struct ctx *c, SSL_CTX *x, const struct tls *t)
{
	if (SSL_CTX_use_certificate_chain_file(x, t->cert_file) != 1) {
		return fail_file(c, "certificate", t->cert_file);
	}
	if (SSL_CTX_use_PrivateKey_file(x, t->key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(x) != 1) {
		return fail_file(c, "key", t->key_file);
	}
	return 0;
}

int tls_reload(struct ctx *c, struct tls *t)
{
	ERR_clear_error();
	AUTO(SSL_CTX) fresh = SSL_CTX_new(TLS_server_method());
	if (fresh == NULL || set_rules(fresh, t->client_ca_file != NULL) != 0) {
		return fail_file(c, "the rules of TLS for", t->cert_file);
	}
	TRY(read_pair(c, fresh, t));
	TRY(t->client_ca_file == NULL ? 0 : demand_certificate(c, fresh, t->client_ca_file));
	(void) SSL_CTX_up_ref(fresh);
	pthread_mutex_lock(&t->lock);
	SSL_CTX *old = t->context;
	t->context = fresh;
	t->generation++;
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old); /* gone with the last session that has it */
	return 0;
}

int tls_new(struct ctx *c, const char *cert_file, const char *key_file, const char *client_ca_file, struct tls **ret)
{
	struct tls *t = calloc(1, sizeof(*t));
	if (t == NULL || pthread_mutex_init(&t->lock, NULL) != 0) {
		die("out of memory");
	}
	t->cert_file = copy_text(cert_file);
	t->key_file = copy_text(key_file);
	t->client_ca_file = copy_text(client_ca_file);
	if (tls_reload(c, t) != 0) {
		tls_free(t);
		return -1;
	}
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (t == NULL) {
		return;
	}
	SSL_CTX_free(t->context);
	pthread_mutex_destroy(&t->lock);
	free(t->cert_file);
	free(t->key_file);
	free(t->client_ca_file);
	free(t);
}

unsigned tls_generation(struct tls *t)
{
	pthread_mutex_lock(&t->lock);
	unsigned generation = t->generation;
	pthread_mutex_unlock(&t->lock);
	return generation;
}

SSL *tls_session(struct tls *t, int fd)
{
	pthread_mutex_lock(&t->lock);
	SSL *ssl = SSL_new(t->context);
	pthread_mutex_unlock(&t->lock);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		die("OpenSSL does not make a connection");
	}
	SSL_set_accept_state(ssl);
	return ssl;
}

static bool is_name(const char *text, size_t n)
{
	return n > 0 && n < TLS_NAME_SIZE && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

/* The text of a field of the certificate, if it is a name. */
static bool take_name(const ASN1_STRING *from, char ret_name[TLS_NAME_SIZE])
{
	char text[TLS_NAME_SIZE] = { 0 };
	int n = ASN1_STRING_length(from);
	if (n <= 0 || n >= TLS_NAME_SIZE) {
		return false;
	}
	memcpy(text, ASN1_STRING_get0_data(from), (size_t) n);
	if (!is_name(text, (size_t) n)) {
		return false;
	}
	memcpy(ret_name, text, sizeof(text));
	return true;
}

static int peer_name(struct ctx *c, X509 *cert, char ret_name[TLS_NAME_SIZE])
{
	AUTO(GENERAL_NAMES) names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);
		if (one->type == GEN_DNS && take_name(one->d.dNSName, ret_name)) {
			return 0;
		}
	}
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 || !take_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), ret_name)) {
		ctx_cause(c, "the client certificate has no usable name");
		return FAIL(c, NOT_PERMITTED, "The client certificate is not accepted");
	}
	return 0;
}

/* The context of now, which may be another than the session's. */
static SSL_CTX *borrow_context(struct tls *t)
{
	pthread_mutex_lock(&t->lock);
	SSL_CTX *context = t->context;
	(void) SSL_CTX_up_ref(context);
	pthread_mutex_unlock(&t->lock);
	return context;
}

static int verify_chain(struct ctx *c, struct tls *t, X509 *cert, STACK_OF(X509) * chain)
{
	AUTO(SSL_CTX) context = borrow_context(t);
	AUTO(X509_STORE_CTX) x = X509_STORE_CTX_new();
	if (x == NULL || X509_STORE_CTX_init(x, SSL_CTX_get_cert_store(context), cert, chain) != 1 ||
	    X509_STORE_CTX_set_purpose(x, X509_PURPOSE_SSL_CLIENT) != 1) {
		die("OpenSSL does not verify a certificate");
	}
	X509_STORE_CTX_set_flags(x, X509_V_FLAG_PARTIAL_CHAIN); /* what is in the file is trusted */
	if (X509_verify_cert(x) != 1) {
		ctx_cause(c, "%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(x)));
		ERR_clear_error();
		return FAIL(c, NOT_PERMITTED, "The client certificate is not accepted");
	}
	return 0;
}

int tls_verify_peer(struct ctx *c, struct tls *t, SSL *session, char ret_name[TLS_NAME_SIZE])
{
	X509 *cert = SSL_get0_peer_certificate(session);
	if (cert == NULL) {
		return FAIL(c, NOT_PERMITTED, "A client certificate is required");
	}
	TRY(verify_chain(c, t, cert, SSL_get_peer_cert_chain(session)));
	return peer_name(c, cert, ret_name);
}
