#include "policy/cps.h"

#include <string.h>

#include "lib/base/ip.h"
#include "lib/crypto/csr.h"
#include "policy/challenges.h"
#include "policy/notice_text.h"
#include "policy/revocation.h"

#define DAY_S 86400

static const char *text_or(const char *text, const char *otherwise)
{
	return text == NULL || text[0] == '\0' ? otherwise : text;
}

static void say_caa(struct notice_text *t, const struct config *config)
{
	const struct text_list *names = &config->acme.caa_identities;
	notice_heading(t, "CAA records (4.2)");
	notice_say(
	    t, names->n > 0
	           ? "The issuer domain names that this CA recognises in the CAA properties issue and issuewild, "
	             "and in records of dns-persist-01:"
	           : "This CA recognises no issuer domain name in CAA: every set with an issue property keeps it out.");
	for (size_t i = 0; i < names->n; i++) {
		notice_point(t, "%s", names->v[i]);
	}
	notice_say(t,
	    "CAA is processed as RFC 8659 says, for every name before a certificate with it is issued, at most eight "
	    "hours before. For a wildcard, issuewild counts where there is one, else issue.");
	notice_say(t,
	    "Parameters (RFC 8657): accounturi is compared octet for octet with the URL of the account that ordered. "
	    "validationmethods is a list, divided by commas, of labels in lower case, each compared octet for octet "
	    "with the labels above; any of a method's labels permits it, a list without one of them permits nothing. "
	    "A malformed value, or a parameter that stands twice, authorises nobody.");
	notice_say(t, "%s",
	    strcmp(config->va.caa_lookup_failure, "refuse") == 0
	        ? "A lookup that fails is made again; if it fails too, nothing is issued."
	        : "A lookup that fails is made again; if it fails too, nothing is issued, unless the failure lies outside "
	          "of this CA's infrastructure and DNSSEC shows that the zone is not signed.");
}

static void say_methods(struct notice_text *t, const struct config *config)
{
	static const char *const of[IDENTIFIER_KINDS] = { "DNS names", "wildcard names", "IP addresses", "onion services" };
	static const char *const head[] = { "Of", "Method", "Labels in validationmethods", "Baseline Requirements" };
	notice_heading(t, "Validation of control (3.2.2)");
	notice_row(t, head, COUNT_OF(head), true);
	for (size_t kind = 0; kind < IDENTIFIER_KINDS; kind++) {
		for (size_t i = 0; i < challenge_kinds_n; i++) {
			const struct challenge_kind *one = &challenge_kinds[i];
			const char *section = kind == IDENTIFIER_IP ? one->address_section : one->section;
			const char *const cells[] = { of[kind], one->type,
				one->caa_label == NULL ? one->type : arena_printf(t->b.arena, "%s, %s", one->type, one->caa_label),
				text_or(section, "-") };
			if (challenge_is_offered(&config->policy.challenges, one, (enum identifier_kind) kind)) {
				notice_row(t, cells, COUNT_OF(cells), false);
			}
		}
	}
	notice_end_table(t);
	notice_say(t, "Addresses that the special-purpose registries of the IANA of %s reserve are not validated%s.",
	    IP_SPECIAL_AS_OF, config->va.allow_networks.n > 0 ? ", except in networks that this CA's operator named" : "");
}

static void say_places(struct notice_text *t, const struct config *config)
{
	const struct config_va *va = &config->va;
	static const char *const head[] = { "Perspective", "Region", "Place" };
	notice_heading(t, "Network perspectives (3.2.2.9)");
	if (va->perspectives.n == 0) {
		notice_say(t, "Control is validated, and CAA looked up, from one place.");
	} else {
		notice_say(t, "Control is validated, and CAA looked up, from the CA's own place and from these:");
		notice_row(t, head, COUNT_OF(head), true);
		for (size_t i = 0; i < va->perspectives.n; i++) {
			const struct config_perspective *one = &va->perspectives.v[i];
			const char *const cells[] = { one->name, text_or(one->region, "-"), text_or(one->place, "-") };
			notice_row(t, cells, COUNT_OF(cells), false);
		}
		notice_end_table(t);
	}
	notice_say(t, "Answers of DNS are verified by DNSSEC up to the root%s. What does not verify is never permission.",
	    va->root_trust_anchors.n > 0 ? " of this CA's own configuration" : " of the IANA");
	for (size_t i = 0; i < va->resolvers.n; i++) {
		if (strcmp(va->resolvers.v[i].dnssec, "off") == 0) {
			notice_point(t, "DNSSEC is not verified below %s.", va->resolvers.v[i].zone);
		} else if (va->resolvers.v[i].trust_anchors.n > 0) {
			notice_point(
			    t, "Below %s it is verified up to keys of this CA's own configuration.", va->resolvers.v[i].zone);
		}
	}
}

static const char *days(struct arena *a, int64_t s)
{
	return s % DAY_S == 0 ? arena_printf(a, "%lld d", (long long) (s / DAY_S))
	                      : arena_printf(a, "%lld s", (long long) s);
}

static void say_profiles(struct notice_text *t, const struct config *config)
{
	static const char *const head[] = { "Profile", "Validity", "Validations are relied on for", "Names at most" };
	notice_heading(t, "Certificates (6.3.2, 7.1)");
	notice_row(t, head, COUNT_OF(head), true);
	for (size_t i = 0; i < config->policy.profiles.n; i++) {
		const struct config_profile *one = &config->policy.profiles.v[i];
		const char *const cells[] = { one->name, days(t->b.arena, one->life_s),
			days(t->b.arena, one->authorization_life_s), arena_printf(t->b.arena, "%lld", (long long) one->max_names) };
		if (!one->withdrawn) {
			notice_row(t, cells, COUNT_OF(cells), false);
		}
	}
	notice_end_table(t);
}

static void say_status(struct notice_text *t, const struct config *config)
{
	bool ocsp = false;
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		ocsp = ocsp || config->ca.issuers.v[i].ocsp_url != NULL;
	}
	notice_heading(t, "Status of certificates (4.9, 4.10)");
	notice_point(t,
	    "CRLs are made anew within minutes of a revocation, and at least every %lld hours; each is valid for %lld "
	    "hours.",
	    (long long) (config->ca.crl_period_s / 3600), (long long) (config->ca.crl_life_s / 3600));
	notice_point(t, "%s", ocsp ? "OCSP is answered." : "OCSP is not answered.");
	notice_point(t, "%s",
	    config->ct.log_list_file != NULL ? "Certificates are logged by Certificate Transparency."
	                                     : "Certificates are not logged by Certificate Transparency.");
}

/* E-43: what root programs want to read in so many words; a private CA owes it to nobody. */
static void say_programs(struct notice_text *t, const struct config *config)
{
	if (strcmp(config->policy.mode, "webpki") != 0) {
		return;
	}
	notice_heading(t, "Conformance (1.1, 2.2)");
	notice_say(t,
	    "This CA conforms to the current version of the Baseline Requirements for the Issuance and Management of "
	    "Publicly-Trusted TLS Server Certificates, published at https://www.cabforum.org. In the event of any "
	    "inconsistency between this document and those Requirements, those Requirements take precedence over this "
	    "document.");
	notice_say(t, "This CA adheres to the current versions of the CCADB Policy and of the Chrome Root Program Policy.");
}

/* E-1, E-2, E-15: the table by which `cairn revoke` works, and what it takes as a proof. */
static void say_revocation(struct notice_text *t)
{
	static const char *const head[] = { "Circumstance", "Source", "Within", "Reason in the CRL" };
	notice_heading(t, "Circumstances for revocation (4.9)");
	notice_row(t, head, COUNT_OF(head), true);
	for (size_t i = 0; i < revocation_occasions_n; i++) {
		const struct revocation_occasion *one = &revocation_occasions[i];
		const char *const cells[] = { one->text, one->clause,
			arena_printf(t->b.arena, "%lld h", (long long) (one->within_s / 3600)),
			one->reason == 0 ? "none" : revocation_reason_name(one->reason) };
		notice_row(t, cells, COUNT_OF(cells), false);
	}
	notice_end_table(t);
	notice_say(t, "That a private key is compromised is shown (4.9.12) by");
	notice_point(t, "a request revokeCert of ACME (RFC 8555 7.6) that the key of the certificate signed;");
	notice_point(t,
	    "a certificate request (PKCS#10) that the key signed, whose common name is or begins with \"" CSR_PROOF "\";");
	notice_point(t, "the private key itself, given to the operator: it is tried, and not kept.");
}

/* What the Baseline Requirements forbid and this configuration does. */
static void say_private(struct notice_text *t, const struct config *config)
{
	if (strcmp(config->policy.mode, "webpki") == 0) {
		return;
	}
	notice_heading(t, "Where this CA does not follow the Baseline Requirements");
	notice_point(
	    t, "It is a private CA (policy.mode: private): lives, reuse and perspectives are what its operator sets.");
	if (config->policy.internal_names.n > 0) {
		notice_point(t, "Names of zones outside of the public DNS may be in certificates.");
	}
	if (config->va.allow_networks.n > 0) {
		notice_point(t, "Hosts in networks that are not public may be validated.");
	}
	notice_point(t, "Names may be granted to accounts without validation; each grant is on record.");
}

/* G-58: in short, as the notice itself tells all. */
static void say_privacy(struct notice_text *t, const struct config *config)
{
	notice_heading(t, "Privacy of personal information (9.4)");
	notice_say(t,
	    "The privacy plan (9.4.1) is the notice at %s/privacy, which the software writes from this configuration and "
	    "from the rules by which it deletes: what is kept of whom, how long, and who sees it.",
	    config->acme.external_url);
	notice_say(t,
	    "Private (9.4.2) are contacts by which an account is recovered, which are sealed and never made public, "
	    "and what is known of those who rely on certificates or visit the pages of this CA.");
	notice_say(t,
	    "Not private (9.4.3) are certificates and CRLs with all that stands in them. Requests of subscribers, "
	    "and what was seen when their names were validated, may be made public too.");
	notice_say(t, "Disclosure (9.4.6):");
	notice_say_disclosure(t, "the subscriber's", "Those whom it is about are");
}

struct bytes cps_write(struct arena *a, const struct config *config, enum notice_form form)
{
	struct notice_text t;
	notice_begin(&t, a, form, "For the certification practice statement");
	notice_say(&t,
	    "What the configuration of the certificate authority at %s decides of its practice, by the sections of RFC "
	    "3647 and of "
	    "the Baseline Requirements. Its software writes this page.",
	    config->acme.external_url);
	say_programs(&t, config); /* in the order of RFC 3647 6 (F-59) */
	say_methods(&t, config);
	say_places(&t, config);
	say_caa(&t, config);
	say_revocation(&t);
	say_status(&t, config);
	say_profiles(&t, config);
	say_privacy(&t, config);
	say_private(&t, config);
	return notice_end(&t);
}
