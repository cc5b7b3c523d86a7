/* Rows on OCSP responses, and the driver: parse, write again, compare, then the rows. */
#include <string.h>

#include "lib/crypto/auto_openssl.h"
#include "policy/lints_rows.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
#define LATE_US (300 * SECOND_US) /* between the look at the clock and the signature */

static const uint8_t no_signature[] = { 0x00 };

/* ---- the responder ---- */

static bool responder_name(const struct ocsp_input *in)
{
	return !bytes_equal(in->answer->responder_key_hash, in->responder_key_hash);
}

static bool responder_of_issuer(const struct ocsp_input *in)
{
	return !bytes_equal(in->responder->issuer, in->o->issuer->subject) ||
	       !bytes_equal(in->responder->authority_key_id, in->o->issuer->subject_key_id);
}

static bool responder_purpose(const struct ocsp_input *in)
{
	AUTO(EXTENDED_KEY_USAGE) use = X509_get_ext_d2i(in->responder_x509, NID_ext_key_usage, NULL, NULL);
	return in->responder->is_ca || sk_ASN1_OBJECT_num(use) != 1 ||
	       OBJ_obj2nid(sk_ASN1_OBJECT_value(use, 0)) != NID_OCSP_sign ||
	       X509_get_ext_by_NID(in->responder_x509, NID_id_pkix_OCSP_noCheck, -1) < 0;
}

static bool responder_life(const struct ocsp_input *in)
{
	return in->responder->not_before.us > in->answer->produced_at.us ||
	       in->responder->not_after.us < in->answer->next_update.us;
}

/* ---- the answer ---- */

static bool issuer_hashes(const struct ocsp_input *in)
{
	const struct ocsp_cert_id *found = &in->answer->id;
	return found->hash != in->wanted->hash || !bytes_equal(found->name_hash, in->wanted->name_hash) ||
	       !bytes_equal(found->key_hash, in->wanted->key_hash);
}

static bool serial(const struct ocsp_input *in)
{
	struct bytes found = in->answer->id.serial;
	return found.n < 9 || found.n > 20 || (found.p[0] & 0x80) != 0 || found.p[0] == 0;
}

/* As OpenSSL sees it. */
static bool extensions(const struct ocsp_input *in)
{
	return OCSP_BASICRESP_get_ext_count(in->basic) > 0 || OCSP_SINGLERESP_get_ext_count(in->single) > 0;
}

static bool one_answer(const struct ocsp_input *in)
{
	return OCSP_resp_count(in->basic) != 1;
}

static int status_of(const struct ocsp_input *in, int *ret_reason)
{
	return OCSP_single_get0_status(in->single, ret_reason, NULL, NULL, NULL);
}

static bool status(const struct ocsp_input *in)
{
	int reason = -1;
	return status_of(in, &reason) != (in->answer->revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD);
}

static bool reason(const struct ocsp_input *in)
{
	static const bool allowed[] = { [1] = true, [3] = true, [4] = true, [5] = true, [9] = true };
	int found = -1;
	(void) status_of(in, &found);
	bool known = found >= 0 && (size_t) found < COUNT_OF(allowed) && allowed[found];
	return found == -1 ? in->answer->reason != 0 : !known || found != in->answer->reason;
}

static bool revoked_at(const struct ocsp_input *in)
{
	return in->answer->revoked_at.us > in->answer->this_update.us;
}

/* ---- times ---- */

static bool times_now(const struct ocsp_input *in)
{
	const struct ocsp_answer *t = in->answer;
	return t->this_update.us > in->o->now.us || in->o->now.us - t->this_update.us > LATE_US ||
	       t->produced_at.us > in->o->now.us || t->produced_at.us < t->this_update.us;
}

static bool life(const struct ocsp_input *in)
{
	int64_t found_us = in->answer->next_update.us - in->answer->this_update.us;
	return found_us < 8 * HOUR_US || found_us > 7 * DAY_US;
}

const struct ocsp_lint ocsp_lints[] = {
	{ "one_answer", "RFC 5019 2.2.1", one_answer },
	{ "responder_is_named_by_its_key", "RFC 6960 4.2.1", responder_name },
	{ "responder_is_of_the_issuer", "RFC 6960 4.2.2.2", responder_of_issuer },
	{ "responder_is_delegated", "D-60", responder_purpose },
	{ "responder_lasts_as_long", "D-60, RFC 6960 4.2.2.2", responder_life },
	{ "hashes_of_the_issuer", "RFC 6960 4.1.1", issuer_hashes },
	{ "serial_is_one_of_ours", "D-3", serial },
	{ "no_extensions", "E-37", extensions },
	{ "status_is_good_or_revoked", "E-36", status },
	{ "reason_of_revocation", "E-37, E-10", reason },
	{ "revoked_before_this_update", "RFC 6960 4.2.2.1", revoked_at },
	{ "times_are_now", "RFC 6960 4.2.2.1", times_now },
	{ "life_is_bounded", "E-35", life },
};
const size_t ocsp_lints_n = COUNT_OF(ocsp_lints);

static int rows(struct ctx *c, const struct ocsp_input *in)
{
	for (size_t i = 0; i < ocsp_lints_n; i++) {
		if (ocsp_lints[i].broken(in)) {
			return lint_refuse(c, ocsp_lints[i].name, ocsp_lints[i].source);
		}
	}
	return 0;
}

/* By OpenSSL too, which writes the same again. */
static int read_basic(struct ctx *c, const struct ocsp_info *info, OCSP_BASICRESP **ret)
{
	const uint8_t *p = info->basic.p;
	uint8_t *again = NULL;
	AUTO(OCSP_BASICRESP) basic = d2i_OCSP_BASICRESP(NULL, &p, (long) info->basic.n);
	if (basic == NULL || p != info->basic.p + info->basic.n) {
		return key_fault(c, "lint response_is_readable (E-35)");
	}
	int n = i2d_OCSP_BASICRESP(basic, &again);
	bool same = n > 0 && bytes_equal((struct bytes) { again, (size_t) n }, info->basic);
	OPENSSL_free(again);
	if (!same) {
		return lint_refuse(c, "response_is_exact_der", "E-35, X.690 10");
	}
	*ret = basic;
	basic = NULL;
	return 0;
}

/* What was read, given to the builder, must give the same octets. */
static int rebuild(struct ctx *c, const struct ocsp_info *info, struct bytes tbs)
{
	struct bytes again;
	TRY(ocsp_build_tbs(c, &info->answer, &again));
	return bytes_equal(again, tbs) ? 0 : lint_refuse(c, "response_is_of_its_profile", "E-35, E-37");
}

static int read_response(struct ctx *c, struct bytes tbs, const struct cert_info *responder, struct ocsp_info *ret)
{
	static const enum sigalg by_kind[] = { [KEY_RSA] = SIGALG_RSA_SHA256,
		[KEY_P256] = SIGALG_ECDSA_SHA256,
		[KEY_P384] = SIGALG_ECDSA_SHA384,
		[KEY_P521] = SIGALG_ECDSA_SHA512,
		[KEY_ED25519] = SIGALG_NONE };
	enum sigalg alg = by_kind[key_kind_of_spki(responder->spki)];
	struct bytes unsigned_octets = { no_signature, sizeof(no_signature) };
	if (alg == SIGALG_NONE ||
	    ocsp_parse(c, ocsp_assemble(c->arena, tbs, alg, unsigned_octets, responder->der), ret) != 0) {
		const char *cause = c->err.cause;
		ctx_forgive(c);
		return ctx_fault(c, "lint response_is_readable (E-35): %s", cause == NULL ? "" : cause);
	}
	return 0;
}

int lint_ocsp(struct ctx *c, struct bytes tbs, const struct cert_info *responder, const struct lint_options *o)
{
	struct ocsp_info info;
	struct ocsp_cert_id wanted;
	OCSP_BASICRESP *read = NULL;
	uint8_t key_hash[OCSP_KEY_HASH_SIZE];
	if (o->issuer == NULL) {
		return lint_refuse(c, "issuer_is_known", "E-35");
	}
	TRY(read_response(c, tbs, responder, &info));
	TRY(read_basic(c, &info, &read));
	AUTO(OCSP_BASICRESP) basic = read;
	const uint8_t *p = responder->der.p;
	X509 *made = X509_new_ex(key_no_algorithms(), NULL);
	AUTO(X509) x509 = d2i_X509(&made, &p, (long) responder->der.n); /* frees it when it fails */
	if (x509 == NULL) {
		return key_fault(c, "lint response_is_readable (E-35)");
	}
	TRY(ocsp_cert_id(c, info.answer.id.hash, o->issuer, info.answer.id.serial, &wanted));
	TRY(ocsp_key_hash(c, responder->spki, key_hash));
	const struct ocsp_input in = {
		.basic = basic,
		.single = OCSP_resp_get0(basic, 0),
		.answer = &info.answer,
		.responder = responder,
		.responder_x509 = x509,
		.wanted = &wanted,
		.responder_key_hash = { key_hash, sizeof(key_hash) },
		.o = o,
	};
	TRY(rows(c, &in));
	return rebuild(c, &info, tbs);
}
