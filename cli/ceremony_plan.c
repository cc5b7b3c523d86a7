/* The plan of a ceremony, read and held against what each action needs. */
#include <string.h>

#include "cli/ceremony.h"
#include "lib/base/base64.h"
#include "lib/base/config_read.h"
#include "lib/base/folder.h"
#include "lib/crypto/digest.h"

static const char *const actions[] = { "use", "key", "root", "intermediate", "cross", "crl", "destroy", NULL };
static const char *const keys[] = { "p256", "p384", "rsa2048", "rsa3072", "rsa4096", NULL };
static const char *const modes[] = { "private", "webpki", NULL };
static const char *const reasons[] = { "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation",
	"privilegeWithdrawn", NULL };

static const struct field revoked_field[] = {
	FIELD(struct ceremony_revoked, cert_file, .flags = FIELD_REQUIRED | FIELD_PATH, .help = "The revoked certificate."),
	FIELD(struct ceremony_revoked, reason, .one_of = reasons, .help = "Why it is revoked; absent: not told."),
	FIELD(struct ceremony_revoked, at, .min = 20, .max = 30, .help = "Since when; absent: since thisUpdate."),
};
static const struct fields revoked_fields = FIELDS(struct ceremony_revoked, revoked_field);

static const struct field step_field[] = {
	FIELD(struct ceremony_step, action, .flags = FIELD_REQUIRED, .one_of = actions, .help = "What is made."),
	FIELD(struct ceremony_step, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64, .help = "By which others call it."),
	FIELD(struct ceremony_step, issuer, .min = 1, .max = 64, .help = "Name of the step that signs it."),
	FIELD(struct ceremony_step, key, .one_of = keys, .help = "Kind of the new key."),
	FIELD(struct ceremony_step, key_of, .min = 1, .max = 64, .help = "Name of the step whose key it is."),
	FIELD(struct ceremony_step, of, .min = 1, .max = 64, .help = "Name of the step that is cross-certified."),
	FIELD(struct ceremony_step, country, .min = 2, .max = 2, .help = "Country of the subject."),
	FIELD(struct ceremony_step, organization, .min = 1, .max = 64, .help = "Organization of the subject."),
	FIELD(struct ceremony_step, common_name, .min = 1, .max = 64, .help = "Common name of the subject."),
	FIELD(struct ceremony_step, days, .min = 1, .max = 9132, .help = "Life in days of 86400 s."),
	FIELD(struct ceremony_step, not_before, .min = 20, .max = 30, .help = "Begin, RFC 3339; absent: now."),
	FIELD(struct ceremony_step, serial, .min = 18, .max = 38, .help = "Serial, in tests; absent: random."),
	FIELD(struct ceremony_step, crl_url, .help = "URL of the issuer's CRL."),
	FIELD(struct ceremony_step, aia_url, .help = "URL of the issuer's certificate."),
	FIELD(struct ceremony_step, cert_file, .flags = FIELD_PATH, .help = "The certificate, PEM."),
	FIELD(struct ceremony_step, key_file, .flags = FIELD_PATH, .help = "The key, PEM."),
	FIELD(
	    struct ceremony_step, key_label, .min = 1, .max = 255, .help = "Or its label in the token, where it is made."),
	FIELD(struct ceremony_step, public_file, .flags = FIELD_PATH, .help = "The public key, PEM."),
	FIELD(struct ceremony_step, crl_file, .flags = FIELD_PATH, .help = "The CRL, DER."),
	FIELD(struct ceremony_step, previous, .flags = FIELD_PATH, .help = "The CRL before, DER."),
	FIELD(struct ceremony_step, number, .min = 1, .max = INT64_MAX, .help = "Number of the CRL."),
	FIELD_STRUCTS(
	    struct ceremony_step, revoked, &revoked_fields, .min = 0, .max = 1000, .help = "What the CRL gets to list."),
	FIELD(struct ceremony_step, spki_sha256, .min = 64, .max = 64, .help = "The key that is destroyed."),
	FIELD(struct ceremony_step, made_elsewhere, .def = "false",
	    .help = "The certificate that is used was made by no ceremony of this transcript."),
	FIELD(struct ceremony_step, again, .min = 64, .max = 64,
	    .help = "Digest of what was made before, and is to be made anew."),
};
static const struct fields step_fields = FIELDS(struct ceremony_step, step_field);

static const struct field ceremony_field[] = {
	FIELD(struct ceremony, title, .flags = FIELD_REQUIRED, .min = 1, .max = 200, .help = "What this is for."),
	FIELD(struct ceremony, mode, .one_of = modes, .def = "private", .help = "Whose rules the lints apply."),
	FIELD(struct ceremony, transcript, .flags = FIELD_PATH, .help = "File that records what was made."),
	FIELD(struct ceremony, people, .flags = FIELD_PATH, .def = "[]", .min = 0, .max = 16,
	    .help = "Certificates of those of whom two have to agree."),
	FIELD_STRUCT(struct ceremony, token, &config_token_fields, .help = "The token of the keys with a key_label."),
	FIELD(struct ceremony, passphrase_file, .flags = FIELD_PATH,
	    .help = "Encrypts the key files; absent: mode webpki asks for it, others have plain files."),
	FIELD_STRUCTS(struct ceremony, steps, &step_fields, .min = 1, .max = 64, .help = "What is made, in this order."),
};
static const struct fields ceremony_fields = FIELDS(struct ceremony, ceremony_field);

enum policy_mode ceremony_mode(const struct ceremony *plan)
{
	return plan->mode != NULL && strcmp(plan->mode, "webpki") == 0 ? POLICY_WEBPKI : POLICY_PRIVATE;
}

bool ceremony_step_is(const struct ceremony_step *step, const char *action)
{
	return strcmp(step->action, action) == 0;
}

const struct ceremony_step *ceremony_find(const struct ceremony *plan, const char *name, size_t before)
{
	for (size_t i = 0; i < before && name != NULL; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		if (strcmp(s->name, name) == 0 && !ceremony_step_is(s, "crl") && !ceremony_step_is(s, "destroy")) {
			return s;
		}
	}
	return NULL;
}

/* Where its key is: in a file or in the token. */
static bool has_place(const struct ceremony_step *s)
{
	return (s->key_file != NULL) != (s->key_label != NULL);
}

/* A step with a certificate and, when it has to sign, its key. */
static bool is_authority(const struct ceremony_step *s, bool signs)
{
	return s != NULL && s->cert_file != NULL &&
	       (!signs || s->key_file != NULL || s->key_label != NULL || s->key_of != NULL);
}

static const char *intermediate_fault(const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *s = &plan->steps.v[i];
	const struct ceremony_step *owner = ceremony_find(plan, s->key_of, i);
	int keys_named = (s->key != NULL) + (s->key_of != NULL) + (s->public_file != NULL);
	if (s->common_name == NULL || s->cert_file == NULL) {
		return "common_name and cert_file are needed";
	}
	if (keys_named != 1) {
		return "one of key (a new one), key_of (an earlier step's) and public_file (made elsewhere) is needed";
	}
	if ((s->key != NULL) != has_place(s)) {
		return "key and key_file, or key and key_label, belong together";
	}
	return s->key_of == NULL || (owner != NULL && has_place(owner)) ? NULL
	                                                                : "key_of must name an earlier step with a key";
}

static const char *signed_fault(const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *s = &plan->steps.v[i];
	if (!is_authority(ceremony_find(plan, s->issuer, i), true)) {
		return "issuer must name an earlier root or intermediate, or one that is used, with its key";
	}
	if (ceremony_step_is(s, "crl")) {
		return s->crl_file == NULL ? "crl_file is missing" : NULL;
	}
	if (s->crl_url == NULL || s->aia_url == NULL) {
		return "crl_url and aia_url are needed: the URLs of the issuer's CRL and certificate";
	}
	if (ceremony_step_is(s, "cross")) {
		bool whole = s->cert_file != NULL && is_authority(ceremony_find(plan, s->of, i), false);
		return whole ? NULL : "cert_file is needed, and of, the name of an earlier step with a certificate";
	}
	return intermediate_fault(plan, i);
}

/* What a step of this kind must say. */
static const char *step_fault(const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *s = &plan->steps.v[i];
	struct timestamp begin;
	if (s->not_before != NULL && timestamp_parse(bytes_of_text(s->not_before), &begin) != 0) {
		return "not_before must be a time as 2026-11-22T08:00:00Z";
	}
	if (s->serial != NULL && ceremony_mode(plan) == POLICY_WEBPKI) {
		return "serial is for tests: it must be random (D-3)";
	}
	if (ceremony_step_is(s, "use")) {
		return s->cert_file == NULL ? "cert_file is missing" : NULL;
	}
	if (ceremony_step_is(s, "key")) {
		bool whole = s->key != NULL && has_place(s) && (s->key_label == NULL || s->public_file != NULL);
		return whole ? NULL : "key and key_file are needed, or key, key_label and public_file";
	}
	if (ceremony_step_is(s, "destroy")) {
		return has_place(s) && s->spki_sha256 != NULL ? NULL : "key_file or key_label, and spki_sha256 are needed";
	}
	if (ceremony_step_is(s, "root")) {
		bool whole = s->common_name != NULL && s->cert_file != NULL && (s->key != NULL) == has_place(s) &&
		             (s->key != NULL) != (s->key_of != NULL);
		return whole ? NULL : "common_name and cert_file are needed, and key with key_file or key_label, or key_of";
	}
	return signed_fault(plan, i);
}

static const char *label_fault(const struct ceremony *plan, const struct ceremony_step *s)
{
	bool fits = plan->token.module != NULL && (!ceremony_step_is(s, "destroy") || plan->transcript != NULL);
	return s->key_label == NULL || fits ? NULL : "key_label needs the plan's token, and to destroy one a transcript";
}

static bool name_is_free(const struct ceremony *plan, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(plan->steps.v[k].name, plan->steps.v[i].name) == 0) {
			return false;
		}
	}
	return true;
}

#define WRITTEN_MAX 3

/* The files that the step makes; NULL where it makes none. */
static void written(const struct ceremony_step *s, const char *ret[WRITTEN_MAX])
{
	bool certifies = ceremony_step_is(s, "root") || ceremony_step_is(s, "intermediate") || ceremony_step_is(s, "cross");
	ret[0] = certifies ? s->cert_file : ceremony_step_is(s, "crl") ? s->crl_file : NULL;
	ret[1] = s->key != NULL ? s->key_file : NULL;
	ret[2] = ceremony_step_is(s, "key") ? s->public_file : NULL;
}

/* How often the plan writes a file of this name. */
static size_t times_written(const struct ceremony *plan, const char *path)
{
	size_t n = text_equal(plan->transcript, path) ? 1 : 0;
	for (size_t i = 0; i < plan->steps.n * WRITTEN_MAX; i++) {
		const char *files[WRITTEN_MAX];
		written(&plan->steps.v[i / WRITTEN_MAX], files);
		n += text_equal(files[i % WRITTEN_MAX], path) ? 1 : 0;
	}
	return n;
}

/* A file of two uses would be there when the second comes to it, and be kept: a key in place of a certificate. */
static int check_files(struct ctx *c, const struct ceremony *plan)
{
	for (size_t i = 0; i < plan->steps.n * WRITTEN_MAX; i++) {
		const struct ceremony_step *s = &plan->steps.v[i / WRITTEN_MAX];
		const char *files[WRITTEN_MAX];
		written(s, files);
		const char *path = files[i % WRITTEN_MAX];
		if (path != NULL && times_written(plan, path) > 1) {
			return FAIL(c, MALFORMED,
			    "step %zu (%s): %s is to be written more than once; each file needs a name of its own",
			    i / WRITTEN_MAX + 1, s->name, path);
		}
	}
	return 0;
}

static bool is_named(const struct ceremony_step *s)
{
	return (ceremony_step_is(s, "root") || ceremony_step_is(s, "intermediate")) && s->common_name != NULL;
}

/* Two authorities of one name are two of one subject, unless their key is one (D-22). */
static int check_common_names(struct ctx *c, const struct ceremony *plan)
{
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		for (size_t k = 0; k < i && is_named(s); k++) {
			const struct ceremony_step *other = &plan->steps.v[k];
			bool one_key =
			    text_equal(s->key_of, other->name) || (s->key_of != NULL && text_equal(s->key_of, other->key_of));
			if (is_named(other) && text_equal(s->common_name, other->common_name) && !one_key) {
				return FAIL(c, MALFORMED,
				    "step %zu (%s): common_name is that of step %s, which has another key; each needs a name of its "
				    "own (D-22)",
				    i + 1, s->name, other->name);
			}
		}
	}
	return 0;
}

int ceremony_check(struct ctx *c, const struct ceremony *plan)
{
	if (plan->steps.n == 0) {
		return FAIL(c, MALFORMED, "the plan has no steps: say what is to be made (steps)");
	}
	for (size_t i = 0; i < plan->steps.n; i++) {
		const char *fault = name_is_free(plan, i) ? step_fault(plan, i) : "the name is an earlier step's";
		fault = fault == NULL ? label_fault(plan, &plan->steps.v[i]) : fault;
		if (fault != NULL) {
			return FAIL(c, MALFORMED, "step %zu (%s): %s", i + 1, plan->steps.v[i].name, fault);
		}
	}
	TRY(check_files(c, plan));
	TRY(check_common_names(c, plan));
	if (ceremony_mode(plan) == POLICY_WEBPKI && (plan->people.n < 2 || plan->transcript == NULL)) {
		return FAIL(c, MALFORMED,
		    "mode webpki wants a transcript, and people: the certificates of those of whom two have to agree");
	}
	return 0;
}

static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash == NULL) {
		return ".";
	}
	return slash == path ? "/" : arena_text_n(a, path, (size_t) (slash - path));
}

int ceremony_read(struct ctx *c, const char *path, struct ceremony *ret)
{
	struct node *root = NULL;
	struct ceremony plan = { 0 };
	struct bytes text;
	uint8_t digest[SHA256_SIZE];
	TRY(file_read(c, path, &text));
	TRY(yaml_read_text(c, c->arena, path, text, &root));
	TRY(config_read(c, c->arena, folder_of(c->arena, path), &ceremony_fields, root, &plan));
	if (plan.title == NULL) {
		return FAIL(c, MALFORMED, "%s: title is missing", path);
	}
	TRY(ceremony_check(c, &plan));
	sha256_of(text, digest);
	plan.path = path;
	plan.sha256 = hex_encode(c->arena, (struct bytes) { digest, sizeof(digest) });
	*ret = plan;
	return 0;
}
