#include "lib/rpc/messages_rights.h"

static const struct field block_key_request_table[] = {
	FIELD(struct block_key_request, spki_sha256, .flags = FIELD_REQUIRED, .min = 32, .max = 32),
	FIELD(struct block_key_request, thumbprint, .flags = FIELD_REQUIRED, .min = 32, .max = 32),
	FIELD(struct block_key_request, form, .flags = FIELD_REQUIRED, .max = 8),
};
const struct fields block_key_request_fields = FIELDS(struct block_key_request, block_key_request_table);

static const struct field block_key_response_table[] = {
	FIELD(struct block_key_response, blocked),
	FIELD(struct block_key_response, certificates),
};
const struct fields block_key_response_fields = FIELDS(struct block_key_response, block_key_response_table);

static const struct field get_subject_data_request_table[] = {
	FIELD(struct get_subject_data_request, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct get_subject_data_request, thumbprint, .flags = FIELD_REQUIRED),
	FIELD(struct get_subject_data_request, part, .flags = FIELD_REQUIRED, .max = 20),
	FIELD(struct get_subject_data_request, after),
};
const struct fields get_subject_data_request_fields =
    FIELDS(struct get_subject_data_request, get_subject_data_request_table);

static const struct field subject_data_table[] = {
	FIELD(struct subject_data, items),
	FIELD(struct subject_data, next),
};
const struct fields subject_data_fields = FIELDS(struct subject_data, subject_data_table);
