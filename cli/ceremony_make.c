#include "cli/ceremony_make.h"

#include <string.h>

#include "cli/ceremony_approve.h"
#include "cli/ceremony_key.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "lib/base/folder.h"
#include "lib/crypto/authority.h"
#include "policy/lints.h"
#include "policy/revocation.h"

#define DAY_S 86400
#define CERT_DAYS 3650
#define CRL_DAYS 360 /* a root's CRL lives under 12 months (E-21) */

enum cert_kind ceremony_kind(const struct ceremony_step *step)
{
	if (ceremony_step_is(step, "cross")) {
		return CERT_CROSS;
	}
	return ceremony_step_is(step, "root") ? CERT_ROOT : CERT_INTERMEDIATE;
}

int64_t ceremony_days(const struct ceremony_step *step)
{
	if (step->days > 0) {
		return step->days;
	}
	return ceremony_step_is(step, "crl") ? CRL_DAYS : CERT_DAYS;
}

/* What the plan says, or now, in whole seconds. */
static struct timestamp begin_of(const struct ceremony_step *step)
{
	struct timestamp t = clock_now();
	if (step->not_before != NULL && timestamp_parse(bytes_of_text(step->not_before), &t) != 0) {
		t = clock_now(); /* ceremony_check has read it */
	}
	return (struct timestamp) { t.us - t.us % 1000000 };
}

int ceremony_read_cert(struct ctx *c, const struct ceremony_step *step, struct cert_info *ret)
{
	struct bytes_list chain;
	TRY(cert_read_file(c, step->cert_file, &chain));
	return cert_parse(c, chain.v[0], ret);
}

int ceremony_read_crl(struct ctx *c, const char *path, struct crl_info *ret)
{
	struct bytes der;
	TRY(file_read(c, path, &der));
	return crl_parse(c, der, ret);
}

int ceremony_lint(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, struct bytes tbs,
    const struct cert_info *issuer, struct timestamp at)
{
	struct lint_options options = { .mode = ceremony_mode(plan), .now = at, .issuer = issuer };
	struct cert_info crossed;
	if (ceremony_step_is(step, "cross")) {
		TRY(ceremony_read_cert(c, ceremony_find(plan, step->of, plan->steps.n), &crossed));
		options.crossed = &crossed;
	}
	return lint_certificate(c, ceremony_kind(step), tbs, &options);
}

struct ceremony_entry ceremony_entry_of_cert(
    struct arena *a, const struct ceremony_step *step, const struct cert_info *cert)
{
	return (struct ceremony_entry) {
		.action = step->action,
		.name = step->name,
		.subject = step->common_name,
		.issuer = step->issuer,
		.key = key_kind_name(key_kind_of_spki(cert->spki)),
		.spki_sha256 = ceremony_sha256(a, cert->spki),
		.serial = cert_serial_hex(a, cert->serial),
		.not_before = cert->not_before,
		.not_after = cert->not_after,
		.sha256 = cert_fingerprint(a, cert->der),
		.file = step->cert_file,
	};
}

struct ceremony_entry ceremony_entry_of_crl(
    struct arena *a, const struct ceremony_step *step, const struct crl_info *crl)
{
	return (struct ceremony_entry) {
		.action = step->action,
		.name = step->name,
		.issuer = step->issuer,
		.number = (int64_t) crl->number,
		.not_before = crl->this_update,
		.not_after = crl->next_update,
		.sha256 = ceremony_sha256(a, crl->der),
		.file = step->crl_file,
	};
}

int ceremony_record_begin(struct ctx *c, const struct ceremony *plan, const struct ceremony_approval_list *agreed)
{
	struct text_list people;
	TRY(ceremony_people(c, plan, &people));
	return ceremony_record(c, plan,
	    (struct ceremony_entry) { .action = "begin",
	        .name = plan->title,
	        .sha256 = plan->sha256,
	        .file = plan->path,
	        .mode = ceremony_mode(plan) == POLICY_WEBPKI ? "webpki" : NULL,
	        .people = people,
	        .approvals = *agreed });
}

/* Built, linted, signed by the issuer's key, read again and its signature tried (F-33, F-35). */
static int sign_certificate(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step,
    const struct cert_template *t, const struct authority *issuer, struct cert_info *ret)
{
	struct bytes tbs;
	struct bytes der;
	TRY(cert_build_tbs(c, t, &tbs));
	TRY(ceremony_lint(c, plan, step, tbs, t->issuer_name.n == 0 ? NULL : &issuer->info, clock_now()));
	TRY(cert_sign(c, issuer->key, tbs, &der));
	TRY(cert_parse(c, der, ret));
	return cert_verify_signature(c, ret, issuer->key);
}

static int serial_of(struct ctx *c, const struct ceremony_step *step, struct bytes *ret)
{
	uint8_t *octets = arena_alloc(c->arena, CERT_SERIAL_SIZE);
	if (step->serial != NULL) {
		return operator_serial(c->arena, step->serial, ret) == 0
		           ? 0
		           : FAIL(c, MALFORMED, "%s: " OPERATOR_NO_SERIAL, step->name);
	}
	cert_serial_new(1, octets);
	*ret = (struct bytes) { octets, CERT_SERIAL_SIZE };
	return 0;
}

/* Certificate and key of the step that signs. */
static int read_issuer(
    struct ctx *c, const struct ceremony *plan, const char *name, size_t before, struct authority *ret)
{
	const struct ceremony_step *step = ceremony_find(plan, name, before);
	const struct ceremony_step *owner = step->key_of == NULL ? step : ceremony_find(plan, step->key_of, before);
	EVP_PKEY *key = NULL;
	TRY(ceremony_key_read(c, plan, owner, &key));
	const char *where = owner->key_label == NULL ? owner->key_file : owner->key_label;
	return authority_of_key(c, key, where, step->cert_file, ret);
}

static int make_certificate(struct ctx *c, const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *step = &plan->steps.v[i];
	struct timestamp from = begin_of(step);
	struct authority issuer = { 0 };
	struct cert_info made;
	struct cert_info crossed;
	struct ceremony_key key = { 0 };
	struct cert_template t = {
		.kind = ceremony_kind(step),
		.not_before = from,
		.not_after = timestamp_add_s(from, ceremony_days(step) * DAY_S - 1), /* D-9 */
		.subject = { step->country, step->organization, step->common_name },
		.crl_url = step->crl_url,
		.aia_url = step->aia_url,
	};
	TRY(serial_of(c, step, &t.serial));
	if (t.kind == CERT_CROSS) { /* name, key and identifier of the other certificate (D-30) */
		TRY(ceremony_read_cert(c, ceremony_find(plan, step->of, i), &crossed));
		t.subject_name = crossed.subject;
		t.subject_key_id = crossed.subject_key_id;
		t.spki = crossed.spki;
	} else {
		TRY(ceremony_key_of(c, plan, i, &key));
		t.spki = key.spki;
	}
	if (t.kind == CERT_ROOT) {
		issuer.key = key.key;
	} else {
		TRY(read_issuer(c, plan, step->issuer, i, &issuer));
		t.issuer_name = issuer.info.subject;
		t.issuer_key_id = issuer.info.subject_key_id;
	}
	t.sigalg = sigalg_of_key(issuer.key);
	if (t.kind != CERT_ROOT && t.not_after.us > issuer.info.not_after.us) {
		t.not_after = issuer.info.not_after; /* nothing outlives its issuer */
	}
	TRY(sign_certificate(c, plan, step, &t, &issuer, &made));
	TRY(ceremony_record(c, plan, ceremony_entry_of_cert(c->arena, step, &made)));
	TRY(step->key == NULL ? 0 : ceremony_key_write(c, plan, step, &key));
	return file_make(c, step->cert_file, cert_to_pem(c->arena, made.der), 0644);
}

static bool is_listed(const struct crl_entries *entries, struct bytes serial)
{
	for (size_t i = 0; i < entries->n; i++) {
		if (bytes_equal(entries->v[i].serial, serial)) {
			return true;
		}
	}
	return false;
}

static int add_revoked(
    struct ctx *c, const struct ceremony_revoked *r, const struct authority *issuer, struct crl_template *t)
{
	struct cert_info cert;
	struct ceremony_step at = { .cert_file = r->cert_file };
	struct timestamp since = t->this_update;
	TRY(ceremony_read_cert(c, &at, &cert));
	if (!bytes_equal(cert.issuer, issuer->info.subject) || cert_verify_signature(c, &cert, issuer->key) != 0) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s is not of this issuer, whose CRL can't list it", r->cert_file);
	}
	if (is_listed(&t->entries, cert.serial)) {
		return FAIL(c, MALFORMED, "%s is on the CRL already", r->cert_file);
	}
	if (cert.is_ca && r->reason == NULL) { /* E-4, BR 7.2.2 */
		return FAIL(c, MALFORMED, "%s is of a CA, and its entry must say the reason", r->cert_file);
	}
	if (r->at != NULL && (timestamp_parse(bytes_of_text(r->at), &since) != 0 || since.us > t->this_update.us)) {
		return FAIL(c, MALFORMED, "%s: at must be a time as 2026-11-22T08:00:00Z that has passed", r->cert_file);
	}
	t->entries.v[t->entries.n++] = (struct crl_entry) { cert.serial, { since.us - since.us % 1000000 },
		r->reason == NULL ? 0 : revocation_reason_find(r->reason) };
	return 0;
}

/* The highest number that the CRL before, or the transcript, tells of. */
static int highest_number(
    struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step, uint64_t before, uint64_t *ret)
{
	struct ceremony_entry_list entries;
	*ret = before;
	TRY(ceremony_records_so_far(c, plan, &entries));
	for (size_t i = 0; i < entries.n; i++) {
		const struct ceremony_entry *e = &entries.v[i];
		bool issuers = e->number > 0 && e->issuer != NULL && strcmp(e->issuer, step->issuer) == 0;
		*ret = issuers && (uint64_t) e->number > *ret ? (uint64_t) e->number : *ret;
	}
	return 0;
}

/* What the CRL before listed stays, and its number is the last but one (E-20, F-14). */
static int follow_previous(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *step,
    const struct authority *issuer, struct crl_template *t)
{
	struct crl_info before = { 0 };
	if (step->previous != NULL) {
		TRY(ceremony_read_crl(c, step->previous, &before));
		if (!bytes_equal(before.issuer, issuer->info.subject) || crl_verify_signature(c, &before, issuer->key) != 0) {
			ctx_forgive(c);
			return FAIL(c, MALFORMED, "%s is no CRL of this issuer", step->previous);
		}
		if (before.this_update.us >= t->this_update.us) {
			return FAIL(c, MALFORMED, "%s is not older than the CRL that would follow it", step->previous);
		}
	}
	TRY(highest_number(c, plan, step, before.number, &t->number));
	if (step->previous == NULL && step->again == NULL && t->number > 0) {
		return FAIL(c, MALFORMED,
		    "%s: previous is missing: the transcript tells of CRL number %llu, whose entries have to stay", step->name,
		    (unsigned long long) t->number);
	}
	t->number++;
	if (step->number != 0 && (uint64_t) step->number != t->number) {
		return FAIL(c, MALFORMED, "%s: number %lld is wrong: the next one is %llu", step->name,
		    (long long) step->number, (unsigned long long) t->number);
	}
	t->entries.v = ARENA_ARRAY(c->arena, before.entries.n + step->revoked.n, struct crl_entry);
	for (size_t i = 0; i < before.entries.n; i++) {
		t->entries.v[t->entries.n++] = before.entries.v[i];
	}
	for (size_t i = 0; i < step->revoked.n; i++) {
		TRY(add_revoked(c, &step->revoked.v[i], issuer, t));
	}
	return 0;
}

static int make_crl(struct ctx *c, const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *step = &plan->steps.v[i];
	struct timestamp from = begin_of(step);
	struct authority issuer;
	struct crl_info made;
	struct bytes tbs;
	struct bytes der;
	TRY(read_issuer(c, plan, step->issuer, i, &issuer));
	struct crl_template t = {
		.sigalg = sigalg_of_key(issuer.key),
		.issuer_name = issuer.info.subject,
		.issuer_key_id = issuer.info.subject_key_id,
		.this_update = from,
		.next_update = timestamp_add_s(from, ceremony_days(step) * DAY_S),
	};
	TRY(follow_previous(c, plan, step, &issuer, &t));
	TRY(crl_build_tbs(c, &t, &tbs));
	const struct lint_options options = { .mode = ceremony_mode(plan), .now = clock_now(), .issuer = &issuer.info };
	TRY(lint_crl(c, tbs, &options));
	TRY(cert_sign(c, issuer.key, tbs, &der));
	TRY(crl_parse(c, der, &made));
	TRY(crl_verify_signature(c, &made, issuer.key));
	TRY(ceremony_record(c, plan, ceremony_entry_of_crl(c->arena, step, &made)));
	return file_make(c, step->crl_file, der, 0644);
}

int ceremony_make(struct ctx *c, const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *step = &plan->steps.v[i];
	if (ceremony_step_is(step, "key")) {
		return ceremony_key_make(c, plan, step);
	}
	if (ceremony_step_is(step, "destroy")) {
		return ceremony_key_destroy(c, plan, step);
	}
	return ceremony_step_is(step, "crl") ? make_crl(c, plan, i) : make_certificate(c, plan, i);
}
