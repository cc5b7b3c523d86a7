/* A tls-alpn-01 responder on loopback that behaves, or not, by the first label of the name that it is asked for (SNI). */
#ifndef CAIRN_TESTS_ALPN_RESPONDER_H
#define CAIRN_TESTS_ALPN_RESPONDER_H

#include <signal.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"
#include "tests/unit/va_world.h"

#define ALPN_HELD 64

static struct {
	atomic_int fds[2]; /* IPv4, IPv6 */
	uint16_t port;
	EVP_PKEY *key;
	pthread_t thread;
	atomic_bool stop;
	atomic_int asked;
	atomic_int bad;      /* offered or sent what a validation may not */
	int held[ALPN_HELD]; /* connections that are never answered */
	size_t n_held;
} alpn = { .fds = { -1, -1 } };

/* How one connection is answered. */
struct alpn_behaviour {
	const char *label;
	const char *san; /* NULL: the right one */
	const char *raw; /* sent in place of TLS */
	size_t raw_n;
	const char *protocol; /* chosen; "": none, "!": an alert */
	int version;          /* the highest; 0: any */
	size_t fill;          /* octets of an extension that nobody needs */
	bool other_digest;
	const char *groups; /* NULL: any */
};

#define RECORD_HELLO_REQUEST "\x16\x03\x03\x00\x04\x00\x00\x00\x00"

static const struct alpn_behaviour alpn_behaviours[] = {
	{ .label = "pass" },
	{ .label = "pass12", .version = TLS1_2_VERSION },
	{ .label = "none", .protocol = "" },
	{ .label = "h2", .protocol = "h2" },
	{ .label = "alert", .protocol = "!" },
	{ .label = "old", .version = TLS1_1_VERSION },
	{ .label = "ffdhe", .groups = "ffdhe2048" },
	{ .label = "name", .san = "DNS:other.web.example" },
	{ .label = "two", .san = "DNS:two.web.example,DNS:other.web.example" },
	{ .label = "digest", .other_digest = true },
	{ .label = "long", .fill = 20000 },
	{ .label = "longer", .fill = 40000 },
	{ .label = "http", .raw = "HTTP/1.1 400 Bad Request\r\n\r\n", .raw_n = 28 },
	{ .label = "closes", .raw = "", .raw_n = 0 },
	{ .label = "flood", .raw = RECORD_HELLO_REQUEST, .raw_n = sizeof(RECORD_HELLO_REQUEST) - 1 },
};

static const char *alpn_san(const struct alpn_behaviour *b, const char *sni, char *room, size_t n)
{
	if (strcmp(sni, "1.0.0.127.in-addr.arpa") == 0) {
		return "IP:127.0.0.1";
	}
	if (strncmp(sni, "1.0.0.0.0.", 10) == 0 && world_below(sni, "ip6.arpa") && strlen(sni) == 72) {
		return "IP:::1";
	}
	(void) snprintf(room, n, "DNS:%s", sni);
	return b->san != NULL ? b->san : room;
}

static void alpn_add(X509 *cert, const char *oid, const uint8_t *value, size_t n, bool critical)
{
	AUTO(ASN1_OCTET_STRING) octets = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING_set(octets, value, (int) n);
	X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(object);
}

static X509 *alpn_certificate(const struct alpn_behaviour *b, const char *sni)
{
	char room[300];
	uint8_t digest[2 + SHA256_SIZE] = { 4, SHA256_SIZE };
	X509 *cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 100);
	X509_set_pubkey(cert, alpn.key);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *) "challenge", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alpn_san(b, sni, room, sizeof(room)));
	X509_add_ext(cert, san, -1);
	X509_EXTENSION_free(san);
	sha256_of(bytes_of_text(b->other_digest ? "x" : WORLD_KEY_AUTHORIZATION), digest + 2);
	alpn_add(cert, "1.3.6.1.5.5.7.1.31", digest, sizeof(digest), true);
	if (b->fill > 0) {
		static const uint8_t zeros[65536];
		alpn_add(cert, "1.2.3", zeros, b->fill, false);
	}
	X509_sign(cert, alpn.key, EVP_sha256());
	return cert;
}

/* B-1: this protocol and no other is offered. */
static int alpn_choose(
    SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offered, unsigned n, void *arg)
{
	const struct alpn_behaviour *b = arg;
	const char *chosen = b->protocol == NULL ? "acme-tls/1" : b->protocol;
	(void) ssl;
	if (n != 11 || memcmp(offered,
	                   "\x0a"
	                   "acme-tls/1",
	                   11) != 0) {
		atomic_fetch_add(&alpn.bad, 1);
	}
	if (chosen[0] == '\0') {
		return SSL_TLSEXT_ERR_NOACK;
	}
	*ret = (const unsigned char *) chosen;
	*ret_n = (unsigned char) strlen(chosen);
	return chosen[0] == '!' ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_OK;
}

static int alpn_name(SSL *ssl, int *alert, void *arg)
{
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void) alert;
	X509 *cert = alpn_certificate(arg, sni == NULL ? "no.sni" : sni);
	SSL_use_certificate(ssl, cert);
	SSL_use_PrivateKey(ssl, alpn.key);
	X509_free(cert);
	return SSL_TLSEXT_ERR_OK;
}

static void alpn_handshake(int fd, const struct alpn_behaviour *b)
{
	char data[16];
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(tls, 0);
	SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls, b->version);
	SSL_CTX_set_alpn_select_cb(tls, alpn_choose, (void *) (uintptr_t) b);
	SSL_CTX_set_tlsext_servername_callback(tls, alpn_name);
	SSL_CTX_set_tlsext_servername_arg(tls, (void *) (uintptr_t) b);
	SSL *ssl = SSL_new(tls);
	if (b->groups != NULL) {
		SSL_ctrl(ssl, SSL_CTRL_SET_GROUPS_LIST, 0, (void *) (uintptr_t) b->groups);
	}
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, data, sizeof(data)) > 0) {
		atomic_fetch_add(&alpn.bad, 1); /* B-6 */
	}
	SSL_free(ssl);
	SSL_CTX_free(tls);
}

static const struct alpn_behaviour *alpn_find(const char *hello, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(alpn_behaviours); i++) {
		char label[32];
		(void) snprintf(label, sizeof(label), "%s.", alpn_behaviours[i].label);
		const char *at = memmem(hello, n, label, strlen(label));
		if (at != NULL && at > hello && (uint8_t) at[-1] < ' ') { /* behind the length of the name */
			return &alpn_behaviours[i];
		}
	}
	return &alpn_behaviours[0];
}

static void *alpn_connection(void *arg)
{
	int fd = (int) (intptr_t) arg;
	char hello[4096];
	ssize_t n = recv(fd, hello, sizeof(hello), MSG_PEEK);
	const struct alpn_behaviour *b = alpn_find(hello, n > 0 ? (size_t) n : 0);
	atomic_fetch_add(&alpn.asked, 1);
	if (b->raw == NULL) {
		alpn_handshake(fd, b);
	} else {
		bool more = strcmp(b->label, "flood") == 0;
		(void) recv(fd, hello, sizeof(hello), 0);
		while (send(fd, b->raw, b->raw_n, MSG_NOSIGNAL) == (ssize_t) b->raw_n && more) {
		}
	}
	close(fd);
	return NULL;
}

/* "silent" costs no thread. */
static bool alpn_hold(int fd)
{
	char hello[4096];
	ssize_t n = recv(fd, hello, sizeof(hello), MSG_PEEK);
	if (n <= 0 || memmem(hello, (size_t) n, "silent.", 7) == NULL || alpn.n_held == ALPN_HELD) {
		return false;
	}
	alpn.held[alpn.n_held++] = fd;
	return true;
}

static void *alpn_run(void *arg)
{
	(void) arg;
	while (!atomic_load(&alpn.stop)) {
		struct pollfd wait[2] = { { alpn.fds[0], POLLIN, 0 }, { alpn.fds[1], POLLIN, 0 } };
		if (poll(wait, 2, 50) <= 0) {
			continue;
		}
		for (int i = 0; i < 2; i++) {
			int fd = wait[i].revents != 0 ? accept4(alpn.fds[i], NULL, NULL, SOCK_CLOEXEC) : -1;
			pthread_t thread;
			if (fd >= 0 && !alpn_hold(fd) &&
			    pthread_create(&thread, NULL, alpn_connection, (void *) (intptr_t) fd) == 0) {
				pthread_detach(thread);
			}
		}
	}
	return NULL;
}

static void alpn_open(void)
{
	signal(SIGPIPE, SIG_IGN); /* a validation leaves before the session tickets come */
	alpn.key = EVP_EC_gen("P-256");
	alpn.fds[0] = world_bind(SOCK_STREAM, "127.0.0.1", &alpn.port);
	if (alpn.key == NULL || pthread_create(&alpn.thread, NULL, alpn_run, NULL) != 0) {
		die("no responder");
	}
}

static void alpn_close(void)
{
	atomic_store(&alpn.stop, true);
	pthread_join(alpn.thread, NULL);
	for (size_t i = 0; i < alpn.n_held; i++) {
		close(alpn.held[i]);
	}
	usleep(200000); /* the threads of connections end */
	for (size_t i = 0; i < 2; i++) {
		if (alpn.fds[i] >= 0) {
			close(alpn.fds[i]);
		}
	}
	EVP_PKEY_free(alpn.key);
}

#endif
