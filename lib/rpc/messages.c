#include "lib/rpc/messages.h"

static const struct field identifier_table[] = {
	FIELD(struct identifier, type),
	FIELD(struct identifier, value),
};
const struct fields identifier_fields = FIELDS(struct identifier, identifier_table);

static const struct field problem_subrecord_table[] = {
	FIELD(struct problem_subrecord, type),
	FIELD(struct problem_subrecord, detail),
	FIELD_STRUCT(struct problem_subrecord, identifier, &identifier_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct problem_subrecord, rule),
};
static const struct fields problem_subrecord_fields = FIELDS(struct problem_subrecord, problem_subrecord_table);

static const struct field problem_record_table[] = {
	FIELD(struct problem_record, type),
	FIELD(struct problem_record, detail),
	FIELD(struct problem_record, retry_after_s),
	FIELD(struct problem_record, instance),
	FIELD(struct problem_record, location),
	FIELD(struct problem_record, rule),
	FIELD_STRUCTS(struct problem_record, subproblems, &problem_subrecord_fields),
};
const struct fields problem_record_fields = FIELDS(struct problem_record, problem_record_table);

static const struct field account_table[] = {
	FIELD(struct account, id, .flags = FIELD_REQUIRED),
	FIELD(struct account, status, .flags = FIELD_REQUIRED),
	FIELD(struct account, key),
	FIELD(struct account, thumbprint),
	FIELD(struct account, terms_agreed),
	FIELD(struct account, created_at),
};
const struct fields account_fields = FIELDS(struct account, account_table);

static const struct field new_account_request_table[] = {
	FIELD(struct new_account_request, key, .flags = FIELD_REQUIRED),
	FIELD(struct new_account_request, terms_agreed),
	FIELD(struct new_account_request, only_return_existing),
	FIELD(struct new_account_request, external_account_binding),
	FIELD(struct new_account_request, remote_address),
	FIELD(struct new_account_request, user_agent),
};
const struct fields new_account_request_fields = FIELDS(struct new_account_request, new_account_request_table);

static const struct field new_account_response_table[] = {
	FIELD_STRUCT(struct new_account_response, account, &account_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct new_account_response, created),
};
const struct fields new_account_response_fields = FIELDS(struct new_account_response, new_account_response_table);

static const struct field update_account_request_table[] = {
	FIELD(struct update_account_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct update_account_request, thumbprint),
	FIELD(struct update_account_request, deactivate),
};
const struct fields update_account_request_fields = FIELDS(struct update_account_request, update_account_request_table);

static const struct field redeem_nonce_request_table[] = {
	FIELD(struct redeem_nonce_request, nonce, .flags = FIELD_REQUIRED),
};
const struct fields redeem_nonce_request_fields = FIELDS(struct redeem_nonce_request, redeem_nonce_request_table);

static const struct field redeem_nonce_response_table[] = {
	FIELD(struct redeem_nonce_response, verdict, .flags = FIELD_REQUIRED),
};
const struct fields redeem_nonce_response_fields = FIELDS(struct redeem_nonce_response, redeem_nonce_response_table);

static const struct field change_key_request_table[] = {
	FIELD(struct change_key_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct change_key_request, thumbprint),
	FIELD(struct change_key_request, key, .flags = FIELD_REQUIRED),
};
const struct fields change_key_request_fields = FIELDS(struct change_key_request, change_key_request_table);

static const struct field ask_terms_request_table[] = {
	FIELD(struct ask_terms_request, account_id, .flags = FIELD_REQUIRED),
};
const struct fields ask_terms_request_fields = FIELDS(struct ask_terms_request, ask_terms_request_table);

static const struct field terms_token_table[] = { FIELD(struct terms_token, token, .flags = FIELD_REQUIRED) };
const struct fields terms_token_fields = FIELDS(struct terms_token, terms_token_table);

static const struct field terms_agreed_table[] = { FIELD(struct terms_agreed, account_id, .flags = FIELD_REQUIRED) };
const struct fields terms_agreed_fields = FIELDS(struct terms_agreed, terms_agreed_table);

static const struct field challenge_table[] = {
	FIELD(struct challenge, id, .flags = FIELD_REQUIRED),
	FIELD(struct challenge, type, .flags = FIELD_REQUIRED),
	FIELD(struct challenge, status, .flags = FIELD_REQUIRED),
	FIELD(struct challenge, token),
	FIELD(struct challenge, validated_at),
	FIELD_STRUCT(struct challenge, error, &problem_record_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields challenge_fields = FIELDS(struct challenge, challenge_table);

static const struct field authorization_table[] = {
	FIELD(struct authorization, id, .flags = FIELD_REQUIRED),
	FIELD(struct authorization, account_id),
	FIELD_STRUCT(struct authorization, identifier, &identifier_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct authorization, wildcard),
	FIELD(struct authorization, status, .flags = FIELD_REQUIRED),
	FIELD(struct authorization, expires_at),
	FIELD_STRUCTS(struct authorization, challenges, &challenge_fields),
};
const struct fields authorization_fields = FIELDS(struct authorization, authorization_table);

static const struct field order_table[] = {
	FIELD(struct order, id, .flags = FIELD_REQUIRED),
	FIELD(struct order, account_id),
	FIELD(struct order, status, .flags = FIELD_REQUIRED),
	FIELD_STRUCTS(struct order, identifiers, &identifier_fields),
	FIELD(struct order, authorizations),
	FIELD(struct order, expires_at),
	FIELD(struct order, not_before),
	FIELD(struct order, not_after),
	FIELD(struct order, profile),
	FIELD(struct order, replaces),
	FIELD(struct order, certificate_id),
	FIELD(struct order, certificate, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct order, error, &problem_record_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct order, fresh, &authorization_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields order_fields = FIELDS(struct order, order_table);

static const struct field new_order_request_table[] = {
	FIELD(struct new_order_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct new_order_request, thumbprint),
	FIELD_STRUCTS(struct new_order_request, identifiers, &identifier_fields),
	FIELD(struct new_order_request, not_before),
	FIELD(struct new_order_request, not_after),
	FIELD(struct new_order_request, profile),
	FIELD(struct new_order_request, replaces),
	FIELD(struct new_order_request, remote_address),
};
const struct fields new_order_request_fields = FIELDS(struct new_order_request, new_order_request_table);

static const struct field new_authorization_request_table[] = {
	FIELD(struct new_authorization_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct new_authorization_request, thumbprint),
	FIELD_STRUCT(struct new_authorization_request, identifier, &identifier_fields, .flags = FIELD_REQUIRED),
};
const struct fields new_authorization_request_fields =
    FIELDS(struct new_authorization_request, new_authorization_request_table);

static const struct field start_challenge_request_table[] = {
	FIELD(struct start_challenge_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct start_challenge_request, thumbprint),
	FIELD(struct start_challenge_request, challenge_id, .flags = FIELD_REQUIRED),
	FIELD(struct start_challenge_request, response, .flags = FIELD_OMIT_EMPTY, .min = 0, .max = 8192),
	FIELD(struct start_challenge_request, hold_ms),
};
const struct fields start_challenge_request_fields =
    FIELDS(struct start_challenge_request, start_challenge_request_table);

static const struct field deactivate_authorization_request_table[] = {
	FIELD(struct deactivate_authorization_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct deactivate_authorization_request, thumbprint),
	FIELD(struct deactivate_authorization_request, authorization_id, .flags = FIELD_REQUIRED),
};
const struct fields deactivate_authorization_request_fields =
    FIELDS(struct deactivate_authorization_request, deactivate_authorization_request_table);

static const struct field finalize_order_request_table[] = {
	FIELD(struct finalize_order_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct finalize_order_request, thumbprint),
	FIELD(struct finalize_order_request, order_id, .flags = FIELD_REQUIRED),
	FIELD(struct finalize_order_request, csr, .flags = FIELD_REQUIRED),
	FIELD(struct finalize_order_request, onion_caa),
};
const struct fields finalize_order_request_fields = FIELDS(struct finalize_order_request, finalize_order_request_table);

static const struct field revoke_certificate_request_table[] = {
	FIELD(struct revoke_certificate_request, certificate, .flags = FIELD_REQUIRED),
	FIELD(struct revoke_certificate_request, has_reason),
	FIELD(struct revoke_certificate_request, reason),
	FIELD(struct revoke_certificate_request, account_id),
	FIELD(struct revoke_certificate_request, thumbprint),
	FIELD(struct revoke_certificate_request, certificate_key),
	FIELD(struct revoke_certificate_request, remote_address),
};
const struct fields revoke_certificate_request_fields =
    FIELDS(struct revoke_certificate_request, revoke_certificate_request_table);

static const struct field revoke_certificate_response_table[] = {
	FIELD(struct revoke_certificate_response, revoked_at),
};
const struct fields revoke_certificate_response_fields =
    FIELDS(struct revoke_certificate_response, revoke_certificate_response_table);

static const struct field resolution_table[] = {
	FIELD(struct resolution, name),
	FIELD(struct resolution, type),
	FIELD(struct resolution, resolver),
	FIELD(struct resolution, dnssec),
	FIELD(struct resolution, rcode),
	FIELD(struct resolution, canonical_name),
	FIELD(struct resolution, answers),
	FIELD(struct resolution, raw),
	FIELD(struct resolution, error),
	FIELD(struct resolution, ede),
	FIELD(struct resolution, reason),
	FIELD(struct resolution, started_at),
	FIELD(struct resolution, duration_us),
};
const struct fields resolution_fields = FIELDS(struct resolution, resolution_table);

static const struct field connection_attempt_table[] = {
	FIELD(struct connection_attempt, url),
	FIELD(struct connection_attempt, host),
	FIELD(struct connection_attempt, port),
	FIELD(struct connection_attempt, addresses_resolved),
	FIELD(struct connection_attempt, address_used),
	FIELD(struct connection_attempt, http_status),
	FIELD(struct connection_attempt, location),
	FIELD(struct connection_attempt, headers),
	FIELD(struct connection_attempt, body),
	FIELD(struct connection_attempt, body_sha256),
	FIELD(struct connection_attempt, body_octets),
	FIELD(struct connection_attempt, tls_certificate),
	FIELD(struct connection_attempt, server_name),
	FIELD(struct connection_attempt, alpn),
	FIELD(struct connection_attempt, tls_version),
	FIELD(struct connection_attempt, error),
	FIELD(struct connection_attempt, started_at),
	FIELD(struct connection_attempt, duration_us),
};
const struct fields connection_attempt_fields = FIELDS(struct connection_attempt, connection_attempt_table);

static const struct field caa_result_table[] = {
	FIELD(struct caa_result, checked),
	FIELD(struct caa_result, permitted),
	FIELD(struct caa_result, found_at),
	FIELD(struct caa_result, records),
	FIELD(struct caa_result, iodef),
	FIELD(struct caa_result, reason),
	FIELD(struct caa_result, checked_at),
};
const struct fields caa_result_fields = FIELDS(struct caa_result, caa_result_table);

static const struct field onion_caa_table[] = {
	FIELD(struct onion_caa, caa),
	FIELD(struct onion_caa, expiry),
	FIELD(struct onion_caa, signature),
};
static const struct fields onion_caa_fields = FIELDS(struct onion_caa, onion_caa_table);

static const struct field validate_request_table[] = {
	FIELD(struct validate_request, validation_id, .flags = FIELD_REQUIRED),
	FIELD_STRUCT(struct validate_request, identifier, &identifier_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validate_request, wildcard),
	FIELD(struct validate_request, method),
	FIELD(struct validate_request, token),
	FIELD(struct validate_request, key_authorization),
	FIELD(struct validate_request, account_url),
	FIELD(struct validate_request, former_account_urls),
	FIELD(struct validate_request, caa_identities),
	FIELD(struct validate_request, check_caa),
	FIELD(struct validate_request, trial, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validate_request, response, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct validate_request, onion_caa, &onion_caa_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields validate_request_fields = FIELDS(struct validate_request, validate_request_table);

static const struct field validation_basis_table[] = {
	FIELD(struct validation_basis, http01_port),
	FIELD(struct validation_basis, tlsalpn01_port),
	FIELD(struct validation_basis, allow_networks),
	FIELD(struct validation_basis, deny_networks, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, control_fault, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, caa_fault, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, cut_short, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, cut_off, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, trust_anchor, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, caa_strict, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, caa_late, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_basis, webpki, .flags = FIELD_OMIT_EMPTY),
};
const struct fields validation_basis_fields = FIELDS(struct validation_basis, validation_basis_table);

static const struct field validator_run_table[] = {
	FIELD(struct validator_run, listen, .min = 0, .max = 200),
	FIELD(struct validator_run, version, .min = 0, .max = 64),
	FIELD(struct validator_run, config_sha256, .min = 0, .max = 64),
	FIELD(struct validator_run, started_at),
};
static const struct fields validator_run_fields = FIELDS(struct validator_run, validator_run_table);

static const struct field validation_result_table[] = {
	FIELD(struct validation_result, validation_id, .flags = FIELD_REQUIRED),
	FIELD(struct validation_result, perspective),
	FIELD(struct validation_result, address),
	FIELD(struct validation_result, region),
	FIELD(struct validation_result, method),
	FIELD(struct validation_result, dcv, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_result, passed),
	FIELD_STRUCT(struct validation_result, problem, &problem_record_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_result, fault),
	FIELD_STRUCTS(struct validation_result, resolutions, &resolution_fields),
	FIELD_STRUCTS(struct validation_result, attempts, &connection_attempt_fields),
	FIELD_STRUCT(struct validation_result, caa, &caa_result_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct validation_result, basis, &validation_basis_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_result, started_at),
	FIELD(struct validation_result, ended_at),
	FIELD_STRUCTS(struct validation_result, remotes, &validation_result_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_result, round, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct validation_result, quorum),
	FIELD_STRUCT(struct validation_result, run, &validator_run_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields validation_result_fields = FIELDS(struct validation_result, validation_result_table);

static const struct field diagnose_request_table[] = {
	FIELD(struct diagnose_request, name, .flags = FIELD_REQUIRED, .min = 1, .max = 300),
	FIELD(struct diagnose_request, inside),
};
const struct fields diagnose_request_fields = FIELDS(struct diagnose_request, diagnose_request_table);

static const struct field finding_table[] = {
	FIELD(struct finding, about),
	FIELD(struct finding, level),
	FIELD(struct finding, text),
};
const struct fields finding_fields = FIELDS(struct finding, finding_table);

static const struct field diagnosis_table[] = {
	FIELD_STRUCT(struct diagnosis, identifier, &identifier_fields),
	FIELD(struct diagnosis, ready),
	FIELD(struct diagnosis, methods),
	FIELD_STRUCTS(struct diagnosis, findings, &finding_fields),
};
const struct fields diagnosis_fields = FIELDS(struct diagnosis, diagnosis_table);

static const struct field record_late_request_table[] = {
	FIELD(struct record_late_request, validation_id, .flags = FIELD_REQUIRED),
	FIELD_STRUCT(struct record_late_request, asked, &validate_request_fields, .flags = FIELD_REQUIRED),
	FIELD_STRUCT(struct record_late_request, remote, &validation_result_fields, .flags = FIELD_REQUIRED),
};
const struct fields record_late_request_fields = FIELDS(struct record_late_request, record_late_request_table);

static const struct field record_late_response_table[] = {
	FIELD(struct record_late_response, recorded),
};
const struct fields record_late_response_fields = FIELDS(struct record_late_response, record_late_response_table);

static const struct field unpause_request_table[] = {
	FIELD(struct unpause_request, ticket, .flags = FIELD_REQUIRED, .min = 1, .max = 200),
	FIELD(struct unpause_request, act),
};
const struct fields unpause_request_fields = FIELDS(struct unpause_request, unpause_request_table);

static const struct field unpause_response_table[] = {
	FIELD(struct unpause_response, account_id),
	FIELD(struct unpause_response, names),
};
const struct fields unpause_response_fields = FIELDS(struct unpause_response, unpause_response_table);

static const struct field add_checkpoint_request_table[] = {
	FIELD(struct add_checkpoint_request, body, .flags = FIELD_REQUIRED),
};
const struct fields add_checkpoint_request_fields = FIELDS(struct add_checkpoint_request, add_checkpoint_request_table);

static const struct field add_checkpoint_response_table[] = {
	FIELD(struct add_checkpoint_response, status),
	FIELD(struct add_checkpoint_response, text),
};
const struct fields add_checkpoint_response_fields =
    FIELDS(struct add_checkpoint_response, add_checkpoint_response_table);

static const struct field get_log_entries_request_table[] = {
	FIELD(struct get_log_entries_request, n),
	FIELD(struct get_log_entries_request, width),
};
const struct fields get_log_entries_request_fields =
    FIELDS(struct get_log_entries_request, get_log_entries_request_table);

static const struct field get_log_entries_response_table[] = {
	FIELD(struct get_log_entries_response, entries),
	FIELD(struct get_log_entries_response, gone),
};
const struct fields get_log_entries_response_fields =
    FIELDS(struct get_log_entries_response, get_log_entries_response_table);

static const struct field get_log_status_request_table[] = {
	FIELD(struct get_log_status_request, detail),
};
const struct fields get_log_status_request_fields = FIELDS(struct get_log_status_request, get_log_status_request_table);

static const struct field log_status_table[] = {
	FIELD(struct log_status, newest_request_at),
	FIELD(struct log_status, requests_last_minute),
	FIELD(struct log_status, requests_without_outcome),
	FIELD(struct log_status, validations_last_minute),
	FIELD(struct log_status, partitions_until),
};
const struct fields log_status_fields = FIELDS(struct log_status, log_status_table);

static const struct field check_key_request_table[] = {
	FIELD(struct check_key_request, key, .flags = FIELD_REQUIRED),
};
const struct fields check_key_request_fields = FIELDS(struct check_key_request, check_key_request_table);

static const struct field check_key_response_table[] = { FIELD(struct check_key_response, thumbprint) };
const struct fields check_key_response_fields = FIELDS(struct check_key_response, check_key_response_table);
