/* A ceremony looked at again: what the transcript tells, what the files hold, what the plan said. */
#include <string.h>

#include "cli/ceremony_approve.h"
#include "cli/ceremony_key.h"
#include "cli/ceremony_make.h"
#include "cli/files.h"
#include "lib/crypto/authority.h"
#include "policy/lints.h"

#define FINDINGS_EACH 10

struct verdict {
	struct ctx *c;
	const struct ceremony *plan;
	struct ceremony_entry_list entries;
	struct text_list seen;
	struct text_list found;
	const struct ceremony_entry *judged; /* the beginning whose signatures were looked at last */
	const char *judgement;               /* what was wrong with them, or NULL */
};

/* A thing that is not as it was written down. */
static void find(struct verdict *v, const char *name, const char *what)
{
	v->found.v[v->found.n++] = arena_printf(v->c->arena, "%s: %s", name, what);
}

/* The failure that the context has becomes a finding. */
static void find_error(struct verdict *v, const char *name, const char *what)
{
	const struct err *e = &v->c->err;
	const char *why = e->cause == NULL ? e->detail : e->cause;
	const char *text = arena_printf(v->c->arena, "%s: %s", what, why == NULL ? "" : why);
	ctx_forgive(v->c);
	find(v, name, text);
}

/* The issuer's certificate; false after a finding. */
static bool issuer_of(struct verdict *v, size_t i, struct cert_info *ret, EVP_PKEY **ret_key)
{
	const struct ceremony_step *step = &v->plan->steps.v[i];
	const struct ceremony_step *issuer =
	    ceremony_step_is(step, "root") ? step : ceremony_find(v->plan, step->issuer, i);
	if (ceremony_read_cert(v->c, issuer, ret) != 0 || key_of_spki(v->c, ret->spki, ret_key) != 0) {
		find_error(v, step->name, "its issuer's certificate can't be read");
		return false;
	}
	return true;
}

static void verify_subject(struct verdict *v, const struct ceremony_step *step, const struct cert_info *cert)
{
	const struct cert_name name = { step->country, step->organization, step->common_name };
	struct bytes subject;
	if (ceremony_step_is(step, "cross")) {
		return; /* the lints hold it against the certificate beside which it stands */
	}
	if (cert_name_encode(v->c, &name, &subject) != 0 || !bytes_equal(subject, cert->subject)) {
		ctx_forgive(v->c);
		find(v, step->name, "its subject is not that of the plan");
	}
}

static void verify_life(
    struct verdict *v, const struct ceremony_step *step, const struct cert_info *cert, const struct cert_info *issuer)
{
	struct timestamp planned = timestamp_add_s(cert->not_before, ceremony_days(step) * 86400 - 1);
	if (planned.us > issuer->not_after.us && !ceremony_step_is(step, "root")) {
		planned = issuer->not_after;
	}
	if (cert->not_after.us != planned.us) {
		find(v, step->name, "it does not live as long as the plan says");
	}
	if (!text_equal(cert->crl_url, step->crl_url) || !text_equal(cert->aia_url, step->aia_url)) {
		find(v, step->name, "its URLs are not those of the plan");
	}
}

static void verify_key(struct verdict *v, const struct ceremony_step *step, const struct ceremony_entry *entry)
{
	EVP_PKEY *key = NULL;
	struct bytes spki;
	if (step->key_file == NULL || !file_exists(step->key_file)) {
		return; /* it may be kept elsewhere, or be destroyed by now */
	}
	if (ceremony_mode(v->plan) == POLICY_WEBPKI && v->plan->passphrase.text == NULL) {
		return; /* an auditor has no passphrase */
	}
	if (ceremony_key_read(v->c, v->plan, step, &key) != 0 || key_spki(v->c, key, &spki) != 0) {
		find_error(v, step->name, "its key can't be read");
	} else if (!text_equal(ceremony_sha256(v->c->arena, spki), entry->spki_sha256)) {
		find(v, step->name, "its key is another than the one that was made");
	}
}

static void verify_certificate(struct verdict *v, size_t i, const struct ceremony_entry *entry)
{
	const struct ceremony_step *step = &v->plan->steps.v[i];
	struct cert_info cert;
	struct cert_info issuer;
	EVP_PKEY *issuer_key = NULL;
	if (ceremony_read_cert(v->c, step, &cert) != 0) {
		find_error(v, step->name, "its certificate can't be read");
		return;
	}
	if (!text_equal(cert_fingerprint(v->c->arena, cert.der), entry->sha256)) {
		find(v, step->name, "its certificate is another than the one that was made");
	}
	if (!issuer_of(v, i, &issuer, &issuer_key)) {
		return;
	}
	if (cert_verify_signature(v->c, &cert, issuer_key) != 0) {
		find_error(v, step->name, "its issuer did not sign it");
	}
	if (ceremony_lint(v->c, v->plan, step, cert.tbs, ceremony_step_is(step, "root") ? NULL : &issuer, entry->at) != 0) {
		find_error(v, step->name, "the lints refuse it");
	}
	verify_subject(v, step, &cert);
	verify_life(v, step, &cert, &issuer);
	verify_key(v, step, entry);
}

static void verify_crl(struct verdict *v, size_t i, const struct ceremony_entry *entry)
{
	const struct ceremony_step *step = &v->plan->steps.v[i];
	struct crl_info crl;
	struct cert_info issuer;
	EVP_PKEY *issuer_key = NULL;
	if (ceremony_read_crl(v->c, step->crl_file, &crl) != 0) {
		find_error(v, step->name, "its CRL can't be read");
		return;
	}
	if (!text_equal(ceremony_sha256(v->c->arena, crl.der), entry->sha256)) {
		find(v, step->name, "its CRL is another than the one that was made");
	}
	if (!issuer_of(v, i, &issuer, &issuer_key)) {
		return;
	}
	const struct lint_options options = { .mode = ceremony_mode(v->plan), .now = entry->at, .issuer = &issuer };
	if (crl_verify_signature(v->c, &crl, issuer_key) != 0) {
		find_error(v, step->name, "its issuer did not sign it");
	}
	if (lint_crl(v->c, crl.tbs, &options) != 0) {
		find_error(v, step->name, "the lints refuse it");
	}
}

/* The plan by which the step was made, and the signatures under it. */
static void verify_begin(struct verdict *v, const struct ceremony_step *step, const struct ceremony_entry *begin)
{
	if (!text_equal(begin->sha256, v->plan->sha256)) {
		find(v, step->name, "it was made by another plan than this one, which was changed since");
		return;
	}
	if (v->judged != begin) {
		bool good = ceremony_approvals_kept(v->c, v->plan, begin) == 0;
		const char *why = v->c->err.cause == NULL ? v->c->err.detail : v->c->err.cause;
		v->judged = begin;
		v->judgement = good ? NULL : arena_printf(v->c->arena, "the signatures under the plan: %s", why);
		ctx_forgive(v->c);
	}
	if (v->judgement != NULL) {
		find(v, step->name, v->judgement);
	}
}

static void verify_step(struct verdict *v, size_t i)
{
	const struct ceremony_step *step = &v->plan->steps.v[i];
	const struct ceremony_entry *begin = NULL;
	const struct ceremony_entry *entry = ceremony_last(&v->entries, v->plan, step, &begin);
	size_t before = v->found.n;
	if (entry == NULL) {
		bool made = (step->cert_file != NULL && file_exists(step->cert_file)) ||
		            (step->crl_file != NULL && file_exists(step->crl_file)) ||
		            (ceremony_step_is(step, "key") && step->key_file != NULL && file_exists(step->key_file));
		if (made) {
			find(v, step->name, "it is there, and the transcript does not tell how it was made");
		} else {
			v->seen.v[v->seen.n++] = arena_printf(v->c->arena, "%s: not made yet", step->name);
		}
		return;
	}
	verify_begin(v, step, begin);
	if (ceremony_step_is(step, "crl")) {
		verify_crl(v, i, entry);
	} else if (ceremony_step_is(step, "key")) {
		verify_key(v, step, entry);
	} else if (ceremony_step_is(step, "destroy")) {
		if (step->key_file != NULL && file_exists(step->key_file)) {
			find(v, step->name, "the key is still there");
		}
		if (!text_equal(entry->spki_sha256, step->spki_sha256)) {
			find(v, step->name, "the key that was destroyed is another than that of the plan");
		}
	} else {
		verify_certificate(v, i, entry);
	}
	if (v->found.n == before) {
		v->seen.v[v->seen.n++] = arena_printf(v->c->arena, "%s: as it was written down", step->name);
	}
}

/* F-3: from each ceremony of the transcript to the next. Whose signature it is, its line says; that it is one is seen with its own plan. */
static void verify_people(struct verdict *v)
{
	for (size_t i = 0; i < v->entries.n; i++) {
		const struct ceremony_entry *e = &v->entries.v[i];
		const struct ceremony_entry_list before = { v->entries.v, i };
		bool webpki = text_equal(e->mode, "webpki");
		if (text_equal(e->action, "begin") && ceremony_people_stay(v->c, webpki, &before, &e->approvals) != 0) {
			find_error(v, e->name, arena_printf(v->c->arena, "line %zu of the transcript", i + 1));
		}
	}
}

/* What the plan names as being there is what the transcript tells of. */
static void verify_used(struct verdict *v, const struct ceremony_step *step)
{
	struct cert_info cert;
	if (ceremony_mode(v->plan) != POLICY_WEBPKI) {
		return;
	}
	if (ceremony_read_cert(v->c, step, &cert) != 0) {
		find_error(v, step->name, "its certificate can't be read");
	} else if (!ceremony_tells_of(&v->entries, cert_fingerprint(v->c->arena, cert.der))) {
		find(v, step->name, "the transcript does not tell of its certificate");
	}
}

static int verify(struct ctx *c, const struct ceremony *plan, struct text_list *ret_seen, struct text_list *ret_found)
{
	struct verdict v = { .c = c, .plan = plan };
	struct text_list breaks;
	if (plan->transcript == NULL) {
		return FAIL(c, MALFORMED, "The plan names no transcript, so that there is nothing to look at");
	}
	TRY(ceremony_records_read(c, plan, &v.entries, &breaks));
	size_t room = breaks.n + v.entries.n + plan->steps.n * FINDINGS_EACH;
	v.found.v = ARENA_ARRAY(c->arena, room, const char *);
	v.seen.v = ARENA_ARRAY(c->arena, plan->steps.n, const char *);
	for (size_t i = 0; i < breaks.n; i++) {
		find(&v, "transcript", breaks.v[i]);
	}
	verify_people(&v);
	for (size_t i = 0; i < plan->steps.n; i++) {
		if (ceremony_step_is(&plan->steps.v[i], "use")) {
			verify_used(&v, &plan->steps.v[i]);
		} else {
			verify_step(&v, i);
		}
	}
	*ret_seen = v.seen;
	*ret_found = v.found;
	return 0;
}

int ceremony_verify(struct ctx *c, const struct ceremony *plan, struct text_list *ret_seen, struct text_list *ret_found)
{
	const struct secret_source source = { "the passphrase of the key files", plan->passphrase_file, NULL };
	struct ceremony opened = *plan;
	if (plan->passphrase_file != NULL && file_exists(plan->passphrase_file)) {
		TRY(secret_read(c, &source, &opened.passphrase));
	}
	int result = verify(c, &opened, ret_seen, ret_found);
	secret_done(&opened.passphrase);
	return result;
}
