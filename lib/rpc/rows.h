/* Orders and authorizations as the views front.orders and front.authz have them, for those who read these: the front end and
 * the registration authority. And the ids of challenges, which are no rows of their own. */
#ifndef CAIRN_RPC_ROWS_H
#define CAIRN_RPC_ROWS_H

#include "lib/rpc/messages.h"

struct order_row {
	struct id id;
	struct id account_id;
	const char *status;
	struct text_list identifier_types;
	struct text_list identifier_values;
	struct id_list authorizations;
	struct timestamp expires_at;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *profile;
	const char *replaces;
	struct id certificate_id;
	struct problem_record error;
};
extern const struct fields order_row_fields;
#define ORDER_COLUMNS \
	"id, account_id, status, identifier_types, identifier_values, authorizations, expires_at, not_before, not_after, " \
	"profile, replaces, certificate_id, error"

struct authorization_row {
	struct id id;
	struct id account_id;
	const char *identifier_type;
	const char *identifier_value;
	bool wildcard;
	const char *status;
	struct timestamp expires_at;
	struct text_list challenge_types;
	struct text_list tokens;
	bool decided;             /* by the tried challenge, or by deactivation */
	int64_t tried;            /* the challenge that was responded to, from 1; 0: none */
	const char *tried_status; /* of that challenge */
	struct timestamp validated_at;
	struct problem_record error; /* of that challenge */
};
extern const struct fields authorization_row_fields;
#define AUTHORIZATION_COLUMNS \
	"id, account_id, identifier_type, identifier_value, wildcard, status, expires_at, challenge_types, tokens, " \
	"decided, " \
	"tried, tried_status, validated_at, error"

/* The objects of a row; their lists are in the arena, their texts are the row's. */
struct order order_of_row(struct arena *a, const struct order_row *row);
struct authorization authorization_of_row(struct arena *a, const struct authorization_row *row);

/* Stands in place of the token of a challenge that has none. */
#define NO_TOKEN "-"
/* The token as clients see it: NULL for NO_TOKEN. */
const char *challenge_token(const char *stored);

/* The id of challenge n (from 1) is the one of its authorization, whose last octet is zero, with n there. */
struct id challenge_id(struct id authorization_id, int64_t n);
/* ret_n is 0 for the id of an authorization. */
struct id challenge_id_split(struct id challenge_id, int64_t *ret_n);

#endif
