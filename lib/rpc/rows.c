#include "lib/rpc/rows.h"

#include <string.h>

static const struct field order_row_field[] = {
	FIELD(struct order_row, id, .flags = FIELD_REQUIRED),
	FIELD(struct order_row, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct order_row, status, .flags = FIELD_REQUIRED),
	FIELD(struct order_row, identifier_types),
	FIELD(struct order_row, identifier_values),
	FIELD(struct order_row, authorizations),
	FIELD(struct order_row, expires_at),
	FIELD(struct order_row, not_before),
	FIELD(struct order_row, not_after),
	FIELD(struct order_row, profile),
	FIELD(struct order_row, replaces),
	FIELD(struct order_row, certificate_id),
	FIELD_STRUCT(struct order_row, error, &problem_record_fields),
};
const struct fields order_row_fields = FIELDS(struct order_row, order_row_field);

static const struct field authorization_row_field[] = {
	FIELD(struct authorization_row, id, .flags = FIELD_REQUIRED),
	FIELD(struct authorization_row, account_id, .flags = FIELD_REQUIRED),
	FIELD(struct authorization_row, identifier_type, .flags = FIELD_REQUIRED),
	FIELD(struct authorization_row, identifier_value, .flags = FIELD_REQUIRED),
	FIELD(struct authorization_row, wildcard),
	FIELD(struct authorization_row, status, .flags = FIELD_REQUIRED),
	FIELD(struct authorization_row, expires_at),
	FIELD(struct authorization_row, challenge_types),
	FIELD(struct authorization_row, tokens),
	FIELD(struct authorization_row, decided),
	FIELD(struct authorization_row, tried),
	FIELD(struct authorization_row, tried_status),
	FIELD(struct authorization_row, validated_at),
	FIELD_STRUCT(struct authorization_row, error, &problem_record_fields),
};
const struct fields authorization_row_fields = FIELDS(struct authorization_row, authorization_row_field);

struct order order_of_row(struct arena *a, const struct order_row *row)
{
	size_t n = row->identifier_types.n < row->identifier_values.n ? row->identifier_types.n : row->identifier_values.n;
	struct order order = {
		.id = row->id,
		.account_id = row->account_id,
		.status = row->status,
		.identifiers = { ARENA_ARRAY(a, n, struct identifier), n },
		.authorizations = row->authorizations,
		.expires_at = row->expires_at,
		.not_before = row->not_before,
		.not_after = row->not_after,
		.profile = row->profile,
		.replaces = row->replaces,
		.certificate_id = row->certificate_id,
		.error = row->error,
	};
	for (size_t i = 0; i < n; i++) {
		order.identifiers.v[i] = (struct identifier) { row->identifier_types.v[i], row->identifier_values.v[i] };
	}
	return order;
}

const char *challenge_token(const char *stored)
{
	return stored != NULL && strcmp(stored, NO_TOKEN) == 0 ? NULL : stored;
}

static struct challenge challenge_of_row(const struct authorization_row *row, size_t i)
{
	struct challenge challenge = {
		.id = challenge_id(row->id, (int64_t) i + 1),
		.type = row->challenge_types.v[i],
		.status = "pending",
		.token = challenge_token(row->tokens.v[i]),
	};
	if (row->tried == (int64_t) i + 1) {
		challenge.status = row->tried_status;
		challenge.validated_at = (struct timestamp) { row->validated_at.us - row->validated_at.us % 1000000 };
		challenge.error = row->error;
	}
	return challenge;
}

/* RFC 8555 7.1.4: a pending one offers them all, a decided one shows that which decided. */
static bool is_shown(const struct authorization_row *row, size_t i)
{
	bool decided_by_it = row->tried == (int64_t) i + 1 &&
	                     (strcmp(row->tried_status, "valid") == 0 || strcmp(row->tried_status, "invalid") == 0);
	return !row->decided || decided_by_it;
}

struct authorization authorization_of_row(struct arena *a, const struct authorization_row *row)
{
	size_t n = row->challenge_types.n < row->tokens.n ? row->challenge_types.n : row->tokens.n;
	struct authorization authorization = {
		.id = row->id,
		.account_id = row->account_id,
		.identifier = { row->identifier_type, row->identifier_value },
		.wildcard = row->wildcard,
		.status = row->status,
		.expires_at = row->expires_at,
		.challenges = { ARENA_ARRAY(a, n, struct challenge), 0 },
	};
	for (size_t i = 0; i < n; i++) {
		if (is_shown(row, i)) {
			authorization.challenges.v[authorization.challenges.n++] = challenge_of_row(row, i);
		}
	}
	return authorization;
}

struct id challenge_id(struct id authorization_id, int64_t n)
{
	authorization_id.b[sizeof(authorization_id.b) - 1] = (uint8_t) n;
	return authorization_id;
}

struct id challenge_id_split(struct id challenge_id, int64_t *ret_n)
{
	*ret_n = challenge_id.b[sizeof(challenge_id.b) - 1];
	challenge_id.b[sizeof(challenge_id.b) - 1] = 0;
	return challenge_id;
}
