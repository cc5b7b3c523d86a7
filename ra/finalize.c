/* finalize (RFC 8555 7.4): judges the CSR against the order, checks CAA again where it is old, and lets the CA issue. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/csr.h"
#include "lib/crypto/jwk.h"
#include "lib/crypto/onion.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "policy/keys.h"
#include "policy/names.h"
#include "ra/grants.h"
#include "ra/limits.h"
#include "ra/lists.h"
#include "ra/onion_caa.h"
#include "ra/profiles.h"
#include "ra/promise.h"
#include "ra/ra.h"
#include "ra/recent.h"
#include "ra/recheck.h"

/* CAA is good for 8 hours (C-36); an hour is kept in reserve. */
#define CAA_AGE_S 25200

struct finalize_params {
	struct id order_id;
	struct id account_id;
	struct bytes thumbprint;
	struct bytes csr_thumbprint;
	struct bytes csr_spki_sha256;
};
static const struct field finalize_param[] = {
	FIELD(struct finalize_params, order_id),
	FIELD(struct finalize_params, account_id),
	FIELD(struct finalize_params, thumbprint),
	FIELD(struct finalize_params, csr_thumbprint),
	FIELD(struct finalize_params, csr_spki_sha256),
};
static const struct fields finalize_params_fields = FIELDS(struct finalize_params, finalize_param);

struct finalize_row {
	const char *status;
	struct text_list identifier_types;
	struct text_list identifier_values;
	struct id_list authorizations;
	const char *profile;
	const char *replaces;
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp expires_at;
	bool key_is_account;
	bool key_is_blocked;
	struct timestamp oldest_validation;
	struct id issuance_request_id;
	struct grant_refusal_list refused; /* by the policy as it is now */
	bool remembered;                   /* no row: what this process knew, with what stands above as it was */
};
static const struct field finalize_row_field[] = {
	FIELD(struct finalize_row, status),
	FIELD(struct finalize_row, identifier_types),
	FIELD(struct finalize_row, identifier_values),
	FIELD(struct finalize_row, authorizations),
	FIELD(struct finalize_row, profile),
	FIELD(struct finalize_row, replaces),
	FIELD(struct finalize_row, not_before),
	FIELD(struct finalize_row, not_after),
	FIELD(struct finalize_row, expires_at),
	FIELD(struct finalize_row, key_is_account),
	FIELD(struct finalize_row, key_is_blocked),
	FIELD(struct finalize_row, oldest_validation),
	FIELD(struct finalize_row, issuance_request_id),
	FIELD_STRUCTS(struct finalize_row, refused, &grant_refusal_fields),
};
static const struct fields finalize_row_fields = FIELDS(struct finalize_row, finalize_row_field);

/* All that finalize judges (A-113..A-119), of an order of the account that asks, if that is valid and has this key. */
const struct statement ra_read_finalize_statement = {
	.name = "read_finalize",
	.sql = "SELECT o.status, o.identifier_types, o.identifier_values, o.authorizations, o.profile, o.replaces, "
	       "o.not_before, o.not_after, o.expires_at, o.oldest_validation, o.issuance_request_id, "
	       "EXISTS (SELECT FROM acme.account k WHERE k.thumbprint = $4) AS key_is_account, "
	       "EXISTS (SELECT FROM acme.blocked_key b WHERE b.spki_sha256 = $5) AS key_is_blocked, "
	       "CASE WHEN EXISTS (SELECT FROM acme.judging) THEN (SELECT j.refused FROM acme.judge_order(o.account_id, "
	       "o.identifier_types, o.identifier_values, o.profile) j) END AS refused "
	       "FROM acme.order_now o WHERE o.id = $1 AND o.account_id = $2 AND o.account_thumbprint = $3 "
	       "AND o.account_status = 'valid'",
	.params = &finalize_params_fields,
	.row = &finalize_row_fields,
	.repeatable = true,
};

struct refuse_params {
	struct id order_id;
	struct id account_id;
	struct bytes thumbprint;
};
static const struct field refuse_param[] = {
	FIELD(struct refuse_params, order_id),
	FIELD(struct refuse_params, account_id),
	FIELD(struct refuse_params, thumbprint),
};
static const struct fields refuse_params_fields = FIELDS(struct refuse_params, refuse_param);

const struct statement ra_refuse_order_statement = {
	.name = "refuse_order",
	.sql = "SELECT acme.refuse_order($1, $2, $3)",
	.params = &refuse_params_fields,
	.repeatable = true,
};

static int read_finalize(
    struct ctx *c, const struct finalize_order_request *in, const struct csr *csr, struct finalize_row *ret)
{
	struct jwk jwk;
	TRY(jwk_of_key(c, csr->key, &jwk));
	uint8_t spki_sha256[SHA256_SIZE];
	sha256_of(csr->spki, spki_sha256);
	struct finalize_params params = {
		.order_id = in->order_id,
		.account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.csr_thumbprint = { jwk.thumbprint, SHA256_SIZE },
		.csr_spki_sha256 = { spki_sha256, SHA256_SIZE },
	};
	bool found = false;
	TRY(db_row(c, &ra_read_finalize_statement, &params, ret, &found));
	if (found) {
		return 0;
	}
	struct refuse_params refused = { in->order_id, in->account_id, in->thumbprint };
	TRY(db_run(c, &ra_refuse_order_statement, &refused));
	return FAIL(c, NOT_FOUND, "There is no such order");
}

static bool is_old(struct timestamp oldest_validation)
{
	return timestamp_add_s(oldest_validation, CAA_AGE_S).us <= clock_now().us;
}

/* The order as this process made it and validated it moments ago: what decides and can't change. The rest is judged where its
 * issuance begins (ca.begin_issuance). False: it has to be read. */
static bool remember(struct ctx *c, const struct finalize_order_request *in, struct finalize_row *ret)
{
	struct recent_order order;
	if (!recent_take_order(c, in->order_id, &order) || !id_equal(order.account_id, in->account_id) ||
	    !bytes_equal(order.thumbprint, in->thumbprint) || order.expires_at.us <= clock_now().us ||
	    is_old(order.oldest_validation)) {
		return false;
	}
	*ret = (struct finalize_row) {
		.status = "ready",
		.identifier_types = order.types,
		.identifier_values = order.values,
		.authorizations = order.authorizations,
		.profile = order.profile,
		.replaces = order.replaces,
		.not_before = order.not_before,
		.not_after = order.not_after,
		.expires_at = order.expires_at,
		.oldest_validation = order.oldest_validation,
		.remembered = true,
	};
	return true;
}

static struct identifier_list identifiers_of(struct ctx *c, const struct finalize_row *order)
{
	size_t n = order->identifier_values.n;
	struct identifier_list list = { ARENA_ARRAY(c->arena, n, struct identifier), n };
	for (size_t i = 0; i < n; i++) {
		list.v[i] = (struct identifier) { order->identifier_types.v[i], order->identifier_values.v[i] };
	}
	return list;
}

/* What the order and its authorizations must be. */
static int order_check(struct ctx *c, const struct finalize_order_request *in, const struct finalize_row *order)
{
	if (strcmp(order->status, "ready") != 0) {
		return FAIL(c, ORDER_NOT_READY, "The order is %s; only a ready order can be finalized", order->status);
	}
	if (ra_profile_find(order->profile) == NULL) { /* B-23 */
		return FAIL(c, INVALID_PROFILE, "The profile \"%s\" is no longer offered; order again", order->profile);
	}
	return profiles_check_account(c, ra_profile_find(order->profile), in->account_id);
}

/* C-74: what was blocked since the order was made is refused now. */
static int names_check_now(struct ctx *c, const struct finalize_row *order, const struct identifier_list *identifiers)
{
	const struct config_profile *profile = ra_profile_find(order->profile);
	const struct policy *policy = lists_hold();
	int result = names_check_again(c, policy, profile, identifiers);
	lists_release();
	return result;
}

/* The values of this type. */
static struct text_list values_of(struct ctx *c, const struct identifier_list *identifiers, const char *type)
{
	struct text_list list = { ARENA_ARRAY(c->arena, identifiers->n, const char *), 0 };
	for (size_t i = 0; i < identifiers->n; i++) {
		if (strcmp(identifiers->v[i].type, type) == 0) {
			list.v[list.n++] = identifiers->v[i].value;
		}
	}
	return list;
}

/* What the CSR must be for this order. */
static int csr_check(
    struct ctx *c, const struct csr *csr, const struct finalize_row *order, const struct identifier_list *identifiers)
{
	struct text_list dns_names = values_of(c, identifiers, "dns");
	struct text_list addresses = values_of(c, identifiers, "ip");
	TRY(csr_names_check(c, csr, &dns_names, &addresses));
	TRY(profile_key_check(c, ra_profile_find(order->profile), csr->key));
	if (order->key_is_account) {
		ctx_rule(c, rule_info(RULE_KEY_OF_ACCOUNT)->id);
		return FAIL(c, BAD_CSR, "The key of the CSR is the key of an account; make a new one for the certificate");
	}
	if (order->key_is_blocked) {
		ctx_rule(c, rule_info(RULE_KEY_COMPROMISED)->id);
		return FAIL(c, BAD_CSR, "The key of the CSR is known to be compromised; make a new one");
	}
	return 0;
}

struct methods_row {
	struct text_list methods;
};
static const struct field methods_row_field[] = { FIELD(struct methods_row, methods) };
static const struct fields methods_row_fields = FIELDS(struct methods_row, methods_row_field);

struct methods_params {
	struct id order_id;
	struct timestamp since;
};
static const struct field methods_param[] = {
	FIELD(struct methods_params, order_id),
	FIELD(struct methods_params, since),
};
static const struct fields methods_params_fields = FIELDS(struct methods_params, methods_param);

/* The method that each authorization of the order was validated by, in their order, where CAA has to be asked for: not where it
 * was granted without a challenge, so that none of CAA's methods was relied on, nor where CAA alone was looked at since then. */
const struct statement ra_read_methods_statement = {
	.name = "read_methods",
	.sql = "SELECT array_agg(CASE WHEN acme.caa_passed(a.id, $2) THEN '' ELSE coalesce(a.challenge_types[a.tried], '') "
	       "END "
	       "ORDER BY array_position(o.authorizations, a.id)) AS methods "
	       "FROM acme.orders o JOIN acme.authz a ON a.id = ANY (o.authorizations) WHERE o.id = $1",
	.params = &methods_params_fields,
	.row = &methods_row_fields,
	.repeatable = true,
};

/* C-37: validations of some age get their CAA checked again before anything is issued. What passed in such a check counts as long. */
static int caa_check(struct ctx *c, const struct finalize_order_request *in, const struct finalize_row *order)
{
	if (!is_old(order->oldest_validation)) {
		return 0;
	}
	struct methods_params params = { in->order_id, timestamp_add_s(clock_now(), -CAA_AGE_S) };
	struct methods_row row;
	bool found = false;
	TRY(db_row(c, &ra_read_methods_statement, &params, &row, &found));
	size_t n = order->identifier_values.n;
	if (!found || row.methods.n != n || order->authorizations.n != n) {
		return FAIL(c, UNAUTHORIZED, "An authorization of the order is no longer valid; order again");
	}
	struct recheck_list looks = { ARENA_ARRAY(c->arena, n, struct recheck), 0 };
	for (size_t i = 0; i < n; i++) {
		const char *name = order->identifier_values.v[i];
		bool has_caa = strcmp(order->identifier_types.v[i], "dns") == 0 && !onion_is(name); /* addresses have none */
		if (has_caa && row.methods.v[i][0] != '\0') {
			looks.v[looks.n++] = (struct recheck) { name, order->authorizations.v[i], row.methods.v[i], NULL };
		}
	}
	return recheck_caa(c, in->account_id, &looks);
}

/* RFC 9799 6 (B-38): the CAA of onion services is what comes with this request, however young their validation is. */
static int onion_caa_check(struct ctx *c, const struct finalize_order_request *in, const struct finalize_row *order)
{
	size_t n = order->identifier_values.n;
	struct recheck_list looks = { ARENA_ARRAY(c->arena, n, struct recheck), 0 };
	struct onion_caa *sets = ARENA_ARRAY(c->arena, n, struct onion_caa);
	for (size_t i = 0; i < n; i++) {
		const char *name = order->identifier_values.v[i];
		if (onion_is(name)) {
			TRY(onion_caa_find(c, in->onion_caa, name, &sets[i]));
			looks.v[looks.n++] = (struct recheck) { name, order->authorizations.v[i], "onion-csr-01", &sets[i] };
		}
	}
	return recheck_caa(c, in->account_id, &looks);
}

/* The names of the CSR in its order, then its addresses. */
static struct identifier_list names_of(struct ctx *c, const struct csr *csr)
{
	struct text_list names = csr_names(c, csr);
	struct text_list addresses = csr_addresses(c, csr);
	struct identifier_list list = { ARENA_ARRAY(c->arena, names.n + addresses.n, struct identifier), 0 };
	for (size_t i = 0; i < names.n; i++) {
		list.v[list.n++] = (struct identifier) { "dns", names.v[i] };
	}
	for (size_t i = 0; i < addresses.n; i++) {
		list.v[list.n++] = (struct identifier) { "ip", addresses.v[i] };
	}
	return list;
}

static int issue(struct ctx *c, const struct finalize_order_request *in, const struct finalize_row *order,
    const struct csr *csr, struct order *ret)
{
	const struct identifier_list identifiers = identifiers_of(c, order);
	struct issue_certificate_request request = {
		.order_id = in->order_id,
		.account_id = in->account_id,
		.profile = order->profile,
		.names = names_of(c, csr),
		.common_name = csr->common_name,
		.public_key = csr->spki,
		.not_before = order->not_before,
		.not_after = order->not_after,
		.account_thumbprint = in->thumbprint,
		.remembered = order->remembered,
		.limits = limits_at_issue(c, in->account_id, &identifiers),
		.asker = ra_get()->instance,
	};
	struct issue_certificate_response response;
	if (rpc_ca_issue_certificate(c, &request, &response) != 0) {
		return limits_refused(c);
	}
	if (response.precertificate.n > 0) {
		TRY(promise_keep(c, &response));
	}
	*ret = (struct order) {
		.id = in->order_id,
		.account_id = in->account_id,
		.status = "valid",
		.identifiers = identifiers,
		.authorizations = order->authorizations,
		.expires_at = order->expires_at,
		.not_before = order->not_before,
		.not_after = order->not_after,
		.profile = order->profile,
		.replaces = order->replaces,
		.certificate_id = response.certificate_id,
		.certificate = response.certificate,
	};
	return 0;
}

/* After a failure: an order that the CA has begun is shown as it stands (the CA completes it), else the failure. */
static int show_begun(struct ctx *c, struct id order_id, struct order *ret)
{
	struct err failure = c->err;
	log_error(c, LOG_WARN, "issuance did not end in time");
	ctx_forgive(c);
	struct order order;
	if (ra_read_order(c, order_id, &order) == 0 &&
	    (strcmp(order.status, "processing") == 0 || strcmp(order.status, "valid") == 0)) {
		*ret = order;
		return 0;
	}
	c->err = failure;
	return -1;
}

static int key_check(struct ctx *c, const struct csr *csr)
{
	const struct keys_read key = { csr->key, csr->spki };
	const struct policy *policy = lists_hold();
	int result = keys_check_read(c, KEYS_CERTIFICATE, &key, policy, PROBLEM_BAD_CSR);
	lists_release();
	return result;
}

static int judge(
    struct ctx *c, const struct finalize_order_request *in, const struct csr *csr, const struct finalize_row *order)
{
	TRY(order_check(c, in, order));
	const struct identifier_list identifiers = identifiers_of(c, order);
	TRY(grants_check(c, &identifiers, &order->refused)); /* as the policy is now */
	TRY(csr_check(c, csr, order, &identifiers));
	TRY(names_check_now(c, order, &identifiers));
	TRY(caa_check(c, in, order));
	return onion_caa_check(c, in, order);
}

static int issue_or_show(struct ctx *c, const struct finalize_order_request *in, const struct finalize_row *order,
    const struct csr *csr, struct order *ret)
{
	if (issue(c, in, order, csr, ret) == 0) {
		return 0;
	}
	bool unclear = c->err.type == PROBLEM_UNAVAILABLE || c->err.type == PROBLEM_DEADLINE ||
	               c->err.type == PROBLEM_WRITE_UNCERTAIN || (c->err.type == PROBLEM_CONFLICT && !order->remembered);
	return unclear ? show_begun(c, in->order_id, ret) : -1;
}

/* CONFLICT: nothing was done, and the order has to be read, also for the words that a refusal needs. */
static int finalize_remembered(
    struct ctx *c, const struct finalize_order_request *in, const struct csr *csr, struct order *ret)
{
	struct finalize_row order;
	if (!remember(c, in, &order) || judge(c, in, csr, &order) != 0) {
		ctx_forgive(c);
		return FAIL(c, CONFLICT, "The order has to be read");
	}
	return issue_or_show(c, in, &order, csr, ret);
}

static int finalize_read(
    struct ctx *c, const struct finalize_order_request *in, const struct csr *csr, struct order *ret)
{
	struct finalize_row order;
	TRY(read_finalize(c, in, csr, &order));
	if (!id_is_none(order.issuance_request_id) && id_equal(order.issuance_request_id, c->request_id)) {
		return ra_read_order(c, in->order_id, ret); /* this very call has run before and its answer was lost */
	}
	TRY(judge(c, in, csr, &order));
	return issue_or_show(c, in, &order, csr, ret);
}

int ra_finalize_order_serve(struct ctx *c, const struct finalize_order_request *in, struct order *ret)
{
	struct csr csr;
	TRY(csr_parse(c, in->csr, &csr));
	TRY(key_check(c, &csr));
	if (finalize_remembered(c, in, &csr, ret) == 0) {
		return 0;
	}
	if (c->err.type != PROBLEM_CONFLICT) {
		return -1;
	}
	ctx_forgive(c);
	return finalize_read(c, in, &csr, ret);
}
