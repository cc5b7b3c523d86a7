/* The directory (RFC 8555 7.1.1) and newNonce (7.2). */
#include "policy/challenges.h"
#include "wfe/answer.h"
#include "wfe/notice.h"
#include "wfe/recovery.h"

/* `profiles` has a member for each profile, so that it is JSON of its own (draft-ietf-acme-profiles). */
struct meta {
	const char *terms_of_service;
	const char *website;
	const char *privacy_notice; /* docs/privacy.md */
	struct text_list caa_identities;
	bool external_account_required;
	bool in_band_onion_caa_required;
	json_t *profiles;
	int64_t recovery_delay_s; /* docs/recovery.md */
};
static const struct field meta_field[] = {
	FIELD_AS(struct meta, terms_of_service, "termsOfService"),
	FIELD(struct meta, website),
	FIELD_AS(struct meta, privacy_notice, "privacyNotice"),
	FIELD_AS(struct meta, caa_identities, "caaIdentities"),
	/* Left out when false: some clients take its presence for a yes. */
	FIELD_AS(struct meta, external_account_required, "externalAccountRequired", .flags = FIELD_OMIT_EMPTY),
	FIELD_AS(struct meta, in_band_onion_caa_required, "inBandOnionCAARequired", .flags = FIELD_OMIT_EMPTY),
	FIELD(struct meta, profiles),
	FIELD_AS(struct meta, recovery_delay_s, "accountRecoveryDelay", .flags = FIELD_OMIT_EMPTY),
};
static const struct fields meta_fields = FIELDS(struct meta, meta_field);

/* newAuthz stands there only where it is offered. */
struct directory {
	const char *new_nonce;
	const char *new_account;
	const char *new_order;
	const char *new_authz;
	const char *revoke_cert;
	const char *key_change;
	const char *renewal_info;
	const char *recovery_contacts; /* docs/recovery.md; only where there are any */
	const char *recover_account;   /* likewise */
	struct meta meta;
};
static const struct field directory_field[] = {
	FIELD_AS(struct directory, new_nonce, "newNonce"),
	FIELD_AS(struct directory, new_account, "newAccount"),
	FIELD_AS(struct directory, new_order, "newOrder"),
	FIELD_AS(struct directory, new_authz, "newAuthz"),
	FIELD_AS(struct directory, revoke_cert, "revokeCert"),
	FIELD_AS(struct directory, key_change, "keyChange"),
	FIELD_AS(struct directory, renewal_info, "renewalInfo"),
	FIELD_AS(struct directory, recovery_contacts, "recoveryContacts"),
	FIELD_AS(struct directory, recover_account, "recoverAccount"),
	FIELD_STRUCT(struct directory, meta, &meta_fields),
};
static const struct fields directory_fields = FIELDS(struct directory, directory_field);

static json_t *profiles_of(struct arena *a, const struct config_policy *policy)
{
	json_t *all = arena_json(a, json_object());
	for (size_t i = 0; i < policy->profiles.n; i++) {
		const struct config_profile *one = &policy->profiles.v[i];
		if (!one->withdrawn) { /* B-20, B-23 */
			(void) json_object_set_new(all, one->name, json_string(one->description == NULL ? "" : one->description));
		}
	}
	return all;
}

int directory_serve(struct acme *q)
{
	const struct config *config = q->front->config;
	bool claims = recovery_claims_offered(q->front);
	struct directory directory = {
		.new_nonce = front_url(q, "/acme/new-nonce"),
		.new_account = front_url(q, "/acme/new-account"),
		.new_order = front_url(q, "/acme/new-order"),
		.new_authz = config->acme.pre_authorization ? front_url(q, "/acme/new-authz") : NULL,
		.revoke_cert = front_url(q, "/acme/revoke-cert"),
		.key_change = front_url(q, "/acme/key-change"),
		.renewal_info = front_url(q, RENEWAL_INFO_PATH), /* B-13 */
		.recovery_contacts = recovery_offered(q->front) ? front_url(q, RECOVERY_PATH) : NULL,
		.recover_account = claims ? front_url(q, RECOVER_PATH) : NULL,
		.meta = {
			.terms_of_service = config->acme.terms_of_service,
			.website = config->acme.website,
			.privacy_notice = front_url(q, NOTICE_PATH), /* G-8 */
			.caa_identities = config->acme.caa_identities,
			.external_account_required = config->acme.eab_required,
			.in_band_onion_caa_required = challenge_signed_configured(&config->policy.challenges), /* B-38 */
			.profiles = profiles_of(q->c->arena, &config->policy),
			.recovery_delay_s = claims ? config->recovery.delay_s : 0,
		},
	};
	answer_json(q, 200, &directory_fields, &directory); /* */
	return 0;
}

/* answer_send adds the nonce. */
int new_nonce_serve(struct acme *q)
{
	answer_empty(q, route_method(q->http->method) == METHOD_HEAD ? 200 : 204); /* */
	return 0;
}
