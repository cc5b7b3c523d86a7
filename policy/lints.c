/* The driver: parse, write again, compare, then the rows. */
#include "policy/lints.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"
#include "policy/lints_rows.h"

static const uint8_t no_signature[] = { 0x00 };

int lint_refuse(struct ctx *c, const char *name, const char *source)
{
	return ctx_fault(c, "lint %s (%s)", name, source);
}

size_t lint_count(void)
{
	return cert_lints_n + issuer_lints_n + name_lints_n + public_lints_n + crl_lints_n + crl_entry_lints_n +
	       ocsp_lints_n;
}

#define ADD_ROWS(b, rows) \
	for (size_t i = 0; i < rows##_n; i++) { \
		buffer_printf((b), "%s %s\n", rows[i].name, rows[i].source); \
	}

const char *lint_digest(struct arena *a)
{
	struct buffer b;
	uint8_t digest[SHA256_SIZE];
	buffer_init(&b, a, 16384);
	ADD_ROWS(&b, cert_lints)
	ADD_ROWS(&b, issuer_lints)
	ADD_ROWS(&b, name_lints)
	ADD_ROWS(&b, public_lints)
	ADD_ROWS(&b, crl_lints)
	ADD_ROWS(&b, crl_entry_lints)
	ADD_ROWS(&b, ocsp_lints)
	sha256_of(buffer_bytes(&b), digest);
	return hex_encode(a, (struct bytes) { digest, 8 });
}

/* The algorithm comes from inside, so that the unsigned object becomes one that readers take. */
enum sigalg lint_sigalg(const struct lint_options *o, struct bytes own_spki)
{
	static const enum sigalg by_kind[] = {
		[KEY_OTHER] = SIGALG_NONE,
		[KEY_RSA] = SIGALG_RSA_SHA256,
		[KEY_P256] = SIGALG_ECDSA_SHA256,
		[KEY_P384] = SIGALG_ECDSA_SHA384,
		[KEY_P521] = SIGALG_ECDSA_SHA512,
		[KEY_ED25519] = SIGALG_NONE,
	};
	return by_kind[key_kind_of_spki(o->issuer == NULL ? own_spki : o->issuer->spki)];
}

/* cert_parse wants the same algorithm inside and outside, so a wrong one inside finds no reader at all (D-2, D-7). */
static int read_cert(struct ctx *c, struct bytes tbs, const struct lint_options *o, struct cert_info *ret)
{
	for (enum sigalg alg = SIGALG_RSA_SHA256; alg <= SIGALG_ECDSA_SHA512; alg++) {
		struct bytes der = cert_assemble(c->arena, tbs, alg, (struct bytes) { no_signature, sizeof(no_signature) });
		struct cert_info info;
		if (cert_parse(c, der, &info) != 0) {
			ctx_forgive(c);
			continue;
		}
		if (lint_sigalg(o, info.spki) != alg) {
			return lint_refuse(c, "signature_algorithm_of_issuer", "D-7");
		}
		*ret = info;
		return 0;
	}
	return lint_refuse(c, "cert_is_readable", "D-1");
}

static int cert_is_same_again(struct ctx *c, X509 *x509, struct bytes tbs)
{
	uint8_t *again = NULL;
	int n = i2d_re_X509_tbs(x509, &again);
	bool same = n > 0 && bytes_equal((struct bytes) { again, (size_t) n }, tbs);
	OPENSSL_free(again);
	return same ? 0 : lint_refuse(c, "cert_is_exact_der", "D-10, X.690 10");
}

static const char *subject_text(struct ctx *c, const X509 *x509, int nid)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, nid, -1);
	if (at < 0) {
		return NULL;
	}
	const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	return arena_text_n(c->arena, ASN1_STRING_get0_data(s), (size_t) ASN1_STRING_length(s));
}

/* What was read, given to the builder, must give the same octets: nothing may be in the object that the profile does not
 * put there (D-1, D-11). */
static int rebuild(struct ctx *c, const struct cert_input *in, struct bytes tbs)
{
	const struct cert_info *info = in->info;
	static const struct bytes none = { NULL, 0 };
	struct bytes again;
	const struct cert_template t = {
		.kind = in->kind,
		.serial = info->serial,
		.sigalg = info->sigalg,
		.issuer_name = in->o->issuer == NULL ? none : info->issuer,
		.issuer_key_id = info->authority_key_id,
		.not_before = info->not_before,
		.not_after = info->not_after,
		.subject = { subject_text(c, in->x509, NID_countryName), subject_text(c, in->x509, NID_organizationName),
		    subject_text(c, in->x509, NID_commonName) },
		.subject_name = in->kind == CERT_CROSS ? info->subject : none,
		.subject_key_id = in->kind == CERT_CROSS ? info->subject_key_id : none,
		.dns_names = info->dns_names,
		.ip_addresses = info->ip_addresses,
		.spki = info->spki,
		.crl_url = info->crl_url,
		.aia_url = info->aia_url,
		.ocsp_url = info->ocsp_url,
		.sct_list = info->sct_list,
		.with_subject_key_id = info->subject_key_id.n > 0,
		.with_key_encipherment = (lint_key_usage(in) & KU_KEY_ENCIPHERMENT) != 0,
	};
	TRY(cert_build_tbs(c, &t, &again));
	return bytes_equal(again, tbs) ? 0 : lint_refuse(c, "cert_is_of_its_profile", "D-1, D-11");
}

static int run_cert_rows(struct ctx *c, const struct cert_input *in, const struct cert_lint *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((rows[i].kinds & 1U << in->kind) != 0 && rows[i].broken(in)) {
			return lint_refuse(c, rows[i].name, rows[i].source);
		}
	}
	return 0;
}

/* NULL for a key that can't be read, which has a row of its own. */
static const EVP_PKEY *read_spki(struct ctx *c, struct bytes spki, const struct keys_read *before)
{
	EVP_PKEY *key = NULL;
	if (before != NULL && bytes_equal(before->spki, spki)) {
		return before->key;
	}
	if (key_of_spki(c, spki, &key) != 0) {
		ctx_forgive(c);
	}
	return key;
}

int lint_certificate(struct ctx *c, enum cert_kind kind, struct bytes tbs, const struct lint_options *o)
{
	struct cert_info info;
	bool self_signed = (1U << kind & SELF_KINDS) != 0;
	if (self_signed != (o->issuer == NULL)) {
		return lint_refuse(c, "issuer_is_known", "D-1");
	}
	TRY(read_cert(c, tbs, o, &info));
	const uint8_t *p = info.der.p;
	X509 *made = X509_new_ex(key_no_algorithms(), NULL);
	AUTO(X509) x509 = d2i_X509(&made, &p, (long) info.der.n); /* frees it when it fails */
	if (x509 == NULL || p != info.der.p + info.der.n) {
		return key_fault(c, "lint cert_is_readable (D-1)");
	}
	const struct cert_input in = {
		.x509 = x509, .key = read_spki(c, info.spki, o->key), .info = &info, .kind = kind, .o = o
	};
	TRY(cert_is_same_again(c, x509, tbs));
	TRY(run_cert_rows(c, &in, cert_lints, cert_lints_n));
	TRY(run_cert_rows(c, &in, issuer_lints, issuer_lints_n));
	TRY(run_cert_rows(c, &in, name_lints, name_lints_n));
	TRY(run_cert_rows(c, &in, public_lints, public_lints_n));
	return rebuild(c, &in, tbs);
}
