/* OCSP: a responder for each issuer that has it, and the answers about its certificates, signed before anybody asks (E-35..E-37). */
#include "lib/crypto/ocsp.h"

#include <string.h>

#include "ca/ca.h"
#include "ca/ocsp_rows.h"
#include "ca/signer.h"
#include "ca/steady.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/auto_openssl.h"
#include "policy/lints.h"

#define SERIAL_PREFIX 1
#define ISSUERS_MAX 16
#define BATCH 250
#define BATCHES_MAX 8 /* in a round: CRLs and lapsed issuances come between */
#define BACKDATE_S 3600
#define RESPONDER_LIFE_S \
	(INT64_C(14) * 86400) /* it can't be revoked, so it is short; twice the longest life of an answer */
#define RESPONDER_SPARE_S 86400
#define COMMON_NAME_MAX 64
#define SECOND_US 1000000
#define TELL_EACH_US (60 * (int64_t) SECOND_US)
#define RENEW_AGAIN_US \
	(60 * (int64_t) SECOND_US) /* as long as a lease: another instance may have a token that answers */

/* What the signer of this process answers with; only the thread of the duties comes here. */
static struct {
	struct timestamp not_after; /* 0: it has no certificate */
	uint8_t key_hash[OCSP_KEY_HASH_SIZE];
	int64_t told_us;
	int64_t renew_again_us; /* of clock_monotonic_us; not before, as each try is a key and a serial */
} responders[ISSUERS_MAX];

static size_t place_of(const struct issuer *issuer)
{
	return (size_t) (issuer - ca.issuers.v);
}

static struct timestamp now_in_seconds(void)
{
	struct timestamp now = clock_now();
	now.us -= now.us % SECOND_US;
	return now;
}

/* ---- the responder's certificate ---- */

static const char *text_of(struct arena *a, const X509_NAME *name, int nid)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s = at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return s == NULL ? NULL : arena_text_n(a, ASN1_STRING_get0_data(s), (size_t) ASN1_STRING_length(s));
}

/* Country and organization of the issuer, and a name that says what it is. */
static int name_responder(struct ctx *c, const struct issuer *issuer, struct cert_name *ret)
{
	const uint8_t *p = issuer->info.subject.p;
	AUTO(X509_NAME) name = d2i_X509_NAME(NULL, &p, (long) issuer->info.subject.n);
	if (name == NULL) {
		return key_fault(c, "the issuer's name can't be read");
	}
	const char *own = text_of(c->arena, name, NID_commonName);
	const char *common = arena_printf(c->arena, "%s OCSP", own == NULL ? issuer->config->name : own);
	*ret = (struct cert_name) {
		.country = text_of(c->arena, name, NID_countryName),
		.organization = text_of(c->arena, name, NID_organizationName),
		.common_name = strlen(common) <= COMMON_NAME_MAX
		                   ? common
		                   : arena_printf(c->arena, "%.*s OCSP", COMMON_NAME_MAX - 5, issuer->config->name),
	};
	return 0;
}

static int plan_responder(struct ctx *c, const struct issuer *issuer, struct bytes spki, struct cert_template *ret)
{
	uint8_t *serial = arena_alloc(c->arena, CERT_SERIAL_SIZE);
	struct timestamp ends = timestamp_add_s(now_in_seconds(), RESPONDER_LIFE_S - 1);
	cert_serial_new(SERIAL_PREFIX, serial);
	*ret = (struct cert_template) {
		.kind = CERT_OCSP,
		.serial = { serial, CERT_SERIAL_SIZE },
		.sigalg = sigalg_of_key(issuer->public_key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.not_before = timestamp_add_s(now_in_seconds(), -BACKDATE_S),
		.not_after = ends.us < issuer->info.not_after.us ? ends : issuer->info.not_after,
		.spki = spki,
	};
	return name_responder(c, issuer, &ret->subject);
}

/* A new key with a new certificate, on record before its signature and after (F-40). */
static int renew_responder(struct ctx *c, const struct issuer *issuer)
{
	const struct lint_options options = { .mode = ca.mode, .now = clock_now(), .issuer = &issuer->info };
	uint8_t key_hash[OCSP_KEY_HASH_SIZE];
	struct cert_template t;
	struct bytes spki;
	struct bytes tbs;
	struct bytes der;
	TRY(signer_make_responder_key(c, issuer, &spki));
	TRY(ocsp_key_hash(c, spki, key_hash));
	TRY(plan_responder(c, issuer, spki, &t));
	TRY(cert_build_tbs(c, &t, &tbs));
	TRY(lint_certificate(c, CERT_OCSP, tbs, &options)); /* the signer does this again (F-33) */
	TRY(ocsp_begin_responder(c, issuer, &t, tbs));
	if (signer_sign_responder(c, issuer, tbs, &der) != 0) {
		if (c->err.type !=
		    PROBLEM_UNAVAILABLE) { /* a token that is away: the signer goes on with the key that it has */
			responders[place_of(issuer)].not_after.us = 0;
		}
		return -1;
	}
	responders[place_of(issuer)].not_after.us = 0; /* what fails from here on begins anew */
	TRY(ocsp_complete_responder(c, t.serial, der));
	memcpy(responders[place_of(issuer)].key_hash, key_hash, sizeof(key_hash));
	responders[place_of(issuer)].not_after = t.not_after;
	return 0;
}

/* Its certificate outlasts all answers that are made now, but for an issuer that ends itself. */
static bool responder_lasts(const struct issuer *issuer)
{
	struct timestamp ends = responders[place_of(issuer)].not_after;
	struct timestamp needed = timestamp_add_s(clock_now(), ca.config->ca.ocsp_life_s + RESPONDER_SPARE_S);
	return ends.us >= needed.us || (ends.us > 0 && ends.us >= issuer->info.not_after.us);
}

static bool responder_stands(const struct issuer *issuer)
{
	return responders[place_of(issuer)].not_after.us > timestamp_add_s(clock_now(), RESPONDER_SPARE_S).us;
}

static bool renewal_waits(const struct issuer *issuer)
{
	return clock_monotonic_us() < responders[place_of(issuer)].renew_again_us;
}

/* Sees to it that there is one that may sign, be it the old one for as long as no new one can be had. */
static int ready_responder(struct ctx *c, const struct issuer *issuer)
{
	if (responder_lasts(issuer) || (renewal_waits(issuer) && responder_stands(issuer))) {
		return 0;
	}
	if (renew_responder(c, issuer) == 0) {
		return 0;
	}
	responders[place_of(issuer)].renew_again_us = clock_monotonic_us() + RENEW_AGAIN_US;
	if (!responder_stands(issuer)) {
		return -1;
	}
	log_error(c, LOG_ERROR, "the OCSP responder has no new certificate; the old one goes on");
	ctx_forgive(c);
	return 0;
}

/* ---- answers ---- */

static int sign_one(struct ctx *c, const struct issuer *issuer, const struct ocsp_due *due, enum ocsp_hash hash,
    const struct ocsp_signed *all, struct bytes *ret_der)
{
	int64_t revoked_us = due->revoked_at * SECOND_US;
	struct ocsp_answer answer = {
		.responder_key_hash = { responders[place_of(issuer)].key_hash, OCSP_KEY_HASH_SIZE },
		.produced_at = all->this_update,
		.revoked = due->reason >= 0,
		.revoked_at = { due->reason < 0                    ? 0
		                : revoked_us < all->this_update.us ? revoked_us
		                                                   : all->this_update.us },
		.reason = due->reason >= 0 ? due->reason : 0,
		.this_update = all->this_update,
		.next_update = all->next_update,
	};
	struct bytes tbs;
	TRY(ocsp_cert_id(c, hash, &issuer->info, due->serial, &answer.id));
	TRY(ocsp_build_tbs(c, &answer, &tbs));
	return signer_sign_ocsp(c, issuer, tbs, ret_der);
}

static void make_room(struct arena *a, size_t n, struct ocsp_signed *all)
{
	*all = (struct ocsp_signed) {
		.serials = { ARENA_ARRAY(a, n, struct bytes), 0 },
		.reasons = { ARENA_ARRAY(a, n, int64_t), 0 },
		.revoked_at = { ARENA_ARRAY(a, n, int64_t), 0 },
		.sha1 = { ARENA_ARRAY(a, n, struct bytes), 0 },
		.sha256 = { ARENA_ARRAY(a, n, struct bytes), 0 },
	};
}

static void append(struct ocsp_signed *all, const struct ocsp_due *due, struct bytes sha1, struct bytes sha256)
{
	size_t i = all->serials.n;
	all->serials.v[i] = due->serial;
	all->reasons.v[i] = due->reason;
	all->revoked_at.v[i] = due->revoked_at;
	all->sha1.v[i] = sha1;
	all->sha256.v[i] = sha256;
	all->serials.n = all->reasons.n = all->revoked_at.n = all->sha1.n = all->sha256.n = i + 1;
}

/* One that is refused must not keep the others from their answers. */
static int sign_batch(struct ctx *c, const struct issuer *issuer, const struct ocsp_due_list *due)
{
	struct ocsp_signed all;
	make_room(c->arena, due->n, &all);
	ocsp_set_times(&all, now_in_seconds(), ca.config->ca.ocsp_life_s, responders[place_of(issuer)].not_after);
	size_t i = 0;
	for (; i < due->n && !atomic_load(&ca.stopping); i++) {
		struct bytes sha1;
		struct bytes sha256;
		if (sign_one(c, issuer, &due->v[i], OCSP_SHA1, &all, &sha1) == 0 &&
		    sign_one(c, issuer, &due->v[i], OCSP_SHA256, &all, &sha256) == 0) {
			append(&all, &due->v[i], sha1, sha256);
			continue;
		}
		log_error(c, LOG_ERROR, "an OCSP answer is refused");
		ctx_forgive(c);
	}
	if (all.serials.n > 0) {
		TRY(ocsp_publish(c, issuer, &all));
		metric_add(METRIC_ocsp_signed, issuer->config->name, (int64_t) all.serials.n);
	}
	if (all.serials.n == 0 && i > 0) {
		responders[place_of(issuer)].not_after.us = 0; /* the signer has another one, it may be, or none */
	}
	return all.serials.n == i ? 0 : ctx_fault(c, "%zu OCSP answers are refused", i - all.serials.n);
}

/* Gives whether more may be due. */
static int run_batch(struct ctx *c, const struct issuer *issuer, bool *ret_more)
{
	struct ocsp_due_list due;
	*ret_more = false;
	if (renewal_waits(issuer) && !responder_stands(issuer)) {
		return 0; /* without the duty, which another instance may take */
	}
	TRY(steady_check(c));
	TRY(ocsp_take(c, issuer, BATCH, &due));
	if (due.n == 0) {
		return 0;
	}
	TRY(ready_responder(c, issuer));
	TRY(sign_batch(c, issuer, &due));
	*ret_more = due.n == BATCH;
	return 0;
}

/* For /metrics, once a minute: it counts all answers. */
static void tell(const struct issuer *issuer)
{
	int64_t *told_us = &responders[place_of(issuer)].told_us;
	int64_t now_us = clock_monotonic_us();
	struct ocsp_state state;
	struct ctx own;
	bool found = false;
	if (*told_us != 0 && now_us - *told_us < TELL_EACH_US) {
		return;
	}
	*told_us = now_us;
	ctx_init(&own);
	if (ocsp_read_state(&own, issuer, &state, &found) != 0) {
		log_error(&own, LOG_WARN, "how many OCSP answers there are can't be told; the next minute tells");
	} else if (found) {
		metric_set(METRIC_ocsp_answers, issuer->config->name, state.answers);
		metric_set(METRIC_ocsp_due, issuer->config->name, state.due);
		metric_set(METRIC_ocsp_next_update_seconds, issuer->config->name, state.ends_s);
	}
	ctx_done(&own);
}

static int look_after(const struct issuer *issuer)
{
	bool more = true;
	int result = 0;
	for (int i = 0; i < BATCHES_MAX && more && result == 0 && !atomic_load(&ca.stopping); i++) {
		struct ctx own; /* of a batch */
		ctx_init(&own);
		result = run_batch(&own, issuer, &more);
		if (result != 0) {
			log_error(&own, LOG_ERROR, "OCSP answers can't be signed");
			metric_add(METRIC_ocsp_failed, issuer->config->name, 1);
		}
		ctx_done(&own);
	}
	if (!atomic_load(&ca.stopping)) {
		tell(issuer);
	}
	return result;
}

int ca_sign_ocsp(struct ctx *c)
{
	size_t failed = 0;
	for (size_t i = 0; i < ca.issuers.n && !atomic_load(&ca.stopping); i++) {
		if (ca.issuers.v[i].config->ocsp_url != NULL) {
			failed += look_after(&ca.issuers.v[i]) != 0 ? 1 : 0;
		}
	}
	return failed == 0 ? 0 : ctx_fault(c, "the OCSP answers of %zu issuers can't be signed", failed);
}

int ca_register_ocsp(struct ctx *c)
{
	memset(responders, 0, sizeof(responders));
	for (size_t i = 0; i < ca.issuers.n; i++) {
		TRY(ocsp_register(c, &ca.issuers.v[i]));
	}
	return 0;
}
