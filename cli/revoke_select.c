#include "cli/revoke_select.h"

#include <openssl/pem.h>
#include <string.h>

#include "cli/operator.h"
#include "cli/serials.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/csr.h"
#include "lib/crypto/private_key.h"

const char *revoke_typed_refusal(struct arena *a, const struct revoke_typed *t)
{
	const char *const all[] = { t->serial, t->certificate, t->key, t->account, t->serials, t->where };
	struct bytes serial;
	struct id account;
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		n += all[i] != NULL ? 1 : 0;
	}
	if (n != 1) {
		return "say which certificates, by one of --serial, --certificate, --key, --account, --serials and --where";
	}
	if (t->serial != NULL && operator_serial(a, t->serial, &serial) != 0) {
		return OPERATOR_NO_SERIAL;
	}
	return t->account == NULL || operator_account(t->account, &account) == 0 ? NULL : OPERATOR_NO_ACCOUNT;
}

static void keep_digest(struct ctx *c, struct bytes spki, struct revoke_meant *ret)
{
	uint8_t *digest = arena_alloc(c->arena, SHA256_SIZE);
	sha256_of(spki, digest);
	ret->spki_sha256 = (struct bytes) { digest, SHA256_SIZE };
}

static bool is_digest(struct ctx *c, const char *typed, struct bytes *ret)
{
	return operator_octets(c->arena, typed, SHA256_SIZE, ret) == 0 && ret->n == SHA256_SIZE;
}

/* The first request (PKCS#10) of a text in PEM; p NULL: there is none. */
static struct bytes find_request(struct arena *a, struct bytes text)
{
	AUTO(BIO) in = BIO_new_mem_buf(text.p, (int) text.n);
	struct bytes found = { NULL, 0 };
	uint8_t *der = NULL;
	long n = 0;
	if (in != NULL && PEM_bytes_read_bio(&der, &n, NULL, PEM_STRING_X509_REQ, in, NULL, NULL) == 1) {
		found = arena_bytes(a, der, (size_t) n);
	}
	OPENSSL_free(der);
	ERR_clear_error();
	return found;
}

/* E-15: who has the private key says with it that it is known. */
static int read_proof(struct ctx *c, struct bytes der, struct revoke_meant *ret)
{
	struct bytes spki;
	const char *name = NULL;
	TRY(csr_proof_parse(c, der, &spki, &name));
	keep_digest(c, spki, ret);
	ret->evidence = arena_printf(c->arena, "it signed a CSR for \"%s\"", name);
	return 0;
}

/* A public key in PEM, a CSR that proves, or a certificate. */
static int read_public(struct ctx *c, const char *path, struct bytes text, struct revoke_meant *ret)
{
	struct bytes request = find_request(c->arena, text);
	struct bytes_list chain;
	struct cert_info cert;
	struct bytes spki;
	EVP_PKEY *key = NULL;
	if (request.p != NULL) {
		return read_proof(c, request, ret);
	}
	if (key_read_public(c, text, &key) == 0) {
		TRY(key_spki(c, key, &spki));
	} else {
		ctx_forgive(c);
		if (cert_read_file(c, path, &chain) != 0 || cert_parse(c, chain.v[0], &cert) != 0) {
			ctx_forgive(c);
			return FAIL(
			    c, MALFORMED, "%s is neither a private key, nor in PEM a public one or a CSR, nor a certificate", path);
		}
		spki = cert.spki;
	}
	keep_digest(c, spki, ret);
	return 0;
}

int revoke_select_key(struct ctx *c, const char *typed, struct revoke_meant *ret)
{
	struct private_key found;
	struct jwk jwk;
	struct bytes text;
	if (is_digest(c, typed, &ret->spki_sha256)) {
		return 0;
	}
	TRY(file_read(c, typed, &text));
	if (!private_key_find(c->arena, text, &found)) {
		return read_public(c, typed, text, ret);
	}
	if (!private_key_prove(c, &found, &jwk)) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s has a private key that can't be read, or can't sign for its public half", typed);
	}
	keep_digest(c, jwk.spki, ret);
	/* E-15 */
	ret->evidence = "its private half was shown to the operator's command, and signs";
	return 0;
}

static int select_certificate(struct ctx *c, const char *path, struct revoke_selector *s)
{
	struct bytes_list chain;
	struct cert_info cert;
	if (cert_read_file(c, path, &chain) != 0 || cert_parse(c, chain.v[0], &cert) != 0) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s can't be read, or is no certificate in PEM or DER", path);
	}
	s->serial = cert.serial;
	s->der = cert.der;
	return 0;
}

/* The four that are one thing each. */
static int select_one(struct ctx *c, const struct revoke_typed *t, struct revoke_meant *ret)
{
	struct revoke_selector s = { 0 };
	if (t->certificate != NULL) {
		TRY(select_certificate(c, t->certificate, &s));
		ret->source = arena_printf(c->arena, "certificate %s", cert_serial_hex(c->arena, s.serial));
	} else if (t->key != NULL) {
		TRY(revoke_select_key(c, t->key, ret));
		s.spki_sha256 = ret->spki_sha256;
		ret->source = "key";
	} else if (t->account != NULL) {
		if (operator_account(t->account, &s.account_id) != 0) {
			return FAIL(c, MALFORMED, OPERATOR_NO_ACCOUNT);
		}
		ret->source = arena_printf(c->arena, "account %s", t->account);
	} else {
		if (operator_serial(c->arena, t->serial, &s.serial) != 0) {
			return FAIL(c, MALFORMED, OPERATOR_NO_SERIAL);
		}
		ret->source = arena_printf(c->arena, "serial %s", t->serial);
	}
	return revoke_find(c, &s, &ret->found);
}

int revoke_select(struct ctx *c, const struct revoke_typed *t, struct revoke_meant *ret)
{
	struct text_list serials;
	*ret = (struct revoke_meant) { 0 };
	if (t->where != NULL) {
		ret->source = arena_printf(c->arena, "where %s", t->where);
		TRY(incident_find_where(c, t->where, &ret->found));
	} else if (t->serials != NULL) {
		ret->source = arena_printf(c->arena, "file %s", t->serials);
		TRY(serials_read(c, t->serials, &serials));
		TRY(incident_find_serials(c, &serials, &ret->found));
	} else {
		TRY(select_one(c, t, ret));
	}
	if (ret->found.missing.n > 0) {
		size_t more = ret->found.missing.n - 1;
		return FAIL(c, NOT_FOUND, "This CA has issued no certificate%s with the serial %s%s",
		    t->certificate != NULL ? " of these octets" : "", ret->found.missing.v[0],
		    more == 0 ? "" : arena_printf(c->arena, ", and %zu more like it", more));
	}
	return 0;
}
