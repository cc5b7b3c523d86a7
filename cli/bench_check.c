#include "cli/bench_check.h"

#include <stdlib.h>
#include <string.h>

#include "cli/bench_leaf.h"
#include "lib/base/base64.h"
#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

#define BEGIN_LINE "-----BEGIN CERTIFICATE-----"
#define END_LINE "-----END CERTIFICATE-----"
#define PEM_MAX ((size_t) 256 * 1024)
#define GENERAL_NAME_DNS 2

void bench_issuers_done(struct bench_issuers *i)
{
	X509_free(i->first);
	free(i->pem);
	*i = (struct bench_issuers) { 0 };
}

static const uint8_t *find(struct bytes in, const char *text)
{
	return in.n == 0 ? NULL : memmem(in.p, in.n, text, strlen(text));
}

/* DER of the first certificate in *rest, which moves behind it. */
static int next_der(struct arena *a, struct bytes *rest, struct bytes *ret)
{
	const uint8_t *begin = find(*rest, BEGIN_LINE);
	const uint8_t *end = find(*rest, END_LINE);
	if (begin == NULL || end == NULL || end < begin) {
		return -1;
	}
	char *text = arena_alloc(a, (size_t) (end - begin));
	size_t n = 0;
	for (const uint8_t *p = begin + strlen(BEGIN_LINE); p < end; p++) {
		if (*p != '\n' && *p != '\r') {
			text[n++] = (char) *p;
		}
	}
	const uint8_t *behind = end + strlen(END_LINE);
	*rest = (struct bytes) { behind, rest->n - (size_t) (behind - rest->p) };
	return base64_decode(a, (struct bytes) { (const uint8_t *) text, n }, ret);
}

static X509 *parse_whole(struct bytes der)
{
	const uint8_t *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long) der.n);
	ERR_clear_error();
	if (cert != NULL && p != der.p + der.n) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* Parses what stands behind the leaf, unless it is what stood there the last time. */
static const char *read_issuers(struct arena *a, struct bench_issuers *i, struct bytes rest)
{
	if (i->first != NULL && i->n == rest.n && memcmp(i->pem, rest.p, rest.n) == 0) {
		return NULL;
	}
	AUTO(X509) first = NULL;
	for (struct bytes at = rest; find(at, BEGIN_LINE) != NULL;) {
		struct bytes der;
		AUTO(X509) cert = next_der(a, &at, &der) == 0 ? parse_whole(der) : NULL;
		if (cert == NULL) {
			return "an issuer of the chain can't be parsed";
		}
		if (first == NULL) {
			first = cert;
			cert = NULL;
		}
	}
	if (first == NULL) {
		return "there is no issuer behind the certificate";
	}
	X509_free(i->first);
	free(i->pem);
	i->first = first;
	first = NULL;
	i->n = rest.n;
	i->pem = malloc(rest.n);
	if (i->pem == NULL) {
		die("out of memory");
	}
	memcpy(i->pem, rest.p, rest.n);
	return NULL;
}

static bool has_name(struct bytes san, const char *wanted)
{
	int tag = 0;
	struct bytes name;
	while (bench_leaf_next_name(&san, &tag, &name) == 0) {
		if (tag == GENERAL_NAME_DNS && bytes_equal_text(name, wanted)) {
			return true;
		}
	}
	return false;
}

static const char *check_names(struct bytes san, const struct text_list *wanted)
{
	size_t n = 0;
	int tag = 0;
	struct bytes name;
	for (struct bytes rest = san; bench_leaf_next_name(&rest, &tag, &name) == 0;) {
		n++;
	}
	for (size_t i = 0; i < wanted->n; i++) {
		if (!has_name(san, wanted->v[i])) {
			return "an ordered name is not in the certificate";
		}
	}
	return n == wanted->n ? NULL : "the certificate has more names than the order";
}

static const char *check_issuer(const struct bench_leaf *leaf, X509 *issuer)
{
	uint8_t *name = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(issuer), &name);
	bool same = n > 0 && bytes_equal(leaf->issuer, (struct bytes) { name, (size_t) n });
	OPENSSL_free(name);
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	if (id != NULL && leaf->authority_key_id.n > 0) {
		struct bytes wanted = { ASN1_STRING_get0_data(id), (size_t) ASN1_STRING_length(id) };
		same = same && bytes_equal(leaf->authority_key_id, wanted);
	}
	return same ? NULL : "the second certificate is not the issuer of the first";
}

/* The whole certificate, by OpenSSL: structure, life, signature. */
static const char *check_whole(struct bytes der, X509 *issuer)
{
	AUTO(X509) cert = parse_whole(der);
	if (cert == NULL) {
		return "OpenSSL can't parse the certificate";
	}
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
		return "the certificate has expired";
	}
	bool good = X509_verify(cert, X509_get0_pubkey(issuer)) == 1;
	ERR_clear_error();
	return good ? NULL : "the signature of the certificate does not verify";
}

static const char *check_leaf(
    struct bytes der, const struct bench_leaf *leaf, struct bench_issuers *issuers, const struct bench_item *item)
{
	if (!bytes_equal(leaf->spki, item->spki)) {
		return "the certificate holds another key than the CSR";
	}
	const char *problem = check_names(leaf->san, &item->names);
	problem = problem == NULL ? check_issuer(leaf, issuers->first) : problem;
	if (problem == NULL && issuers->checked++ % BENCH_CHECK_SAMPLE == 0) {
		problem = check_whole(der, issuers->first);
	}
	return problem;
}

int bench_check_chain(struct arena *a, struct bench_issuers *issuers, struct bytes pem, const struct bench_item *item,
    struct bench_certificate *ret, const char **ret_problem)
{
	struct bytes der;
	struct bench_leaf leaf;
	if (pem.n > PEM_MAX || next_der(a, &pem, &der) != 0 || bench_leaf_parse(der, &leaf) != 0) {
		*ret_problem = "the answer is not a PEM chain with a certificate in front";
		return -1;
	}
	const char *problem = read_issuers(a, issuers, pem);
	problem = problem == NULL ? check_leaf(der, &leaf, issuers, item) : problem;
	if (problem != NULL) {
		*ret_problem = problem;
		return -1;
	}
	*ret = (struct bench_certificate) { .der = base64url_encode(a, der) };
	if (leaf.authority_key_id.n > 0) {
		ret->certid =
		    arena_printf(a, "%s.%s", base64url_encode(a, leaf.authority_key_id), base64url_encode(a, leaf.serial));
	}
	return 0;
}
