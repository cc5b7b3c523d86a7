#include "lib/rpc/messages.h"

static const struct field issue_certificate_request_table[] = {
	FIELD(struct issue_certificate_request, order_id, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_request, profile),
	FIELD_STRUCTS(struct issue_certificate_request, names, &identifier_fields),
	FIELD(struct issue_certificate_request, common_name),
	FIELD(struct issue_certificate_request, public_key, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_request, not_before),
	FIELD(struct issue_certificate_request, not_after),
	FIELD(struct issue_certificate_request, account_thumbprint, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_request, remembered),
	FIELD(struct issue_certificate_request, limits),
	FIELD(struct issue_certificate_request, asker),
};
const struct fields issue_certificate_request_fields =
    FIELDS(struct issue_certificate_request, issue_certificate_request_table);

static const struct field issue_certificate_response_table[] = {
	FIELD(struct issue_certificate_response, certificate_id, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_response, serial, .flags = FIELD_REQUIRED),
	FIELD(struct issue_certificate_response, not_before),
	FIELD(struct issue_certificate_response, not_after),
	FIELD(struct issue_certificate_response, certificate),
	FIELD(struct issue_certificate_response, precertificate),
	FIELD(struct issue_certificate_response, issuer),
	FIELD(struct issue_certificate_response, chain),
};
const struct fields issue_certificate_response_fields =
    FIELDS(struct issue_certificate_response, issue_certificate_response_table);

static const struct field submission_table[] = {
	FIELD(struct submission, log),
	FIELD(struct submission, log_id),
	FIELD(struct submission, at),
	FIELD(struct submission, took_ms),
	FIELD(struct submission, outcome),
	FIELD(struct submission, refused),
};
const struct fields submission_fields = FIELDS(struct submission, submission_table);

static const struct field embed_scts_request_table[] = {
	FIELD(struct embed_scts_request, certificate_id, .flags = FIELD_REQUIRED),
	FIELD(struct embed_scts_request, precertificate, .flags = FIELD_REQUIRED),
	FIELD(struct embed_scts_request, sct_list, .flags = FIELD_REQUIRED),
	FIELD_STRUCTS(struct embed_scts_request, submissions, &submission_fields),
};
const struct fields embed_scts_request_fields = FIELDS(struct embed_scts_request, embed_scts_request_table);
