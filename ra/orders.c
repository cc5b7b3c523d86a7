/* newOrder (RFC 8555 7.4): policy decides in memory, one statement writes order, authorizations and challenges. */
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/renewal_id.h"
#include "lib/rpc/handlers.h"
#include "policy/limits.h"
#include "policy/names.h"
#include "ra/grants.h"
#include "ra/limits.h"
#include "ra/lists.h"
#include "ra/profiles.h"
#include "ra/ra.h"
#include "ra/recent.h"

#define FRESH_MAX 8     /* authorizations that an answer shows whole */
#define TOKEN_OCTETS 32 /* 256 random bits */
/* An authorization is used again only if it lasts for a good part of the new order. */
#define REUSE_MARGIN_S 3600

struct new_order_params {
	struct id id;
	struct id account_id;
	struct bytes thumbprint;
	struct text_list types;
	struct text_list values;
	struct text_list names; /* without the wildcard label */
	const char *profile;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *replaces;
	struct timestamp expires;
	struct timestamp reuse_until;
	struct id_list authz_ids;
	struct text_list challenge_types; /* of each authorization, with blanks between them */
	struct text_list challenge_tokens;
	const char *process;
	struct id request_id;
	bool may_grant;
	const char *limits;
	int64_t same;
	struct timestamp same_until;
};

static const struct field new_order_param[] = {
	FIELD(struct new_order_params, id),
	FIELD(struct new_order_params, account_id),
	FIELD(struct new_order_params, thumbprint),
	FIELD(struct new_order_params, types),
	FIELD(struct new_order_params, values),
	FIELD(struct new_order_params, names),
	FIELD(struct new_order_params, profile),
	FIELD(struct new_order_params, not_before),
	FIELD(struct new_order_params, not_after),
	FIELD(struct new_order_params, replaces),
	FIELD(struct new_order_params, expires),
	FIELD(struct new_order_params, reuse_until),
	FIELD(struct new_order_params, authz_ids),
	FIELD(struct new_order_params, challenge_types),
	FIELD(struct new_order_params, challenge_tokens),
	FIELD(struct new_order_params, process),
	FIELD(struct new_order_params, request_id),
	FIELD(struct new_order_params, may_grant),
	FIELD(struct new_order_params, limits),
	FIELD(struct new_order_params, same),
	FIELD(struct new_order_params, same_until),
};
static const struct fields new_order_params_fields = FIELDS(struct new_order_params, new_order_param);

struct new_order_row {
	const char *status;
	struct id_list authorizations;
	struct timestamp expires_at;
	struct grant_refusal_list refused;
	bool granted;
	bool judged;     /* by rules, which may be others when the order is finalized */
	struct id given; /* an older order for the same, which is the answer, with its names in its own order */
	struct text_list given_types;
	struct text_list given_values;
};

static const struct field new_order_row_field[] = {
	FIELD(struct new_order_row, status),
	FIELD(struct new_order_row, authorizations),
	FIELD(struct new_order_row, expires_at),
	FIELD_STRUCTS(struct new_order_row, refused, &grant_refusal_fields),
	FIELD(struct new_order_row, granted),
	FIELD(struct new_order_row, judged),
	FIELD(struct new_order_row, given),
	FIELD(struct new_order_row, given_types),
	FIELD(struct new_order_row, given_values),
};
static const struct fields new_order_row_fields = FIELDS(struct new_order_row, new_order_row_field);

const struct statement ra_new_order_statement = {
	.name = "new_order",
	.sql = "SELECT status, authorizations, expires_at, refused, granted, judged, given, given_types, given_values "
	       "FROM acme.new_order($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
	       "$19::jsonb, $20, $21)",
	.params = &new_order_params_fields,
	.row = &new_order_row_fields,
};

const struct config_profile *ra_profile_find(const char *name)
{
	return profile_find(&ra_get()->config->policy.profiles, name);
}

static bool is_wildcard(const char *value)
{
	return strncmp(value, "*.", 2) == 0;
}

static const char *new_token(struct arena *a)
{
	uint8_t random[TOKEN_OCTETS];
	random_bytes(random, sizeof(random));
	return base64url_encode(a, (struct bytes) { random, sizeof(random) });
}

static const char *joined(struct arena *a, const char *list, const char *word)
{
	return list == NULL ? word : arena_printf(a, "%s %s", list, word);
}

void ra_offer_challenges(struct arena *a, const struct identifier *identifier, bool for_order, const char **ret_types,
    const char **ret_tokens)
{
	const struct text_list *configured = &ra_get()->config->policy.challenges;
	enum identifier_kind kind = identifier_kind(identifier);
	for (size_t k = 0; k < challenge_kinds_n; k++) {
		bool standing = challenge_kinds[k].standing;
		if (challenge_is_offered(configured, &challenge_kinds[k], kind) && (for_order || !standing)) { /* A-90, B-47 */
			*ret_types = joined(a, *ret_types, challenge_kinds[k].type);
			*ret_tokens = joined(a, *ret_tokens, standing ? NO_TOKEN : new_token(a)); /* B-28 */
		}
	}
}

/* A fresh authorization for each identifier. */
static void add_authorizations(
    struct arena *a, const struct identifier_list *identifiers, struct new_order_params *params)
{
	for (size_t i = 0; i < identifiers->n; i++) {
		params->authz_ids.v[i] = challenge_id(id_new(), 0);
		ra_offer_challenges(a, &identifiers->v[i], true, &params->challenge_types.v[i], &params->challenge_tokens.v[i]);
	}
}

/* Authorizations last as the default profile says; one that a profile would not use for so long must have more left (B-24). */
static struct timestamp reuse_until(const struct config_profile *profile, struct timestamp now)
{
	int64_t shorter_s = ra_profile_find(NULL)->authorization_life_s - profile->authorization_life_s;
	return timestamp_add_s(now, REUSE_MARGIN_S + (shorter_s > 0 ? shorter_s : 0));
}

/* The same for two newOrders that ask for the same, whatever the order of their names; while other methods are offered than
 * before, it is another, as a client may have come for the new one; and so it is in another mode, whose rules its proofs may not
 * meet (C-73). */
static int64_t same_of(struct arena *a, const struct new_order_params *params)
{
	struct identifier_list offered = { ARENA_ARRAY(a, params->values.n, struct identifier), params->values.n };
	for (size_t i = 0; i < offered.n; i++) {
		const char *methods = params->challenge_types.v[i] == NULL ? "" : params->challenge_types.v[i];
		offered.v[i] =
		    (struct identifier) { arena_printf(a, "%s %s", params->types.v[i], methods), params->values.v[i] };
	}
	char account[ID_TEXT_SIZE];
	id_encode(params->account_id, account);
	const char *text = arena_printf(a, "%s %s %d %lld %lld %s %s", account, params->profile, params->may_grant,
	    (long long) params->not_before.us, (long long) params->not_after.us,
	    params->replaces == NULL ? "-" : params->replaces, limits_set(a, &offered));
	uint8_t digest[SHA256_SIZE];
	int64_t same = 0;
	sha256_of(bytes_of_text(text), digest);
	memcpy(&same, digest, sizeof(same));
	return same;
}

static struct new_order_params make_params(struct ctx *c, const struct new_order_request *in,
    const struct config_profile *profile, const struct identifier_list *identifiers, const struct validity *asked)
{
	struct timestamp now = clock_now();
	size_t n = identifiers->n;
	struct new_order_params params = {
		.id = id_new(),
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.types = { ARENA_ARRAY(c->arena, n, const char *), n },
		.values = { ARENA_ARRAY(c->arena, n, const char *), n },
		.names = { ARENA_ARRAY(c->arena, n, const char *), n },
		.profile = profile->name,
		.not_before = asked->from,
		.not_after = asked->to,
		.replaces = in->replaces,
		.expires = timestamp_add_s(now, profile->order_life_s),
		.reuse_until = reuse_until(profile, now),
		.authz_ids = { ARENA_ARRAY(c->arena, n, struct id), n },
		.challenge_types = { ARENA_ARRAY(c->arena, n, const char *), n },
		.challenge_tokens = { ARENA_ARRAY(c->arena, n, const char *), n },
		.process = ra_get()->instance,
		.request_id = c->request_id,
		.may_grant = strcmp(ra_get()->config->policy.mode, "private") == 0, /* never without a challenge else */
		.same_until = timestamp_add_s(now, profile->order_life_s / 2),
	};
	for (size_t i = 0; i < n; i++) {
		params.types.v[i] = identifiers->v[i].type;
		params.values.v[i] = identifiers->v[i].value;
		params.names.v[i] = identifiers->v[i].value + (is_wildcard(identifiers->v[i].value) ? 2 : 0);
	}
	add_authorizations(c->arena, identifiers, &params);
	params.same = same_of(c->arena, &params);
	return params;
}

static struct text_list words_of(struct arena *a, const char *text)
{
	struct text_list list = { ARENA_ARRAY(a, challenge_kinds_n, const char *), 0 };
	while (text != NULL && *text != '\0' && list.n < challenge_kinds_n) {
		size_t n = strcspn(text, " ");
		list.v[list.n++] = arena_text_n(a, text, n);
		text += n + (text[n] == ' ' ? 1 : 0);
	}
	return list;
}

static struct authorization fresh_of(struct arena *a, const struct new_order_params *params, size_t i)
{
	const struct authorization_row row = {
		.id = params->authz_ids.v[i],
		.account_id = params->account_id,
		.identifier_type = params->types.v[i],
		.identifier_value = params->names.v[i],
		.wildcard = is_wildcard(params->values.v[i]),
		.status = "pending",
		.expires_at = params->expires,
		.challenge_types = words_of(a, params->challenge_types.v[i]),
		.tokens = words_of(a, params->challenge_tokens.v[i]),
	};
	return authorization_of_row(a, &row);
}

/* Those that were made with the order (others are older ones, used again), as they were written: a client reads them
 * next. The first few will do, one who has more names asks longer anyway. */
static struct authorization_list fresh_list(
    struct arena *a, const struct new_order_params *params, const struct new_order_row *row)
{
	const struct id_list *authorizations = &row->authorizations;
	if (row->granted) {
		return (struct authorization_list) { 0 }; /* some of them changed right after */
	}
	struct authorization_list list = { ARENA_ARRAY(a, FRESH_MAX, struct authorization), 0 };
	for (size_t i = 0; i < authorizations->n && i < params->authz_ids.n && list.n < FRESH_MAX; i++) {
		if (id_equal(authorizations->v[i], params->authz_ids.v[i])) {
			list.v[list.n++] = fresh_of(a, params, i);
		}
	}
	return list;
}

int ra_check_identifiers(struct ctx *c, const struct identifier_list *identifiers, const struct config_profile *profile,
    struct identifier_list *ret)
{
	const struct policy *policy = lists_hold();
	int result = names_check(c, policy, profile, identifiers, ret);
	lists_release();
	return result;
}

/* Certificates know no parts of seconds; the order shows what it will be. */
static struct timestamp whole_seconds(struct timestamp t)
{
	return (struct timestamp) { t.us - t.us % 1000000 };
}

/* The rest is for acme.claim_replacement, in the statement that writes the order (B-17). */
static int replaces_check(struct ctx *c, const char *replaces)
{
	struct renewal_id id;
	return replaces == NULL ? 0 : renewal_id_parse(c, bytes_of_text(replaces), &id);
}

/* What has to be looked at when their order is finalized is not in the memory of orders. */
static bool has_onion(const struct identifier_list *identifiers)
{
	for (size_t i = 0; i < identifiers->n; i++) {
		if (identifier_kind(&identifiers->v[i]) == IDENTIFIER_ONION) {
			return true;
		}
	}
	return false;
}

/* The new order, or the older one that is the answer. */
static struct order order_made(struct ctx *c, const struct new_order_params *params, const struct new_order_row *row)
{
	bool is_new = id_is_none(row->given);
	const struct text_list *types = is_new ? &params->types : &row->given_types;
	const struct text_list *values = is_new ? &params->values : &row->given_values;
	struct order order = {
		.id = is_new ? params->id : row->given,
		.account_id = params->account_id,
		.status = row->status,
		.identifiers = { ARENA_ARRAY(c->arena, values->n, struct identifier), values->n },
		.authorizations = row->authorizations,
		.expires_at = row->expires_at,
		.not_before = params->not_before,
		.not_after = params->not_after,
		.profile = params->profile,
		.replaces = params->replaces,
		.fresh = fresh_list(c->arena, params, row),
	};
	for (size_t i = 0; i < values->n; i++) {
		order.identifiers.v[i] = (struct identifier) { types->v[i], values->v[i] };
	}
	return order;
}

int ra_new_order_serve(struct ctx *c, const struct new_order_request *in, struct order *ret)
{
	const struct config_profile *profile = NULL;
	TRY(profile_offered(c, &ra_get()->config->policy.profiles, in->profile, &profile));
	TRY(profiles_check_account(c, profile, in->account_id));
	const struct validity asked = { whole_seconds(in->not_before), whole_seconds(in->not_after) };
	TRY(profile_asked_check(c, profile, clock_now(), &asked));
	TRY(replaces_check(c, in->replaces));
	struct identifier_list identifiers;
	TRY(ra_check_identifiers(c, &in->identifiers, profile, &identifiers));
	struct new_order_params params = make_params(c, in, profile, &identifiers, &asked);
	struct new_order_row row;
	bool found = false;
	params.limits = limits_at_order(c, in->account_id, &identifiers);
	if (db_row(c, &ra_new_order_statement, &params, &row, &found) != 0) {
		return limits_refused(c);
	}
	if (!found) {
		return FAIL(c, SERVER_INTERNAL, "The database gave no answer");
	}
	TRY(grants_check(c, &identifiers, &row.refused));
	if (row.granted) {
		char id[ID_TEXT_SIZE];
		id_encode(params.id, id);
		log_event(c, LOG_WARN, "the policy gave names without a challenge", "order", id, NULL);
	}
	*ret = order_made(c, &params, &row);
	bool is_new = id_is_none(row.given);
	metric_add(is_new ? METRIC_orders_created : METRIC_orders_given_again, NULL, 1);
	if (is_new && !row.judged && !has_onion(&identifiers)) {
		recent_keep_order(ret, in->thumbprint);
	}
	return 0;
}

struct read_order_params {
	struct id id;
};
static const struct field read_order_param[] = { FIELD(struct read_order_params, id) };
static const struct fields read_order_params_fields = FIELDS(struct read_order_params, read_order_param);

const struct statement ra_read_order_statement = {
	.name = "read_order",
	.sql = "SELECT " ORDER_COLUMNS " FROM front.orders WHERE id = $1",
	.params = &read_order_params_fields,
	.row = &order_row_fields,
	.repeatable = true,
};

int ra_read_order(struct ctx *c, struct id id, struct order *ret)
{
	struct read_order_params params = { id };
	struct order_row row;
	bool found = false;
	TRY(db_row(c, &ra_read_order_statement, &params, &row, &found));
	if (!found) {
		return FAIL(c, NOT_FOUND, "There is no such order");
	}
	*ret = order_of_row(c->arena, &row);
	return 0;
}
