#include "cli/ceremony.h"

#include <string.h>

#include "cli/ceremony_make.h"
#include "lib/base/config_read.h"
#include "cli/files.h"

static const char *const actions[] = { "root", "intermediate", "crl", NULL };
static const char *const keys[] = { "p256", "p384", "rsa2048", "rsa3072", "rsa4096", NULL };

static const struct field step_field[] = {
	FIELD(struct ceremony_step, action, .flags = FIELD_REQUIRED, .one_of = actions, .help = "What is made."),
	FIELD(struct ceremony_step, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64, .help = "By which others call it."),
	FIELD(struct ceremony_step, issuer, .min = 1, .max = 64, .help = "Name of the step that certifies it."),
	FIELD(struct ceremony_step, key, .one_of = keys, .help = "Kind of the new key."),
	FIELD(struct ceremony_step, country, .min = 2, .max = 2, .help = "Country of the subject."),
	FIELD(struct ceremony_step, organization, .min = 1, .max = 64, .help = "Organization of the subject."),
	FIELD(struct ceremony_step, common_name, .min = 1, .max = 64, .help = "Common name of the subject."),
	FIELD(struct ceremony_step, days, .def = "3650", .min = 1, .max = 9132, .help = "Life in days of 86400 s."),
	FIELD(struct ceremony_step, crl_url, .help = "URL of the issuer's CRL."),
	FIELD(struct ceremony_step, aia_url, .help = "URL of the issuer's certificate."),
	FIELD(struct ceremony_step, cert_file, .flags = FIELD_PATH, .help = "Where the certificate goes, PEM."),
	FIELD(struct ceremony_step, key_file, .flags = FIELD_PATH, .help = "Where the key goes, PEM."),
	FIELD(struct ceremony_step, crl_file, .flags = FIELD_PATH, .help = "Where the CRL goes, DER."),
};
static const struct fields step_fields = FIELDS(struct ceremony_step, step_field);

static const struct field ceremony_field[] = {
	FIELD(struct ceremony, title, .flags = FIELD_REQUIRED, .min = 1, .max = 200, .help = "What this is for."),
	FIELD(struct ceremony, transcript, .flags = FIELD_PATH, .help = "File that records what was made."),
	FIELD_STRUCTS(struct ceremony, steps, &step_fields, .min = 1, .max = 64, .help = "What is made, in this order."),
};
static const struct fields ceremony_fields = FIELDS(struct ceremony, ceremony_field);

static const struct ceremony_step *step_find(const struct ceremony *plan, const char *name, size_t before)
{
	for (size_t i = 0; i < before && name != NULL; i++) {
		if (strcmp(plan->steps.v[i].name, name) == 0 && strcmp(plan->steps.v[i].action, "crl") != 0) {
			return &plan->steps.v[i];
		}
	}
	return NULL;
}

/* What a step of this kind must say. */
static const char *step_fault(const struct ceremony *plan, size_t i)
{
	const struct ceremony_step *s = &plan->steps.v[i];
	bool is_crl = strcmp(s->action, "crl") == 0;
	bool is_root = strcmp(s->action, "root") == 0;
	if (!is_root && step_find(plan, s->issuer, i) == NULL) {
		return "issuer must name an earlier root or intermediate";
	}
	if (is_crl) {
		return s->crl_file == NULL ? "crl_file is missing" : NULL;
	}
	if (s->key == NULL || s->common_name == NULL || s->cert_file == NULL || s->key_file == NULL) {
		return "key, common_name, cert_file and key_file are needed";
	}
	if (!is_root && (s->crl_url == NULL || s->aia_url == NULL)) {
		return "crl_url and aia_url are needed: the URLs of the issuer's CRL and certificate";
	}
	return NULL;
}

static int plan_check(struct ctx *c, const struct ceremony *plan)
{
	for (size_t i = 0; i < plan->steps.n; i++) {
		const char *fault = step_fault(plan, i);
		if (fault != NULL) {
			return FAIL(c, MALFORMED, "step %zu (%s): %s", i + 1, plan->steps.v[i].name, fault);
		}
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
	TRY(yaml_read_file(c, c->arena, path, &root));
	TRY(config_read(c, c->arena, folder_of(c->arena, path), &ceremony_fields, root, &plan));
	if (plan.title == NULL) {
		return FAIL(c, MALFORMED, "%s: title is missing", path);
	}
	TRY(plan_check(c, &plan));
	*ret = plan;
	return 0;
}

/* 1: all its files are there; 0: none; -1 with an error when only some are. */
static int step_state(struct ctx *c, const struct ceremony_step *s)
{
	if (strcmp(s->action, "crl") == 0) {
		return file_exists(s->crl_file) ? 1 : 0;
	}
	bool key = file_exists(s->key_file);
	bool cert = file_exists(s->cert_file);
	if (key && !cert) {
		return FAIL(c, SERVER_INTERNAL,
		    "%s exists without %s: a ceremony was cut off; move the key away and run it again", s->key_file,
		    s->cert_file);
	}
	return cert ? 1 : 0;
}

static const char *sentence(struct arena *a, const struct ceremony_step *s, bool kept)
{
	if (kept) {
		return arena_printf(a, "%s: is there already and is kept", s->name);
	}
	if (strcmp(s->action, "crl") == 0) {
		return arena_printf(a, "%s: CRL of %s without entries in %s", s->name, s->issuer, s->crl_file);
	}
	return arena_printf(a, "%s: %s \"%s\" with a new %s key, %lld days, certified by %s, in %s and %s", s->name,
	    s->action, s->common_name, s->key, (long long) s->days, s->issuer == NULL ? "itself" : s->issuer, s->cert_file,
	    s->key_file);
}

int ceremony_describe(struct ctx *c, const struct ceremony *plan, struct text_list *ret_sentences)
{
	struct text_list list = { ARENA_ARRAY(c->arena, plan->steps.n, const char *), plan->steps.n };
	for (size_t i = 0; i < plan->steps.n; i++) {
		int there = step_state(c, &plan->steps.v[i]);
		if (there < 0) {
			return -1;
		}
		list.v[i] = sentence(c->arena, &plan->steps.v[i], there == 1);
	}
	*ret_sentences = list;
	return 0;
}

int ceremony_run(struct ctx *c, const struct ceremony *plan, struct text_list *ret_made)
{
	struct text_list made = { ARENA_ARRAY(c->arena, plan->steps.n, const char *), 0 };
	TRY(plan_check(c, plan));
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		int there = step_state(c, s);
		if (there < 0) {
			return -1;
		}
		if (there == 0) {
			TRY(ceremony_make(c, s, step_find(plan, s->issuer, i), plan->transcript));
			made.v[made.n++] = sentence(c->arena, s, false);
		}
	}
	*ret_made = made;
	return 0;
}
