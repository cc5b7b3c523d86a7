#include "ca/signer_responder.h"

#define RESPONDER_KEY "p256"

static void forget(struct responder *one)
{
	if (one->made) {
		ctx_done(&one->life);
	}
	*one = (struct responder) { 0 };
}

int responder_make_key(struct ctx *c, struct responders *r, size_t issuer, struct bytes *ret_spki)
{
	struct responder *next = &r->next[issuer];
	forget(next);
	ctx_init(&next->life);
	next->made = true;
	if (key_generate(&next->life, RESPONDER_KEY, &next->key) != 0 ||
	    key_spki(&next->life, next->key, &next->spki) != 0) {
		forget(next);
		return ctx_fault(c, "the key of a responder can't be made");
	}
	*ret_spki = next->spki;
	return 0;
}

/* The one that was made for it, or a stranger would answer for the issuer. */
static int check_key(struct ctx *c, const struct responder *next, struct bytes tbs)
{
	static const uint8_t no_signature[] = { 0x00 };
	struct cert_info info;
	enum sigalg alg = SIGALG_RSA_SHA256;
	struct bytes octets = { no_signature, sizeof(no_signature) };
	while (alg <= SIGALG_ECDSA_SHA512 && cert_parse(c, cert_assemble(c->arena, tbs, alg, octets), &info) != 0) {
		ctx_forgive(c);
		alg++;
	}
	return alg <= SIGALG_ECDSA_SHA512 && next->made && bytes_equal(info.spki, next->spki)
	           ? 0
	           : ctx_fault(c, "the certificate of a responder is not for the key that waits for it");
}

int responder_certify(struct ctx *c, struct responders *r, size_t issuer, const struct lint_options *o,
    struct bytes tbs, struct bytes *ret_der)
{
	struct responder *next = &r->next[issuer];
	struct cert_info info;
	struct bytes der;
	TRY(lint_certificate(c, CERT_OCSP, tbs, o)); /* F-33 */
	TRY(check_key(c, next, tbs));
	TRY(signer_keys_sign(c, r->keys, issuer, tbs, &der));
	der = arena_bytes(next->life.arena, der.p, der.n);
	if (cert_parse(&next->life, der, &info) != 0 || !bytes_equal(info.tbs, tbs)) {
		return ctx_fault(c, "other bytes were signed");
	}
	TRY(cert_verify_signature(c, &info, r->keys->issuers->v[issuer].public_key)); /* F-35 */
	next->certificate = info;
	forget(&r->now[issuer]);
	r->now[issuer] = *next;
	*next = (struct responder) { 0 };
	*ret_der = der;
	return 0;
}

int responder_sign(struct ctx *c, const struct responders *r, size_t issuer, const struct lint_options *o,
    struct bytes tbs, struct bytes *ret_der)
{
	const struct responder *now = &r->now[issuer];
	struct ocsp_info made;
	struct bytes signature;
	if (!now->made) {
		return ctx_fault(c, "the responder of the issuer has no certificate");
	}
	TRY(lint_ocsp(c, tbs, &now->certificate, o)); /* F-33 */
	TRY(key_sign(c, now->key, tbs, &signature));
	*ret_der = ocsp_assemble(c->arena, tbs, sigalg_of_key(now->key), signature, now->certificate.der);
	TRY(ocsp_parse(c, *ret_der, &made));
	return ocsp_verify_signature(c, &made, now->key); /* F-35 */
}

void responders_done(struct responders *r)
{
	for (size_t i = 0; i < SIGNER_ISSUERS_MAX; i++) {
		forget(&r->next[i]);
		forget(&r->now[i]);
	}
}
