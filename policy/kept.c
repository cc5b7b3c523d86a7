#include "policy/kept.h"

static const struct field kept_resolutions_field[] = {
	FIELD_STRUCTS(struct kept_resolutions, resolutions, &resolution_fields),
};
const struct fields kept_resolutions_fields = FIELDS(struct kept_resolutions, kept_resolutions_field);

static const struct field kept_attempts_field[] = {
	FIELD_STRUCT(struct kept_attempts, asked, &validate_request_fields),
	FIELD_STRUCT(struct kept_attempts, basis, &validation_basis_fields),
	FIELD_STRUCTS(struct kept_attempts, attempts, &connection_attempt_fields),
};
const struct fields kept_attempts_fields = FIELDS(struct kept_attempts, kept_attempts_field);
