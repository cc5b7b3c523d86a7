/* The keys of cairn-ca, for the closed list in config.c, and what must hold for them. */
#include <string.h>

#include "lib/base/config_check.h"
#include "lib/base/config_tables.h"

static const struct field issuer_field[] = {
	FIELD(struct config_issuer, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64,
	    .help = "Short name in URLs and records."),
	FIELD(struct config_issuer, cert_file, .flags = FIELD_REQUIRED | FIELD_PATH, .help = "Its certificate, PEM."),
	FIELD(struct config_issuer, key_file, .flags = FIELD_PATH,
	    .help = "Its key, PEM; encrypted when a passphrase is given (docs/keys.md). Not in mode webpki."),
	FIELD(struct config_issuer, passphrase_file, .flags = FIELD_PATH,
	    .help = "File with the passphrase of key_file, one line."),
	FIELD(struct config_issuer, passphrase_credential, .min = 1, .max = 255,
	    .help = "The same as a credential of systemd, by its name."),
	FIELD(struct config_issuer, key_label, .min = 1, .max = 255,
	    .help = "Instead of key_file: label of its key in the token (ca.token)."),
	FIELD(struct config_issuer, key_id, .min = 2, .max = 510,
	    .help = "The same by CKA_ID, in hexadecimal; both when one is not enough."),
	FIELD(struct config_issuer, crl_url, .flags = FIELD_REQUIRED, .help = "URL of its CRL, written into certificates."),
	FIELD(struct config_issuer, crl_shards, .def = "1", .min = 1, .max = 1000,
	    .help = "Among how many CRLs its new certificates are spread; those beyond the first have the URL .../1.crl "
	            "beside ....crl."),
	FIELD(struct config_issuer, aia_url, .flags = FIELD_REQUIRED,
	    .help = "URL of its certificate (DER), written into certificates."),
	FIELD(struct config_issuer, ocsp_url,
	    .help =
	        "URL of its OCSP responder, such as http://ca.example/ocsp; without it there is no OCSP (docs/ocsp.md)."),
	FIELD(struct config_issuer, ocsp_named, .def = "true",
	    .help = "New certificates name the responder; false: its answers are made for those that do."),
	FIELD(struct config_issuer, alternate_chains, .flags = FIELD_PATH, .def = "[]", .min = 0, .max = 9,
	    .help = "PEM files of other chains, each from a certificate of this issuer's key on that another CA signed."),
	FIELD(struct config_issuer, profiles, .def = "[]", .min = 0, .max = 32,
	    .help = "Profiles whose certificates it signs; empty: all."),
	FIELD(struct config_issuer, active, .def = "true",
	    .help = "Sign new certificates; false: CRLs only, and what was begun (docs/issuers.md)."),
};
static const struct fields issuer_fields = FIELDS(struct config_issuer, issuer_field);

static const struct field token_field[] = {
	FIELD(struct config_token, module, .flags = FIELD_PATH,
	    .help = "PKCS#11 module, such as /usr/lib/softhsm/libsofthsm2.so; without it there is no token."),
	FIELD(struct config_token, label, .min = 1, .max = 32, .help = "Label of the token."),
	FIELD(struct config_token, serial, .min = 1, .max = 16,
	    .help = "Its serial number; both when the label is not enough."),
	FIELD(struct config_token, pin_file, .flags = FIELD_PATH,
	    .help = "File with the user PIN, one line; without it and pin_credential the terminal of cairn-ca is asked."),
	FIELD(struct config_token, pin_credential, .min = 1, .max = 255,
	    .help = "The same as a credential of systemd, by its name."),
	FIELD(struct config_token, refused_file, .flags = FIELD_PATH,
	    .help = "File in which cairn-ca keeps, by a digest, which PIN the token refused, so that no restart gives it "
	            "again; "
	            "absent: pin_file with .refused behind it."),
	FIELD(struct config_token, approval, .min = 1, .max = 200,
	    .help =
	        "How the module is certified, such as \"FIPS 140-3 certificate 4703\": told at the start, needed in mode "
	        "webpki."),
	FIELD(struct config_token, paths, .flags = FIELD_PATH, .def = "[]", .min = 0, .max = 16,
	    .help = "Files and folders that the module reads and writes, beside what lies below /usr."),
	FIELD(struct config_token, network, .def = "false", .help = "The module speaks over sockets."),
};
const struct fields config_token_fields = FIELDS(struct config_token, token_field);

static const struct field ca_field[] = {
	PROCESS_KEYS(struct config_ca, "14103", "14113", "8"), DATABASE_KEY(struct config_ca),
	FIELD_STRUCTS(struct config_ca, issuers, &issuer_fields, .flags = FIELD_REQUIRED, .def = "[]", .min = 0, .max = 16,
	    .help = "Issuing certificates and their keys."),
	FIELD_STRUCT(struct config_ca, token, &config_token_fields,
	    .help = "The hardware security module, or another token, that holds keys of issuers."),
	FIELD(struct config_ca, disclosed, .def = "[]", .min = 0, .max = 16,
	    .help = "Issuers that stand in the CCADB: in mode webpki no other may be active (docs/issuers.md)."),
	FIELD(struct config_ca, backdate_s, .def = "3600", .min = 0, .max = CONFIG_BACKDATE_MAX_S,
	    .help = "Seconds by which notBefore lies before the signature, unless the profile says otherwise."),
	FIELD(struct config_ca, crl_period_s, .def = "21600", .min = 60, .max = 259200,
	    .help = "Seconds after which a CRL is made anew."), /* E-22 */
	FIELD(struct config_ca, crl_life_s, .def = "604800", .min = 3600, .max = 864000,
	    .help = "Seconds from a CRL's thisUpdate to its nextUpdate."), /* E-21 */
	FIELD(struct config_ca, ocsp_life_s, .def = "345600", .min = 28800, .max = 604800,
	    .help = "Seconds that an OCSP answer is good for; it is made anew after half of them."), /* E-35 */
	FIELD(struct config_ca, linter_url, .min = 1, .max = 300,
	    .help =
	        "URL of an outside linter with pkimetal's interface, without /linttbscert at its end (docs/linting.md)."),
	FIELD(struct config_ca, linter_timeout_ms, .def = "5000", .min = 100, .max = 20000,
	    .help = "Milliseconds that it has for an answer."),
	FIELD(struct config_ca, linter_required, .def = "true",
	    .help = "Sign nothing without its answer; false: only what it finds an error in is not signed."),
	FIELD(struct config_ca, urls_probe_s, .def = "3600", .min = 0, .max = 86400,
	    .help = "Seconds after which cairn-ca fetches again what the URLs in certificates lead to; 0: never."),
	FIELD(struct config_ca, urls_required, .def = "false",
	    .help = "Issue nothing after a start before all of them were right once; in mode webpki always."), /* D-15 */
};
const struct fields config_ca_fields = FIELDS(struct config_ca, ca_field);

struct text_list config_crl_urls(struct arena *a, const struct config_issuer *issuer)
{
	size_t n = (size_t) issuer->crl_shards;
	struct text_list urls = { ARENA_ARRAY(a, n, const char *), n };
	size_t stem = strlen(issuer->crl_url);
	if (stem > 4 && strcmp(issuer->crl_url + stem - 4, ".crl") == 0) {
		stem -= 4;
	}
	urls.v[0] = issuer->crl_url;
	for (size_t i = 1; i < n; i++) {
		urls.v[i] = arena_printf(a, "%.*s/%zu.crl", (int) stem, issuer->crl_url, i);
	}
	return urls;
}

static bool is_hex(const char *text)
{
	size_t n = strlen(text);
	return n % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == n;
}

/* One key, and not a word about another one. */
static const char *key_fault_of(const struct config_issuer *issuer, const struct config_token *token)
{
	bool in_token = issuer->key_label != NULL || issuer->key_id != NULL;
	bool sealed = issuer->passphrase_file != NULL || issuer->passphrase_credential != NULL;
	if (in_token == (issuer->key_file != NULL)) {
		return "needs either key_file, or key_label or key_id for a key in the token";
	}
	if (in_token && token->module == NULL) {
		return "has its key in a token, but ca.token.module is missing";
	}
	if (in_token && sealed) {
		return "has a passphrase but no key_file";
	}
	if (issuer->passphrase_file != NULL && issuer->passphrase_credential != NULL) {
		return "has passphrase_file and passphrase_credential: one of them";
	}
	return issuer->key_id == NULL || is_hex(issuer->key_id) ? NULL : "has a key_id that is not hexadecimal";
}

static int check_token(struct ctx *c, const struct config_token *token)
{
	if (token->module != NULL && token->label == NULL && token->serial == NULL) {
		return FAIL(
		    c, MALFORMED, "ca.token: label or serial is needed, as numbers of slots change from one start to the next");
	}
	if (token->pin_file != NULL && token->pin_credential != NULL) {
		return FAIL(c, MALFORMED, "ca.token: pin_file or pin_credential, not both");
	}
	if (token->pin_credential != NULL && token->refused_file == NULL) {
		return FAIL(
		    c, MALFORMED, "ca.token: pin_credential needs refused_file, a file that stays when cairn-ca starts again");
	}
	return 0;
}

static bool is_profile(const struct config_profile_list *profiles, const char *name)
{
	bool found = false;
	for (size_t i = 0; i < profiles->n; i++) {
		found = found || strcmp(profiles->v[i].name, name) == 0;
	}
	return found;
}

static int check_profiles(struct ctx *c, const struct config_issuer *issuer, const struct config_profile_list *profiles)
{
	for (size_t i = 0; i < issuer->profiles.n; i++) {
		if (!is_profile(profiles, issuer->profiles.v[i])) {
			return FAIL(c, MALFORMED,
			    "ca.issuers: \"%s\" is for the profile \"%s\", which policy.profiles does not have", issuer->name,
			    issuer->profiles.v[i]);
		}
	}
	return 0;
}

int config_check_ca(struct ctx *c, const struct config *config)
{
	const struct config_ca *ca = &config->ca;
	TRY(check_token(c, &ca->token));
	for (size_t i = 0; i < ca->issuers.n; i++) {
		const struct config_issuer *issuer = &ca->issuers.v[i];
		const char *fault = key_fault_of(issuer, &ca->token);
		if (fault != NULL) {
			return FAIL(c, MALFORMED, "ca.issuers: \"%s\" %s", issuer->name, fault);
		}
		TRY(check_profiles(c, issuer, &config->policy.profiles));
		for (size_t k = 0; k < i; k++) {
			if (strcmp(ca->issuers.v[k].name, issuer->name) == 0) {
				return FAIL(c, MALFORMED, "ca.issuers.name: \"%s\" stands twice", issuer->name);
			}
		}
	}
	if (ca->urls_required && ca->urls_probe_s == 0) {
		return FAIL(c, MALFORMED, "ca.urls_required: needs ca.urls_probe_s, or nothing is ever issued");
	}
	if (ca->crl_life_s <= ca->crl_period_s) {
		return FAIL(
		    c, MALFORMED, "ca.crl_life_s: must be more than ca.crl_period_s, or a CRL ends before the next one");
	}
	return 0;
}

static bool is_disclosed(const struct text_list *disclosed, const char *issuer)
{
	for (size_t i = 0; i < disclosed->n; i++) {
		if (strcmp(disclosed->v[i], issuer) == 0) {
			return true;
		}
	}
	return false;
}

/* F-1, F-2, D-15, D-29 */
int config_require_ca(struct ctx *c, const struct config *config)
{
	if (!config_is_webpki(&config->policy)) {
		return 0;
	}
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		if (config->ca.issuers.v[i].key_file != NULL) {
			return FAIL(c, MALFORMED,
			    "ca.issuers: \"%s\" has its key in a file; mode webpki needs it in a certified module (ca.token, "
			    "docs/keys.md)",
			    config->ca.issuers.v[i].name);
		}
		if (config->ca.issuers.v[i].active && !is_disclosed(&config->ca.disclosed, config->ca.issuers.v[i].name)) {
			return FAIL(c, MALFORMED,
			    "ca.issuers: \"%s\" is active and does not stand in ca.disclosed: in mode webpki it signs nothing "
			    "before it "
			    "stands in the CCADB. Until then: active: false",
			    config->ca.issuers.v[i].name);
		}
	}
	if (config->ca.urls_probe_s == 0) {
		return FAIL(c, MALFORMED,
		    "ca.urls_probe_s: 0 is not for mode webpki, whose certificates name no URL that does not work");
	}
	return config->ca.token.approval != NULL
	           ? 0
	           : FAIL(c, MALFORMED, "ca.token.approval is missing: mode webpki needs a certified module");
}
