#include "lib/http/tls.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/die.h"

#define MAX_CHAIN 8
#define OLD_PAIR_LIFE_US (600 * INT64_C(1000000)) /* far longer than the server lets a handshake last */

/* A certificate chain with its key. Replaced pairs are kept for a while, since a handshake may be using them. */
struct pair {
	gnutls_pcert_st certs[MAX_CHAIN];
	unsigned n;
	gnutls_privkey_t key;
	int64_t replaced_us;
	struct pair *older;
};

struct tls {
	char *cert_file;
	char *key_file;
	char *client_ca_file;
	char *client_ca;
	pthread_mutex_t lock;
	struct pair *pairs; /* the present one first */
	gnutls_x509_trust_list_t trust;
	unsigned generation;
};

static char *copy_text(const char *text)
{
	char *copy = text == NULL ? NULL : strdup(text);
	if (copy == NULL && text != NULL) {
		die("out of memory");
	}
	return copy;
}

static int fail_file(struct ctx *c, const char *what, const char *path, int code)
{
	ctx_cause(c, "%s %s: %s", what, path, gnutls_strerror(code));
	return FAIL(c, SERVER_INTERNAL, "The TLS files of a listener can't be used");
}

static void file_done(gnutls_datum_t *file)
{
	if (file->data != NULL) {
		gnutls_memset(file->data, 0, file->size);
		gnutls_free(file->data);
	}
}

static void pair_free(struct pair *p)
{
	if (p == NULL) {
		return;
	}
	for (unsigned i = 0; i < p->n; i++) {
		gnutls_pcert_deinit(&p->certs[i]);
	}
	gnutls_privkey_deinit(p->key);
	free(p);
}

static int public_key_id(gnutls_privkey_t key, uint8_t *id, size_t *n)
{
	gnutls_pubkey_t public;
	int code = gnutls_pubkey_init(&public);
	if (code < 0) {
		return code;
	}
	code = gnutls_pubkey_import_privkey(public, key, 0, 0);
	if (code == 0) {
		code = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, id, n);
	}
	gnutls_pubkey_deinit(public);
	return code;
}

/* A pair that does not belong together would fail in each handshake; better to keep the old one. */
static int check_pair(struct ctx *c, const struct tls *t, const struct pair *p)
{
	uint8_t of_key[32], of_cert[32];
	size_t n_key = sizeof(of_key), n_cert = sizeof(of_cert);
	int code = public_key_id(p->key, of_key, &n_key);
	if (code == 0) {
		code = gnutls_pubkey_get_key_id(p->certs[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_cert, &n_cert);
	}
	if (code < 0) {
		return fail_file(c, "key", t->key_file, code);
	}
	if (n_key != n_cert || memcmp(of_key, of_cert, n_key) != 0) {
		return fail_file(c, "key", t->key_file, GNUTLS_E_CERTIFICATE_KEY_MISMATCH);
	}
	return 0;
}

static int read_pair(struct ctx *c, const struct tls *t, struct pair *p)
{
	gnutls_datum_t file = { 0 };
	int code = gnutls_load_file(t->cert_file, &file);
	unsigned n = MAX_CHAIN;
	if (code == 0) {
		code = gnutls_pcert_list_import_x509_raw(
		    p->certs, &n, &file, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
	}
	file_done(&file);
	if (code < 0) {
		return fail_file(c, "certificate", t->cert_file, code);
	}
	p->n = n;
	file = (gnutls_datum_t) { 0 };
	code = gnutls_load_file(t->key_file, &file);
	if (code == 0) {
		code = gnutls_privkey_import_x509_raw(p->key, &file, GNUTLS_X509_FMT_PEM, NULL, 0);
	}
	file_done(&file);
	if (code < 0) {
		return fail_file(c, "key", t->key_file, code);
	}
	return check_pair(c, t, p);
}

static int load_pair(struct ctx *c, const struct tls *t, struct pair **ret)
{
	struct pair *p = calloc(1, sizeof(*p));
	if (p == NULL || gnutls_privkey_init(&p->key) != 0) {
		die("out of memory");
	}
	if (read_pair(c, t, p) != 0) {
		pair_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

static int load_trust(struct ctx *c, const struct tls *t, gnutls_x509_trust_list_t *ret)
{
	*ret = NULL;
	if (t->client_ca_file == NULL) {
		return 0;
	}
	gnutls_x509_trust_list_t trust;
	if (gnutls_x509_trust_list_init(&trust, 0) != 0) {
		die("out of memory");
	}
	int n = gnutls_x509_trust_list_add_trust_file(trust, t->client_ca_file, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (n <= 0) {
		gnutls_x509_trust_list_deinit(trust, 1);
		return fail_file(c, "client CA", t->client_ca_file, n == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : n);
	}
	*ret = trust;
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
	gnutls_datum_t ca = { 0 };
	if (tls_reload(c, t) != 0) {
		tls_free(t);
		return -1;
	}
	if (client_ca_file != NULL) {
		int code = gnutls_load_file(client_ca_file, &ca);
		if (code < 0) {
			tls_free(t);
			return fail_file(c, "client CA", client_ca_file, code);
		}
		t->client_ca = strndup((const char *) ca.data, ca.size);
		gnutls_free(ca.data);
	}
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (t == NULL) {
		return;
	}
	while (t->pairs != NULL) {
		struct pair *p = t->pairs;
		t->pairs = p->older;
		pair_free(p);
	}
	if (t->trust != NULL) {
		gnutls_x509_trust_list_deinit(t->trust, 1);
	}
	pthread_mutex_destroy(&t->lock);
	free(t->cert_file);
	free(t->key_file);
	free(t->client_ca_file);
	free(t->client_ca);
	free(t);
}

static void drop_old_pairs(struct tls *t, int64_t now_us)
{
	struct pair **at = &t->pairs->older;
	while (*at != NULL) {
		struct pair *p = *at;
		if (now_us - p->replaced_us < OLD_PAIR_LIFE_US) {
			at = &p->older;
			continue;
		}
		*at = p->older;
		pair_free(p);
	}
}

int tls_reload(struct ctx *c, struct tls *t)
{
	struct pair *fresh;
	gnutls_x509_trust_list_t trust;
	TRY(load_trust(c, t, &trust));
	if (load_pair(c, t, &fresh) != 0) {
		if (trust != NULL) {
			gnutls_x509_trust_list_deinit(trust, 1);
		}
		return -1;
	}
	int64_t now_us = clock_monotonic_us();
	pthread_mutex_lock(&t->lock);
	if (t->pairs != NULL) {
		t->pairs->replaced_us = now_us;
	}
	fresh->older = t->pairs;
	t->pairs = fresh;
	drop_old_pairs(t, now_us);
	gnutls_x509_trust_list_t old = t->trust;
	t->trust = trust;
	t->generation++;
	pthread_mutex_unlock(&t->lock);
	if (old != NULL) {
		gnutls_x509_trust_list_deinit(old, 1);
	}
	return 0;
}

unsigned tls_generation(struct tls *t)
{
	pthread_mutex_lock(&t->lock);
	unsigned generation = t->generation;
	pthread_mutex_unlock(&t->lock);
	return generation;
}

void tls_present(struct tls *t, gnutls_pcert_st **ret_certs, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	pthread_mutex_lock(&t->lock);
	*ret_certs = t->pairs->certs;
	*ret_n = t->pairs->n;
	*ret_key = t->pairs->key;
	pthread_mutex_unlock(&t->lock);
}

const char *tls_client_ca(const struct tls *t)
{
	return t->client_ca;
}

static bool is_name(const char *text, size_t n)
{
	return n > 0 && n < TLS_NAME_SIZE && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static int peer_name(struct ctx *c, gnutls_x509_crt_t cert, char ret_name[TLS_NAME_SIZE])
{
	char text[TLS_NAME_SIZE];
	for (unsigned i = 0; i < 16; i++) {
		size_t n = sizeof(text) - 1;
		memset(text, 0, sizeof(text));
		int type = gnutls_x509_crt_get_subject_alt_name(cert, i, text, &n, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
			break;
		}
		if (type == GNUTLS_SAN_DNSNAME && is_name(text, n)) {
			memcpy(ret_name, text, sizeof(text));
			return 0;
		}
	}
	size_t n = sizeof(text) - 1;
	memset(text, 0, sizeof(text));
	int code = gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &n);
	if (code < 0 || !is_name(text, n)) {
		ctx_cause(c, "the client certificate has no usable name");
		return FAIL(c, NOT_PERMITTED, "The client certificate is not accepted");
	}
	memcpy(ret_name, text, sizeof(text));
	return 0;
}

static int verify_chain(struct ctx *c, struct tls *t, gnutls_x509_crt_t *certs, unsigned n)
{
	char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st want = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) purpose };
	unsigned status = 0;
	pthread_mutex_lock(&t->lock);
	int code = gnutls_x509_trust_list_verify_crt2(t->trust, certs, n, &want, 1, 0, &status, NULL);
	pthread_mutex_unlock(&t->lock);
	if (code < 0 || status != 0) {
		gnutls_datum_t why = { 0 };
		if (code == 0 && gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &why, 0) == 0) {
			ctx_cause(c, "%s", (const char *) why.data);
			gnutls_free(why.data);
		}
		return FAIL(c, NOT_PERMITTED, "The client certificate is not accepted");
	}
	return 0;
}

int tls_verify_peer(struct ctx *c, struct tls *t, gnutls_session_t session, char ret_name[TLS_NAME_SIZE])
{
	unsigned n = 0;
	const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &n);
	if (raw == NULL || n == 0) {
		return FAIL(c, NOT_PERMITTED, "A client certificate is required");
	}
	gnutls_x509_crt_t certs[MAX_CHAIN] = { NULL };
	unsigned have = 0;
	int result = 0;
	for (; have < n && have < MAX_CHAIN && result == 0; have++) {
		if (gnutls_x509_crt_init(&certs[have]) != 0) {
			die("out of memory");
		}
		result = gnutls_x509_crt_import(certs[have], &raw[have], GNUTLS_X509_FMT_DER);
	}
	if (result != 0 || have < n) {
		result = FAIL(c, NOT_PERMITTED, "The client certificate can't be read");
	} else if (verify_chain(c, t, certs, n) != 0 || peer_name(c, certs[0], ret_name) != 0) {
		result = -1;
	}
	for (unsigned i = 0; i < have; i++) {
		gnutls_x509_crt_deinit(certs[i]);
	}
	return result;
}
