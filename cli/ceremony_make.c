#include "cli/ceremony_make.h"

#include <string.h>

#include "cli/files.h"
#include "lib/base/base64.h"
#include "lib/crypto/authority.h"
#include "lib/crypto/crl.h"
#include "policy/lints.h"

#define CRL_DAYS 360 /* a root's CRL lives under 12 months (E-21) */

/* A line of the transcript. */
struct entry {
	struct timestamp at;
	const char *software;
	const char *action;
	const char *name;
	const char *subject;
	const char *issuer;
	const char *key;
	const char *spki_sha256;
	const char *serial;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *sha256;
	const char *file;
	int64_t lints;
};
static const struct field entry_field[] = {
	FIELD(struct entry, at),
	FIELD(struct entry, software),
	FIELD(struct entry, action),
	FIELD(struct entry, name),
	FIELD(struct entry, subject),
	FIELD(struct entry, issuer),
	FIELD(struct entry, key),
	FIELD(struct entry, spki_sha256),
	FIELD(struct entry, serial),
	FIELD(struct entry, not_before),
	FIELD(struct entry, not_after),
	FIELD(struct entry, sha256),
	FIELD(struct entry, file),
	FIELD(struct entry, lints),
};
static const struct fields entry_fields = FIELDS(struct entry, entry_field);

static int record(struct ctx *c, const char *transcript, struct entry entry)
{
	if (transcript == NULL) {
		return 0;
	}
	entry.at = clock_now();
	entry.software = "cairn " CAIRN_VERSION;
	entry.lints = (int64_t) lint_count();
	return file_add_line(c, transcript, fields_to_json(c->arena, &entry_fields, &entry));
}

static const char *sha256_hex(struct arena *a, struct bytes in)
{
	uint8_t digest[SHA256_SIZE];
	sha256_of(in, digest);
	return hex_encode(a, (struct bytes) { digest, sizeof(digest) });
}

static struct timestamp whole_second_now(void)
{
	return (struct timestamp) { clock_now().us / 1000000 * 1000000 };
}

static int read_issuer(struct ctx *c, const struct ceremony_step *issuer, struct authority *ret)
{
	return authority_read(c, issuer->key_file, issuer->cert_file, ret);
}

static int make_certificate(
    struct ctx *c, const struct ceremony_step *step, const struct ceremony_step *issuer_step, const char *transcript)
{
	struct authority issuer;
	struct authority made;
	bool is_root = issuer_step == NULL;
	enum cert_kind kind = is_root ? CERT_ROOT : CERT_INTERMEDIATE;
	if (!is_root) {
		TRY(read_issuer(c, issuer_step, &issuer));
	}
	struct authority_request request = {
		.subject = { step->country, step->organization, step->common_name },
		.key_kind = step->key,
		.not_before = whole_second_now(),
		.days = step->days,
		.crl_url = step->crl_url,
		.aia_url = step->aia_url,
	};
	TRY(authority_make(c, kind, &request, is_root ? NULL : &issuer, &made));
	struct lint_options options = {
		.mode = POLICY_PRIVATE, .now = clock_now(), .issuer = is_root ? NULL : &issuer.info
	};
	TRY(lint_certificate(c, kind, made.info.tbs, &options));
	struct bytes key_pem;
	TRY(key_to_pem(c, made.key, &key_pem));
	TRY(file_make(c, step->key_file, key_pem, 0600));
	TRY(file_make(c, step->cert_file, cert_to_pem(c->arena, made.der), 0644));
	return record(c, transcript,
	    (struct entry) {
	        .action = step->action,
	        .name = step->name,
	        .subject = step->common_name,
	        .issuer = step->issuer,
	        .key = key_kind_name(key_kind_of(made.key)),
	        .spki_sha256 = sha256_hex(c->arena, made.info.spki),
	        .serial = cert_serial_hex(c->arena, made.info.serial),
	        .not_before = made.info.not_before,
	        .not_after = made.info.not_after,
	        .sha256 = cert_fingerprint(c->arena, made.der),
	        .file = step->cert_file,
	    });
}

static int make_crl(
    struct ctx *c, const struct ceremony_step *step, const struct ceremony_step *issuer_step, const char *transcript)
{
	struct authority issuer;
	struct bytes tbs;
	struct bytes der;
	TRY(read_issuer(c, issuer_step, &issuer));
	struct crl_template t = {
		.sigalg = sigalg_of_key(issuer.key),
		.issuer_name = issuer.info.subject,
		.issuer_key_id = issuer.info.subject_key_id,
		.this_update = whole_second_now(),
		.next_update = timestamp_add_s(whole_second_now(), (int64_t) CRL_DAYS * 86400),
		.number = 1,
	};
	TRY(crl_build_tbs(c, &t, &tbs));
	struct lint_options options = { .mode = POLICY_PRIVATE, .now = clock_now(), .issuer = &issuer.info };
	TRY(lint_crl(c, tbs, &options));
	TRY(cert_sign(c, issuer.key, tbs, &der));
	TRY(file_make(c, step->crl_file, der, 0644));
	return record(c, transcript,
	    (struct entry) {
	        .action = step->action,
	        .name = step->name,
	        .issuer = step->issuer,
	        .not_before = t.this_update,
	        .not_after = t.next_update,
	        .sha256 = sha256_hex(c->arena, der),
	        .file = step->crl_file,
	    });
}

int ceremony_make(
    struct ctx *c, const struct ceremony_step *step, const struct ceremony_step *issuer, const char *transcript)
{
	bool is_crl = strcmp(step->action, "crl") == 0;
	return is_crl ? make_crl(c, step, issuer, transcript) : make_certificate(c, step, issuer, transcript);
}
