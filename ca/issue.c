/* A certificate's way through the CA (design 4.3): template and lint, then one transaction that fixes serial and bytes,
 * then the signature, then one transaction that makes the order valid. Each step may be repeated. */
#include <string.h>
#include <time.h>

#include "ca/ca.h"
#include "ca/finish.h"
#include "ca/linter.h"
#include "ca/refuse.h"
#include "ca/statements.h"
#include "ca/steady.h"
#include "ca/urls.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/jwk.h"
#include "lib/rpc/handlers.h"
#include "policy/challenges.h"
#include "policy/keys.h"
#include "policy/lints.h"

#define SERIAL_PREFIX 1
#define POLL_NS 200000000

struct begin_params {
	struct id id;
	struct id order_id;
	struct id account_id;
	struct text_list types;
	struct text_list values;
	const char *issuer;
	const char *profile;
	struct bytes serial;
	struct bytes tbs;
	struct bytes spki_sha256;
	struct text_list names;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *holder;
	int64_t lease_s;
	struct id request_id;
	struct bytes account_thumbprint;
	struct bytes key_thumbprint;
	bool remembered;
	struct text_list methods;
	bool webpki;
	const char *limits;
	int64_t crl_shard;
};

static const struct field begin_field[] = {
	FIELD(struct begin_params, id),
	FIELD(struct begin_params, order_id),
	FIELD(struct begin_params, account_id),
	FIELD(struct begin_params, types),
	FIELD(struct begin_params, values),
	FIELD(struct begin_params, issuer),
	FIELD(struct begin_params, profile),
	FIELD(struct begin_params, serial),
	FIELD(struct begin_params, tbs),
	FIELD(struct begin_params, spki_sha256),
	FIELD(struct begin_params, names),
	FIELD(struct begin_params, not_before),
	FIELD(struct begin_params, not_after),
	FIELD(struct begin_params, holder),
	FIELD(struct begin_params, lease_s),
	FIELD(struct begin_params, request_id),
	FIELD(struct begin_params, account_thumbprint),
	FIELD(struct begin_params, key_thumbprint),
	FIELD(struct begin_params, remembered),
	FIELD(struct begin_params, methods),
	FIELD(struct begin_params, webpki),
	FIELD(struct begin_params, limits),
	FIELD(struct begin_params, crl_shard),
};
static const struct fields begin_fields = FIELDS(struct begin_params, begin_field);

struct begin_row {
	bool mine;
};
static const struct field begin_row_field[] = { FIELD(struct begin_row, mine, .flags = FIELD_REQUIRED) };
static const struct fields begin_row_fields = FIELDS(struct begin_row, begin_row_field);

/* Repeatable: a second run finds that the first one began. */
const struct statement begin_issuance = {
	.name = "begin_issuance",
	.sql = "SELECT ca.begin_issuance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
	       "$19, $20, $21, $22::jsonb, $23) AS mine",
	.params = &begin_fields,
	.row = &begin_row_fields,
	.repeatable = true,
};

struct resume_params {
	struct id order_id;
	struct id account_id;
	struct bytes spki_sha256;
	const char *place;
	const char *holder;
	int64_t lease_s;
};
static const struct field resume_field[] = {
	FIELD(struct resume_params, order_id),
	FIELD(struct resume_params, account_id),
	FIELD(struct resume_params, spki_sha256),
	FIELD(struct resume_params, place),
	FIELD(struct resume_params, holder),
	FIELD(struct resume_params, lease_s),
};
static const struct fields resume_fields = FIELDS(struct resume_params, resume_field);

/* Repeatable: who took the lease by a call whose answer is lost waits until it lapses. */
const struct statement resume_issuance = {
	.name = "resume_issuance",
	.sql = "SELECT * FROM ca.resume_issuance($1, $2, $3, $4, $5, $6)",
	.params = &resume_fields,
	.row = &begun_fields,
	.repeatable = true,
};

/* The names of the request by their kinds, and as the database has them. */
struct names {
	struct text_list types;
	struct text_list values;
	struct text_list dns;
	struct text_list ip;
};

static int split_names(struct ctx *c, const struct identifier_list *in, struct names *ret)
{
	struct names names = { 0 };
	struct text_list *lists[] = { &names.types, &names.values, &names.dns, &names.ip };
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		lists[i]->v = ARENA_ARRAY(c->arena, in->n, const char *);
	}
	for (size_t i = 0; i < in->n; i++) {
		bool dns = strcmp(in->v[i].type, "dns") == 0;
		if (!dns && strcmp(in->v[i].type, "ip") != 0) {
			return FAIL(c, UNSUPPORTED_IDENTIFIER, "Identifiers of type %s are not supported", in->v[i].type);
		}
		struct text_list *kind = dns ? &names.dns : &names.ip;
		kind->v[kind->n++] = in->v[i].value;
		names.types.v[names.types.n++] = in->v[i].type;
		names.values.v[names.values.n++] = in->v[i].value;
	}
	*ret = names;
	return 0;
}

/* */
static int set_validity(struct ctx *c, const struct issue_certificate_request *in, const struct config_profile *profile,
    const struct issuer *issuer, struct cert_template *t)
{
	const struct validity_terms terms = { .now = clock_now(),
		.backdate_s = profile->backdate_s,
		.issuer_ends = issuer->info.not_after,
		.asked = { in->not_before, in->not_after } };
	struct validity validity;
	TRY(profile_validity(c, profile, &terms, &validity));
	t->not_before = validity.from;
	t->not_after = validity.to;
	return 0;
}

/* As they stand in the certificate. */
static struct text_list all_names(struct arena *a, const struct names *names)
{
	struct text_list all = { ARENA_ARRAY(a, names->values.n, const char *), 0 };
	for (size_t i = 0; i < names->dns.n; i++) {
		all.v[all.n++] = names->dns.v[i];
	}
	for (size_t i = 0; i < names->ip.n; i++) {
		all.v[all.n++] = names->ip.v[i];
	}
	return all;
}

struct subject {
	const struct config_profile *profile;
	struct keys_read key;
	struct names names;
};

/* The signer does this again; here it keeps bad bytes from being fixed for the order. What has an error ends the order; that the outside linter
 * is away does not (F-30, F-32). */
static int look(struct ctx *c, enum cert_kind kind, const struct issuer *issuer, const struct subject *subject,
    const struct begin_params *params)
{
	const struct lint_options options = {
		.mode = ca.mode,
		.now = clock_now(),
		.issuer = &issuer->info,
		.profile = subject->profile,
		.key = &subject->key,
		.constraints = &issuer->constraints,
		.ocsp_url = issuer->config->ocsp_url,
	};
	if (lint_certificate(c, kind, params->tbs, &options) == 0 && linter_ask(c, &ca.config->ca, params->tbs) == 0) {
		return 0;
	}
	if (c->err.type == PROBLEM_SERVER_INTERNAL) {
		refuse_certificate(c, &(struct refused) { params->order_id, params->account_id, params->issuer, params->profile,
		                          params->serial, params->tbs });
	}
	return -1;
}

static int build(struct ctx *c, const struct issue_certificate_request *in, const struct issuer *issuer,
    const struct subject *subject, struct begin_params *params)
{
	const struct names *names = &subject->names;
	const struct crl_shard *shard = issuer_choose_shard(issuer);
	uint8_t *serial = arena_alloc(c->arena, CERT_SERIAL_SIZE);
	const struct config_profile *profile = subject->profile;
	TRY(profile_check(c, profile, ca.mode, clock_now()));
	cert_serial_new(SERIAL_PREFIX, serial);
	struct cert_template t = {
		.kind = CERT_LEAF,
		.serial = { serial, CERT_SERIAL_SIZE },
		.sigalg = sigalg_of_key(issuer->public_key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.dns_names = names->dns,
		.ip_addresses = names->ip,
		.spki = in->public_key,
		.crl_url = shard->url, /* of every profile: short-lived ones are revocable too (E-3) */
		.aia_url = issuer->config->aia_url,
		.ocsp_url = issuer->config->ocsp_named ? issuer->config->ocsp_url : NULL, /* E-39 */
	};
	params->crl_shard = shard->shard;
	profile_apply(profile, in->common_name, &t); /* the lints refuse a common name that is none of the names (D-39) */
	if (ca.config->ct.log_list_file != NULL) {
		t.kind = CERT_PRECERTIFICATE;
	}
	TRY(set_validity(c, in, profile, issuer, &t));
	TRY(cert_build_tbs(c, &t, &params->tbs));
	params->profile = profile->name;
	params->serial = t.serial;
	params->names = all_names(c->arena, names);
	params->not_before = t.not_before;
	params->not_after = t.not_after;
	return look(c, t.kind, issuer, subject, params);
}

/* Waits while another thread or instance holds the lease, and takes over when nobody works on it any more. */
static int resume(struct ctx *c, const struct begin_params *begin, struct begun *ret)
{
	const struct resume_params params = {
		.order_id = begin->order_id,
		.account_id = begin->account_id,
		.spki_sha256 = begin->spki_sha256,
		.place = ca.place,
		.holder = ca.instance,
		.lease_s = CA_LEASE_S,
	};
	for (;;) {
		bool found = false;
		TRY(db_row(c, &resume_issuance, &params, ret, &found));
		if (!found) {
			return ctx_fault(c, "resume_issuance gave no row");
		}
		bool waits = ret->precertificate.n > 0 && issuance_is_precertificate(c, ret); /* for logs */
		if (ret->der.n > 0 || ret->mine || waits) {
			return 0;
		}
		if (ctx_left_ms(c, 1000) < 1000) {
			return FAIL(c, UNAVAILABLE, "The certificate is being signed");
		}
		nanosleep(&(struct timespec) { .tv_nsec = POLL_NS }, NULL);
	}
}

static int begin(struct ctx *c, const struct begin_params *params, struct begun *ret)
{
	struct begin_row row;
	bool found = false;
	TRY(db_row(c, &begin_issuance, params, &row, &found));
	if (!row.mine) {
		return resume(c, params, ret);
	}
	*ret = (struct begun) {
		.certificate_id = params->id,
		.issuer = params->issuer,
		.profile = params->profile,
		.serial = params->serial,
		.not_before = params->not_before,
		.not_after = params->not_after,
		.tbs = params->tbs,
		.mine = true,
	};
	return 0;
}

/* F-8: whoever has a certificate for an issuer's key could show what the issuer signs as a server's words. */
static int check_not_own(struct ctx *c, struct bytes spki)
{
	return issuers_own(&ca.issuers, spki)
	           ? ruling_fail(c, PROBLEM_BAD_CSR, "The key is refused:", ruling_of(RULE_KEY_OWN))
	           : 0;
}

static int find_profile(struct ctx *c, const char *name, const struct config_profile **ret)
{
	*ret = profile_find(&ca.config->policy.profiles, name);
	return *ret != NULL ? 0 : FAIL(c, INVALID_PROFILE, "There is no profile %s", name);
}

int ca_issue_certificate_serve(
    struct ctx *c, const struct issue_certificate_request *in, struct issue_certificate_response *ret)
{
	struct subject subject;
	struct jwk jwk;
	uint8_t spki_sha256[SHA256_SIZE];
	struct begun begun;
	if (!ca_crls_stand()) {
		return FAIL(c, UNAVAILABLE, "No CRL stands yet"); /* E-23 */
	}
	const char *fault = urls_fault(); /* D-15 */
	if (fault != NULL) {
		return FAIL(c, UNAVAILABLE, "%s", fault);
	}
	TRY(steady_check(c));
	TRY(keys_read_spki(c, in->public_key, PROBLEM_BAD_CSR, &subject.key));
	/* The database knows the blocked ones. */
	TRY(keys_check_read(c, KEYS_CERTIFICATE, &subject.key, NULL, PROBLEM_BAD_CSR));
	TRY(check_not_own(c, in->public_key));
	TRY(split_names(c, &in->names, &subject.names));
	TRY(jwk_of_key(c, subject.key.key, &jwk));
	TRY(find_profile(c, in->profile, &subject.profile));
	const struct issuer *issuer = issuer_choose(&ca.issuers, subject.profile->name, in->public_key);
	sha256_of(in->public_key, spki_sha256);
	struct begin_params params = {
		.id = id_new(),
		.order_id = in->order_id,
		.account_id = in->account_id,
		.types = subject.names.types,
		.values = subject.names.values,
		.issuer = issuer->config->name,
		.spki_sha256 = { spki_sha256, sizeof(spki_sha256) },
		.holder = ca.instance,
		.lease_s = CA_LEASE_S,
		.request_id = c->request_id,
		.account_thumbprint = in->account_thumbprint,
		.key_thumbprint = { jwk.thumbprint, sizeof(jwk.thumbprint) },
		.remembered = in->remembered,
		.methods = challenge_configured_types(c->arena, &ca.config->policy.challenges), /* C-2 */
		.webpki = ca.mode == POLICY_WEBPKI,                                             /* C-73 */
		.limits = in->limits,
	};
	TRY(build(c, in, issuer, &subject, &params));
	TRY(begin(c, &params, &begun));
	begun.asker = in->asker;
	if (begun.mine) {
		TRY(issuance_finish(c, &begun));
	}
	*ret = issuance_response(&begun);
	return 0;
}
