#include "lib/rpc/messages_recovery.h"

static const struct field set_recovery_contacts_request_table[] = {
	FIELD(struct set_recovery_contacts_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct set_recovery_contacts_request, thumbprint, .flags = FIELD_REQUIRED),
	FIELD(struct set_recovery_contacts_request, contacts),
};
const struct fields set_recovery_contacts_request_fields =
    FIELDS(struct set_recovery_contacts_request, set_recovery_contacts_request_table);

static const struct field get_recovery_status_request_table[] = {
	FIELD(struct get_recovery_status_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct get_recovery_status_request, thumbprint, .flags = FIELD_REQUIRED),
};
const struct fields get_recovery_status_request_fields =
    FIELDS(struct get_recovery_status_request, get_recovery_status_request_table);

static const struct field recovery_status_table[] = {
	FIELD(struct recovery_status, changed_at),
	FIELD(struct recovery_status, recovery),
	FIELD(struct recovery_status, claimed_at),
};
const struct fields recovery_status_fields = FIELDS(struct recovery_status, recovery_status_table);

static const struct field claim_account_request_table[] = {
	FIELD(struct claim_account_request, key, .flags = FIELD_REQUIRED),
	FIELD(struct claim_account_request, account_id),
	FIELD(struct claim_account_request, serial),
	FIELD(struct claim_account_request, certificate),
	FIELD(struct claim_account_request, contact, .flags = FIELD_REQUIRED),
	FIELD(struct claim_account_request, remote_address),
};
const struct fields claim_account_request_fields = FIELDS(struct claim_account_request, claim_account_request_table);

static const struct field claim_account_response_table[] = {
	FIELD(struct claim_account_response, token_s),
	FIELD(struct claim_account_response, delay_s),
};
const struct fields claim_account_response_fields = FIELDS(struct claim_account_response, claim_account_response_table);

static const struct field confirm_recovery_request_table[] = {
	FIELD(struct confirm_recovery_request, key, .flags = FIELD_REQUIRED),
	FIELD(struct confirm_recovery_request, token, .flags = FIELD_REQUIRED),
};
const struct fields confirm_recovery_request_fields =
    FIELDS(struct confirm_recovery_request, confirm_recovery_request_table);

static const struct field stop_recovery_request_table[] = {
	FIELD(struct stop_recovery_request, ticket, .flags = FIELD_REQUIRED),
	FIELD(struct stop_recovery_request, act),
};
const struct fields stop_recovery_request_fields = FIELDS(struct stop_recovery_request, stop_recovery_request_table);

static const struct field recovery_progress_table[] = {
	FIELD(struct recovery_progress, account_id),
	FIELD(struct recovery_progress, status),
	FIELD(struct recovery_progress, asked_at),
	FIELD(struct recovery_progress, ends_at),
};
const struct fields recovery_progress_fields = FIELDS(struct recovery_progress, recovery_progress_table);
