/* A certificate authority for tests, made at run time in a temporary directory. */
#ifndef CAIRN_TESTS_PKI_H
#define CAIRN_TESTS_PKI_H

#include <dirent.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pki {
	char dir[64];
	EVP_PKEY *ca_key;
	X509 *ca;
	long serial;
};

#define PKI_MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s\n", #what); \
			abort(); \
		} \
	} while (0)

/* Path of a file in the directory: "cairn-ra.pem". The text is static, one of 16. */
static inline const char *pki_path(const struct pki *pki, const char *name, const char *suffix)
{
	static _Thread_local char text[16][PATH_MAX];
	static _Thread_local unsigned turn;
	char *at = text[turn++ % 16];
	snprintf(at, PATH_MAX, "%s/%s%s", pki->dir, name, suffix);
	return at;
}

static inline void pki_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	PKI_MUST(e != NULL && X509_add_ext(cert, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static inline X509 *pki_cert(struct pki *pki, EVP_PKEY *key, const char *name, X509 *issuer)
{
	X509 *cert = X509_new();
	PKI_MUST(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++pki->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer));
	PKI_MUST(X509_set_pubkey(cert, key) == 1);
	return cert;
}

static inline void pki_write(const struct pki *pki, const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(pki_path(pki, name, ".pem"), "w");
	PKI_MUST(f != NULL && PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
	f = fopen(pki_path(pki, name, ".key"), "w");
	PKI_MUST(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0);
}

/* dir/ca.pem and the CA in memory. */
static inline void pki_init(struct pki *pki)
{
	*pki = (struct pki) { .dir = "/tmp/cairn-pki-XXXXXX" };
	PKI_MUST(mkdtemp(pki->dir) != NULL);
	pki->ca_key = EVP_EC_gen("P-256");
	PKI_MUST(pki->ca_key != NULL);
	pki->ca = pki_cert(pki, pki->ca_key, "internal test CA", NULL);
	pki_extend(pki->ca, pki->ca, NID_basic_constraints, "critical,CA:TRUE");
	pki_extend(pki->ca, pki->ca, NID_key_usage, "critical,keyCertSign,cRLSign");
	PKI_MUST(X509_sign(pki->ca, pki->ca_key, EVP_sha256()) > 0);
	pki_write(pki, "ca", pki->ca, pki->ca_key);
}

/* dir/FILE.pem and dir/FILE.key for NAME; usage: "serverAuth,clientAuth". */
static inline void pki_leaf(struct pki *pki, const char *file, const char *name, const char *usage)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	PKI_MUST(key != NULL);
	X509 *cert = pki_cert(pki, key, name, pki->ca);
	char san[128];
	snprintf(san, sizeof(san), "DNS:%s", name);
	pki_extend(cert, pki->ca, NID_basic_constraints, "critical,CA:FALSE");
	pki_extend(cert, pki->ca, NID_subject_alt_name, san);
	pki_extend(cert, pki->ca, NID_ext_key_usage, usage);
	PKI_MUST(X509_sign(cert, pki->ca_key, EVP_sha256()) > 0);
	pki_write(pki, file, cert, key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline void pki_done(struct pki *pki)
{
	DIR *d = opendir(pki->dir);
	PKI_MUST(d != NULL);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		(void) unlink(pki_path(pki, e->d_name, ""));
	}
	closedir(d);
	PKI_MUST(rmdir(pki->dir) == 0);
	X509_free(pki->ca);
	EVP_PKEY_free(pki->ca_key);
}

#endif
