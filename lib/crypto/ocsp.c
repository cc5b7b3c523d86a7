/* OCSP responses: written and read in one form (RFC 6960 4.2, RFC 5019 2.2). */
#include "lib/crypto/ocsp.h"

#include <string.h>
#include <time.h>

#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/der.h"
#include "lib/crypto/oid.h"

#define PIECE(x) ((struct bytes) x)
#define SERIAL_MAX 20
#define RESPONSE_MAX 8192
#define SECOND_US 1000000

static const struct {
	const char *name;
	size_t size;
	struct bytes der; /* AlgorithmIdentifier, as clients write it: with NULL */
} hashes[] = {
	[OCSP_SHA1] = { "SHA1", 20, OCTETS(0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00) },
	[OCSP_SHA256] = { "SHA256", 32,
	    OCTETS(0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00) },
};

/* ---- hashes ---- */

static int hash_of(struct ctx *c, enum ocsp_hash hash, struct bytes in, uint8_t *ret)
{
	AUTO(EVP_MD) md = EVP_MD_fetch(NULL, hashes[hash].name, NULL);
	bool done = md != NULL && EVP_Digest(in.p, in.n, ret, NULL, md, NULL) == 1;
	return done ? 0 : key_fault(c, "EVP_Digest");
}

/* The octets of the BIT STRING without its tag, length and unused bits (RFC 6960 4.1.1). */
static int key_bits(struct ctx *c, struct bytes spki, struct bytes *ret)
{
	struct bytes content;
	struct bytes bits = { NULL, 0 };
	struct der r = { NULL, 0 };
	if (der_take_only(spki, DER_SEQUENCE, &content) == 0) {
		r = der_of(content);
	}
	if (der_take(&r, DER_SEQUENCE, NULL, NULL) != 0 || der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 || bits.n < 2) {
		return ctx_fault(c, "a key in no form of SubjectPublicKeyInfo");
	}
	*ret = (struct bytes) { bits.p + 1, bits.n - 1 };
	return 0;
}

int ocsp_key_hash(struct ctx *c, struct bytes spki, uint8_t ret[OCSP_KEY_HASH_SIZE])
{
	struct bytes bits;
	TRY(key_bits(c, spki, &bits));
	return hash_of(c, OCSP_SHA1, bits, ret);
}

int ocsp_cert_id(
    struct ctx *c, enum ocsp_hash hash, const struct cert_info *issuer, struct bytes serial, struct ocsp_cert_id *ret)
{
	size_t n = hashes[hash].size;
	uint8_t *octets = arena_alloc(c->arena, 2 * n);
	struct bytes bits;
	TRY(key_bits(c, issuer->spki, &bits));
	TRY(hash_of(c, hash, issuer->subject, octets));
	TRY(hash_of(c, hash, bits, octets + n));
	*ret = (struct ocsp_cert_id) { hash, { octets, n }, { octets + n, n }, serial };
	return 0;
}

/* ---- writing ---- */

/* E-10: none, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn. */
static bool reason_is_allowed(int64_t reason)
{
	return reason == 0 || reason == 1 || reason == 3 || reason == 4 || reason == 5 || reason == 9;
}

static bool is_whole_second(struct timestamp t)
{
	return t.us > 0 && t.us % SECOND_US == 0;
}

static int check_answer(struct ctx *c, const struct ocsp_answer *t)
{
	bool good_id = t->id.hash < OCSP_HASHES && t->id.name_hash.n == hashes[t->id.hash].size &&
	               t->id.key_hash.n == hashes[t->id.hash].size;
	bool good_serial = t->id.serial.n > 0 && t->id.serial.n <= SERIAL_MAX && (t->id.serial.p[0] & 0x80) == 0;
	if (!good_id || !good_serial || t->responder_key_hash.n != OCSP_KEY_HASH_SIZE) {
		return ctx_fault(c, "an OCSP response without proper hashes or serial");
	}
	if (!is_whole_second(t->produced_at) || !is_whole_second(t->this_update) || !is_whole_second(t->next_update) ||
	    t->next_update.us <= t->this_update.us || t->produced_at.us < t->this_update.us) {
		return ctx_fault(c, "the times of an OCSP response are out of order or not in whole seconds");
	}
	if (t->revoked ? !is_whole_second(t->revoked_at) || !reason_is_allowed(t->reason)
	               : t->revoked_at.us != 0 || t->reason != 0) {
		return ctx_fault(c, "an OCSP response without proper time or reason of a revocation");
	}
	return 0;
}

/* GeneralizedTime in any year, as RFC 6960 4.2.2.1 wants. */
static struct bytes generalized_time(struct arena *a, struct timestamp t)
{
	time_t s = (time_t) (t.us / SECOND_US);
	struct tm tm = { 0 };
	char text[32] = "";
	(void) gmtime_r(&s, &tm);
	size_t n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	return DER(a, DER_GENERALIZED_TIME, { (const uint8_t *) text, n });
}

static struct bytes cert_id_der(struct arena *a, const struct ocsp_cert_id *id)
{
	return DER(a, DER_SEQUENCE, hashes[id->hash].der, DER(a, DER_OCTET_STRING, id->name_hash),
	    DER(a, DER_OCTET_STRING, id->key_hash), DER(a, DER_INTEGER, id->serial));
}

static struct bytes status_der(struct arena *a, const struct ocsp_answer *t)
{
	const uint8_t code[] = { (uint8_t) t->reason };
	struct bytes reason = { NULL, 0 };
	if (!t->revoked) {
		return DER(a, DER_CONTEXT(0), { NULL, 0 });
	}
	if (t->reason != 0) { /* E-11: unspecified is left out */
		reason = DER(a, DER_CONTEXT_CONSTRUCTED(0), DER(a, DER_ENUMERATED, { code, sizeof(code) }));
	}
	return DER(a, DER_CONTEXT_CONSTRUCTED(1), generalized_time(a, t->revoked_at), reason);
}

int ocsp_build_tbs(struct ctx *c, const struct ocsp_answer *t, struct bytes *ret_tbs)
{
	struct arena *a = c->arena;
	TRY(check_answer(c, t));
	struct bytes one = DER(a, DER_SEQUENCE, cert_id_der(a, &t->id), status_der(a, t),
	    generalized_time(a, t->this_update), DER(a, DER_CONTEXT_CONSTRUCTED(0), generalized_time(a, t->next_update)));
	struct bytes responder = DER(a, DER_CONTEXT_CONSTRUCTED(2), DER(a, DER_OCTET_STRING, t->responder_key_hash));
	*ret_tbs = DER(a, DER_SEQUENCE, responder, generalized_time(a, t->produced_at), DER(a, DER_SEQUENCE, one));
	return 0;
}

struct bytes ocsp_assemble(
    struct arena *a, struct bytes tbs, enum sigalg alg, struct bytes signature, struct bytes certificate)
{
	struct bytes status = PIECE(OCTETS(DER_ENUMERATED, 0x01, 0x00));
	struct bytes certificates = DER(a, DER_CONTEXT_CONSTRUCTED(0), DER(a, DER_SEQUENCE, certificate));
	struct bytes basic = DER(a, DER_SEQUENCE, tbs, sigalg_der(alg), der_bits(a, signature), certificates);
	struct bytes typed = DER(a, DER_SEQUENCE, PIECE(OID_OCSP_BASIC), DER(a, DER_OCTET_STRING, basic));
	return DER(a, DER_SEQUENCE, status, DER(a, DER_CONTEXT_CONSTRUCTED(0), typed));
}

struct bytes ocsp_refusal(struct arena *a, enum ocsp_refusal why)
{
	const uint8_t code[] = { (uint8_t) why };
	return DER(a, DER_SEQUENCE, DER(a, DER_ENUMERATED, { code, sizeof(code) }));
}

/* ---- reading ---- */

static int broken(struct ctx *c, const char *what)
{
	ctx_cause(c, "the OCSP response has no proper %s", what);
	return FAIL(c, MALFORMED, "The OCSP response is not in DER of a form that this CA issues");
}

static int take_time(struct der *r, struct timestamp *ret)
{
	return der_peek(r) == DER_GENERALIZED_TIME ? der_take_time(r, ret) : -1;
}

static int read_cert_id(struct ctx *c, struct bytes content, struct ocsp_cert_id *id)
{
	struct der r = der_of(content);
	struct bytes algorithm;
	if (der_take(&r, DER_SEQUENCE, &algorithm, NULL) != 0 ||
	    der_take(&r, DER_OCTET_STRING, NULL, &id->name_hash) != 0 ||
	    der_take(&r, DER_OCTET_STRING, NULL, &id->key_hash) != 0 || der_take(&r, DER_INTEGER, NULL, &id->serial) != 0 ||
	    !der_at_end(&r)) {
		return broken(c, "CertID");
	}
	for (id->hash = OCSP_SHA1; id->hash < OCSP_HASHES; id->hash++) {
		if (bytes_equal(algorithm, hashes[id->hash].der)) {
			return 0;
		}
	}
	return broken(c, "hash algorithm");
}

static int read_revoked(struct ctx *c, struct bytes content, struct ocsp_answer *t)
{
	struct der r = der_of(content);
	struct bytes outer;
	struct bytes code;
	t->revoked = true;
	if (take_time(&r, &t->revoked_at) != 0) {
		return broken(c, "time of revocation");
	}
	if (der_at_end(&r)) {
		return 0;
	}
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &outer) != 0 || !der_at_end(&r) ||
	    der_take_only(outer, DER_ENUMERATED, &code) != 0 || code.n != 1 || code.p[0] == 0) {
		return broken(c, "reason");
	}
	t->reason = code.p[0];
	return 0;
}

static int read_single(struct ctx *c, struct bytes content, struct ocsp_answer *t)
{
	struct der r = der_of(content);
	struct bytes id;
	struct bytes status;
	struct bytes next;
	if (der_take(&r, DER_SEQUENCE, NULL, &id) != 0) {
		return broken(c, "CertID");
	}
	TRY(read_cert_id(c, id, &t->id));
	if (der_peek(&r) == DER_CONTEXT_CONSTRUCTED(1)) {
		if (der_take(&r, DER_CONTEXT_CONSTRUCTED(1), NULL, &status) != 0) {
			return broken(c, "status");
		}
		TRY(read_revoked(c, status, t));
	} else if (der_take(&r, DER_CONTEXT(0), NULL, &status) != 0 || status.n != 0) {
		return broken(c, "status");
	}
	if (take_time(&r, &t->this_update) != 0 || der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &next) != 0 ||
	    !der_at_end(&r)) { /* no extensions (E-37) */
		return broken(c, "times");
	}
	struct der inner = der_of(next);
	return take_time(&inner, &t->next_update) == 0 && der_at_end(&inner) ? 0 : broken(c, "times");
}

static int read_tbs(struct ctx *c, struct bytes content, struct ocsp_answer *t)
{
	struct der r = der_of(content);
	struct bytes responder;
	struct bytes list;
	struct bytes one;
	if (der_take(&r, DER_CONTEXT_CONSTRUCTED(2), NULL, &responder) != 0 ||
	    der_take_only(responder, DER_OCTET_STRING, &t->responder_key_hash) != 0) {
		return broken(c, "responder");
	}
	if (take_time(&r, &t->produced_at) != 0) {
		return broken(c, "time of production");
	}
	if (der_take(&r, DER_SEQUENCE, NULL, &list) != 0 || !der_at_end(&r) ||
	    der_take_only(list, DER_SEQUENCE, &one) != 0) { /* one answer, no extensions, no nonce */
		return broken(c, "list of answers");
	}
	return read_single(c, one, t);
}

/* The BasicOCSPResponse inside. */
static int open_response(struct ctx *c, struct bytes der, struct bytes *ret_basic)
{
	struct bytes content;
	struct bytes status;
	struct bytes outer;
	struct bytes typed;
	struct bytes type;
	if (der.n > RESPONSE_MAX || der_take_only(der, DER_SEQUENCE, &content) != 0) {
		return broken(c, "outer form");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_ENUMERATED, NULL, &status) != 0 || !bytes_equal(status, PIECE(OCTETS(0x00))) ||
	    der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &outer) != 0 || !der_at_end(&r) ||
	    der_take_only(outer, DER_SEQUENCE, &typed) != 0) {
		return broken(c, "status");
	}
	r = der_of(typed);
	if (der_take(&r, DER_OID, &type, NULL) != 0 || !bytes_equal(type, PIECE(OID_OCSP_BASIC)) ||
	    der_take(&r, DER_OCTET_STRING, NULL, ret_basic) != 0 || !der_at_end(&r)) {
		return broken(c, "type");
	}
	return 0;
}

int ocsp_parse(struct ctx *c, struct bytes der, struct ocsp_info *ret)
{
	struct ocsp_info info = { .der = der };
	struct bytes content;
	struct bytes tbs;
	struct bytes algorithm;
	struct bytes bits;
	struct bytes certificates;
	TRY(open_response(c, der, &info.basic));
	if (der_take_only(info.basic, DER_SEQUENCE, &content) != 0) {
		return broken(c, "basic response");
	}
	struct der r = der_of(content);
	if (der_take(&r, DER_SEQUENCE, &info.tbs, &tbs) != 0 || der_take(&r, DER_SEQUENCE, &algorithm, NULL) != 0 ||
	    der_take(&r, DER_BIT_STRING, NULL, &bits) != 0 || bits.n < 2 || bits.p[0] != 0 ||
	    der_take(&r, DER_CONTEXT_CONSTRUCTED(0), NULL, &certificates) != 0 || !der_at_end(&r)) {
		return broken(c, "basic response");
	}
	struct der list = { NULL, 0 };
	if (der_take_only(certificates, DER_SEQUENCE, &content) == 0) {
		list = der_of(content);
	}
	if (der_take(&list, DER_SEQUENCE, &info.certificate, NULL) != 0 || !der_at_end(&list)) {
		return broken(c, "certificate");
	}
	info.sigalg = sigalg_of_der(algorithm);
	info.signature = (struct bytes) { bits.p + 1, bits.n - 1 };
	if (info.sigalg == SIGALG_NONE) {
		return broken(c, "signature algorithm");
	}
	TRY(read_tbs(c, tbs, &info.answer));
	*ret = info;
	return 0;
}

int ocsp_verify_signature(struct ctx *c, const struct ocsp_info *info, EVP_PKEY *responder_key)
{
	if (info->sigalg != sigalg_of_key(responder_key) || !key_verify(responder_key, info->tbs, info->signature)) {
		return ctx_fault(c, "the signature of the OCSP response does not verify");
	}
	return 0;
}
