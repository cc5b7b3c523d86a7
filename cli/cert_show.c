#include <stdio.h>
#include <string.h>

#include "cli/cert.h"
#include "cli/cert_rows.h"
#include "cli/cert_scts.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/key.h"
#include "policy/revocation.h"

#define OPTIONS_TEXT \
	"  SERIAL           in hexadecimal digits, with colons or without\n" \
	"  --config FILE    configuration with command.database; may stand again, each laid over the one before\n" \
	"  --database TEXT  connection string of PostgreSQL for role cairn_operator instead\n" \
	"  --json           one line of JSON\n"

static const char show_usage[] = "Usage: cairn cert show SERIAL [--json]\n"
                                 "\n"
                                 "What a certificate says, how it stands, and what it rests on.\n"
                                 "\n" OPTIONS_TEXT;
static const char export_usage[] =
    "Usage: cairn cert export SERIAL [--form pem|der|chain] [--out FILE]\n"
    "\n"
    "A certificate as it was issued.\n"
    "\n" OPTIONS_TEXT "  --form FORM      pem (default), der, or chain: PEM with what certifies it, without the root\n"
    "  --out FILE       a new file, in place of the terminal\n";

struct request {
	struct operator_options options;
	const char *form;
	const char *out;
	struct bytes serial;
};

struct answer {
	struct cert_shown cert;
	const char *reason;
	const char *key;
	const char *sha256;
	const char *precertificate_sha256; /* or NULL: there is none */
	const char *crl_url;
	struct cert_proof_list validations;
	struct cert_sct_list scts;
};
static const struct field answer_field[] = {
	FIELD_AS(struct answer, cert.serial, "serial"),
	FIELD_AS(struct answer, cert.status, "status"),
	FIELD_AS(struct answer, cert.names, "names"),
	FIELD_AS(struct answer, cert.account_id, "account_id"),
	FIELD_AS(struct answer, cert.order_id, "order_id"),
	FIELD_AS(struct answer, cert.certificate_id, "certificate_id"),
	FIELD_AS(struct answer, cert.issuer, "issuer"),
	FIELD_AS(struct answer, cert.profile, "profile"),
	FIELD_AS(struct answer, cert.not_before, "not_before"),
	FIELD_AS(struct answer, cert.not_after, "not_after"),
	FIELD_AS(struct answer, cert.signed_at, "signed_at"),
	FIELD_AS(struct answer, cert.spki_sha256, "spki_sha256"),
	FIELD_AS(struct answer, cert.crl_shard, "crl_shard"),
	FIELD(struct answer, reason),
	FIELD_AS(struct answer, cert.revoked_at, "revoked_at"),
	FIELD_AS(struct answer, cert.revoked_by, "revoked_by"),
	FIELD_AS(struct answer, cert.incident, "incident"),
	FIELD_AS(struct answer, cert.replaced_by, "replaced_by"),
	FIELD(struct answer, key),
	FIELD(struct answer, sha256),
	FIELD(struct answer, precertificate_sha256),
	FIELD_AS(struct answer, cert.logged_at, "logged_at"),
	FIELD(struct answer, crl_url),
	FIELD_STRUCTS(struct answer, validations, &cert_proof_fields),
	FIELD_STRUCTS(struct answer, scts, &cert_sct_fields),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

/* What is not in the database's columns. What is only promised yet says all but its SCTs (D-55). */
static int read_der(struct ctx *c, const struct config *config, struct answer *a)
{
	struct cert_info info;
	const struct cert_shown *s = &a->cert;
	if (s->precertificate.n > 0) {
		a->precertificate_sha256 = cert_fingerprint(c->arena, s->precertificate);
	}
	if (s->der.n == 0 && s->precertificate.n == 0) {
		return 0;
	}
	TRY(cert_parse(c, s->der.n > 0 ? s->der : s->precertificate, &info));
	a->key = key_kind_name(key_kind_of_spki(info.spki));
	a->crl_url = info.crl_url;
	if (s->der.n > 0) {
		a->sha256 = cert_fingerprint(c->arena, info.der);
		TRY(cert_scts(c, &config->ct, &info, s->issuer_certificate, &a->scts));
	}
	return 0;
}

static void print_status(struct ctx *c, const struct answer *a)
{
	const struct cert_shown *s = &a->cert;
	char id[ID_TEXT_SIZE];
	printf("status       %s\n", s->status);
	if (s->revoked_at.us != 0) {
		printf("revoked      %s as %s, by %s\n", operator_time(c->arena, s->revoked_at, "?"), a->reason, s->revoked_by);
	}
	if (s->replaced_by != NULL) {
		printf("replaced by  %s\n", s->replaced_by);
	}
	if (!id_is_none(s->incident)) {
		id_encode(s->incident, id);
		printf("incident     %s calls for its renewal\n", id);
	}
}

static void print_logs(struct ctx *c, const struct answer *a)
{
	const struct cert_shown *s = &a->cert;
	for (size_t i = 0; i < a->scts.n; i++) {
		const struct cert_sct *sct = &a->scts.v[i];
		printf("SCT          log %s (%s%s%s) on %s: %s\n", sct->log_id, sct->log == NULL ? "not in the list" : sct->log,
		    sct->operator== NULL ? "" : ", of ", sct->operator== NULL ? "" : sct->operator,
		    operator_time(c->arena, sct->at, "?"), sct->state);
	}
	if (a->scts.n > 0) {
		printf("logged       %s\n",
		    operator_time(c->arena, s->logged_at, "no transparency log has the certificate itself yet"));
	}
}

static void print_origin(struct ctx *c, const struct answer *a)
{
	const struct cert_shown *s = &a->cert;
	char account[ID_TEXT_SIZE];
	char order[ID_TEXT_SIZE];
	id_encode(s->account_id, account);
	id_encode(s->order_id, order);
	printf("account      %s\norder        %s\n", account, order);
	for (size_t i = 0; i < s->validations.n; i++) {
		const struct cert_proof *p = &s->validations.v[i];
		printf("validation   %s by %s on %s%s%s\n", p->name, p->method, operator_time(c->arena, p->at, "?"),
		    p->quorum == NULL ? "" : ", perspectives ", p->quorum == NULL ? "" : p->quorum);
	}
	print_logs(c, a);
	printf("\nThe evidence, with a proof of each claim (requests, lookups, CAA, policy, lints, signer): cairn audit "
	       "why %s\n",
	    s->serial);
}

/* A precertificate is a promise that is signed, whatever becomes of it (D-55, H-15). */
static void print_digests(const struct answer *a)
{
	bool waits = strcmp(a->cert.status, "signing") == 0;
	const char *none = a->precertificate_sha256 == NULL ? (waits ? "it is being signed" : "it was not signed")
	                   : waits                          ? "the precertificate is signed, and waits for its certificate"
	                                                    : "the precertificate is signed, the certificate was given up";
	printf("SHA-256      %s\n", a->sha256 == NULL ? none : a->sha256);
	if (a->precertificate_sha256 != NULL) {
		printf("promised by  precertificate, SHA-256 %s\n", a->precertificate_sha256);
	}
}

static void print(struct ctx *c, const struct answer *a)
{
	const struct cert_shown *s = &a->cert;
	printf("serial       %s\nnames        %s\n", s->serial, operator_joined(c->arena, &s->names, "none"));
	printf("lasts        %s to %s\n", operator_time(c->arena, s->not_before, "?"),
	    operator_time(c->arena, s->not_after, "?"));
	print_status(c, a);
	printf("issuer       %s\nprofile      %s\n", s->issuer, s->profile);
	printf("key          %s, SHA-256 %s\n", a->key == NULL ? "?" : a->key, s->spki_sha256);
	print_digests(a);
	if (a->crl_url != NULL) {
		printf("CRL          %s (shard %lld)\n", a->crl_url, (long long) s->crl_shard);
	}
	print_origin(c, a);
}

static int show(struct ctx *c, const struct request *r, const struct config *config, const struct cert_shown *cert)
{
	struct answer a = { .cert = *cert, .validations = cert->validations };
	a.reason = cert->revoked_at.us == 0 ? NULL : revocation_reason_name(cert->reason);
	TRY(read_der(c, config, &a));
	if (r->options.json) {
		operator_print(c->arena, &answer_fields, &a);
	} else {
		print(c, &a);
	}
	return 0;
}

static int export(struct ctx *c, const struct request *r, const struct config *config, const struct cert_shown *cert)
{
	(void) config;
	if (cert->der.n == 0) {
		return FAIL(c, NOT_FOUND,
		    cert->precertificate.n == 0 ? "The certificate was never signed"
		                                : "There is a precertificate, but the certificate is not signed");
	}
	struct bytes content = cert->der;
	if (r->form == NULL || strcmp(r->form, "der") != 0) {
		content = cert_to_pem(c->arena, cert->der);
	}
	if (r->form != NULL && strcmp(r->form, "chain") == 0) {
		content = bytes_of_text(arena_printf(
		    c->arena, "%.*s%s", (int) content.n, (const char *) content.p, cert->chain == NULL ? "" : cert->chain));
	}
	if (r->out != NULL) {
		return file_make(c, r->out, content, 0644);
	}
	return fwrite(content.p, 1, content.n, stdout) == content.n ? 0 : FAIL(c, SERVER_INTERNAL, "It can't be written");
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "form", required_argument, NULL, 'f' },
	{ "out", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['f'] = &r->form, ['o'] = &r->out };
	return operator_text(&r->options, texts, opt);
}

static const struct operator_command show_command = { "cert show", show_usage, options, take_option };
static const struct operator_command export_command = { "cert export", export_usage, options, take_option };

static bool is_form(const char *form)
{
	return form == NULL || strcmp(form, "pem") == 0 || strcmp(form, "der") == 0 || strcmp(form, "chain") == 0;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	const struct config *config = NULL;
	struct cert_shown cert;
	bool shows = strcmp(argv[0], "show") == 0;
	const struct operator_command *command = shows ? &show_command : &export_command;
	int code = operator_read(command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	if (optind + 1 != argc || operator_serial(c->arena, argv[optind], &r.serial) != 0) {
		return operator_misused(command, "name one certificate: " OPERATOR_NO_SERIAL);
	}
	if (!is_form(r.form) || (shows && (r.form != NULL || r.out != NULL)) || (!shows && r.options.json)) {
		return operator_misused(
		    command, "--form wants pem, der or chain and goes with cert export, --json with cert show");
	}
	if (operator_open(c, &r.options, cert_statements, cert_statements_n, &config) != 0 ||
	    cert_show(c, r.serial, &cert) != 0 || (shows ? show : export)(c, &r, config, &cert) != 0) {
		operator_complain(c, command->name);
		return 1;
	}
	return 0;
}

int cert_show_command(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}

int cert_export_command(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
