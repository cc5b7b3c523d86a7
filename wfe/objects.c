#include "wfe/objects.h"

#include <string.h>

#include "lib/base/base64.h"
#include "policy/challenges.h"

static const struct field acme_subproblem_field[] = {
	FIELD(struct acme_subproblem, type),
	FIELD(struct acme_subproblem, detail),
	FIELD_STRUCT(struct acme_subproblem, identifier, &identifier_fields, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields acme_subproblem_fields = FIELDS(struct acme_subproblem, acme_subproblem_field);

static const struct field acme_problem_field[] = {
	FIELD(struct acme_problem, type),
	FIELD(struct acme_problem, detail),
	FIELD(struct acme_problem, status, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct acme_problem, instance),
	FIELD(struct acme_problem, algorithms, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct acme_problem, subproblems, &acme_subproblem_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields acme_problem_fields = FIELDS(struct acme_problem, acme_problem_field);

static const struct field acme_account_field[] = {
	FIELD(struct acme_account, status),
	FIELD_AS(struct acme_account, terms_agreed, "termsOfServiceAgreed", .flags = FIELD_OMIT_EMPTY),
	FIELD(struct acme_account, orders),
	FIELD_AS(struct acme_account, subject_data, "subjectData"),
	FIELD_AS(struct acme_account, external_account_binding, "externalAccountBinding"),
};
const struct fields acme_account_fields = FIELDS(struct acme_account, acme_account_field);

static const struct field acme_order_field[] = {
	FIELD(struct acme_order, status),
	FIELD(struct acme_order, expires),
	FIELD_STRUCTS(struct acme_order, identifiers, &identifier_fields),
	FIELD_AS(struct acme_order, not_before, "notBefore"),
	FIELD_AS(struct acme_order, not_after, "notAfter"),
	FIELD(struct acme_order, profile),
	FIELD(struct acme_order, replaces),
	FIELD(struct acme_order, authorizations),
	FIELD(struct acme_order, finalize),
	FIELD(struct acme_order, certificate),
	FIELD_STRUCT(struct acme_order, error, &acme_problem_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields acme_order_fields = FIELDS(struct acme_order, acme_order_field);

static const struct field acme_challenge_field[] = {
	FIELD(struct acme_challenge, type),
	FIELD(struct acme_challenge, url),
	FIELD(struct acme_challenge, status),
	FIELD(struct acme_challenge, token),
	FIELD(struct acme_challenge, nonce),
	FIELD_AS(struct acme_challenge, account_uri, "accounturi"),
	FIELD_AS(struct acme_challenge, issuer_domain_names, "issuer-domain-names", .flags = FIELD_OMIT_EMPTY),
	FIELD(struct acme_challenge, validated),
	FIELD_STRUCT(struct acme_challenge, error, &acme_problem_fields, .flags = FIELD_OMIT_EMPTY),
};
const struct fields acme_challenge_fields = FIELDS(struct acme_challenge, acme_challenge_field);

static const struct field acme_authz_field[] = {
	FIELD_STRUCT(struct acme_authz, identifier, &identifier_fields),
	FIELD(struct acme_authz, status),
	FIELD(struct acme_authz, expires),
	FIELD(struct acme_authz, wildcard, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct acme_authz, challenges, &acme_challenge_fields),
};
const struct fields acme_authz_fields = FIELDS(struct acme_authz, acme_authz_field);

static const char *urn(struct arena *a, const struct problem_info *info)
{
	return arena_printf(a, "urn:ietf:params:acme:error:%s", info->type);
}

static struct text_list algorithms_of(struct arena *a, enum problem type)
{
	struct text_list list = { 0 };
	if (type == PROBLEM_BAD_SIGNATURE_ALGORITHM) {
		const char *const *names = jws_algorithms();
		while (names[list.n] != NULL) {
			list.n++;
		}
		list.v = ARENA_ARRAY(a, list.n, const char *);
		memcpy(list.v, names, list.n * sizeof(*list.v));
	}
	return list;
}

static struct acme_problem problem_of(struct arena *a, enum problem type, const char *detail)
{
	const struct problem_info *info = problem_info(type);
	return (struct acme_problem) { .type = urn(a, info),
		.detail = detail == NULL ? info->title : detail,
		.status = info->status,
		.algorithms = algorithms_of(a, type) };
}

struct acme_problem object_of_error(struct arena *a, const struct err *err)
{
	struct acme_problem problem = problem_of(a, err->type, err->detail);
	problem.instance = err->instance;
	problem.subproblems.v = ARENA_ARRAY(a, err->subproblems.n, struct acme_subproblem);
	problem.subproblems.n = err->subproblems.n;
	for (size_t i = 0; i < err->subproblems.n; i++) {
		const struct subproblem *sub = &err->subproblems.v[i];
		problem.subproblems.v[i] = (struct acme_subproblem) { .type = urn(a, problem_info(sub->type)),
			.detail = sub->detail,
			.identifier = { sub->identifier_type, sub->identifier_value } };
	}
	return problem;
}

struct acme_problem object_of_record(struct arena *a, const struct problem_record *record)
{
	if (record->type == NULL) {
		return (struct acme_problem) { 0 };
	}
	struct acme_problem problem = problem_of(a, problem_by_name(record->type), record->detail);
	problem.instance = record->instance;
	problem.subproblems.v = ARENA_ARRAY(a, record->subproblems.n, struct acme_subproblem);
	problem.subproblems.n = record->subproblems.n;
	for (size_t i = 0; i < record->subproblems.n; i++) {
		const struct problem_subrecord *sub = &record->subproblems.v[i];
		problem.subproblems.v[i] =
		    (struct acme_subproblem) { urn(a, problem_info(problem_by_name(sub->type))), sub->detail, sub->identifier };
	}
	return problem;
}

/* Some clients read times with simple means. */
static struct timestamp whole_seconds(struct timestamp t)
{
	return (struct timestamp) { t.us - t.us % 1000000 };
}

struct acme_order object_of_order(const struct acme *q, const struct order *order)
{
	struct arena *a = q->c->arena;
	const char *url = front_object_url(q, "order", order->id);
	struct acme_order object = {
		.status = order->status,
		.expires = whole_seconds(order->expires_at),
		.identifiers = order->identifiers,
		.not_before = order->not_before,
		.not_after = order->not_after,
		.profile = order->profile,
		.replaces = order->replaces, /* B-17 */
		.authorizations = { ARENA_ARRAY(a, order->authorizations.n, const char *), order->authorizations.n },
		.finalize = arena_printf(a, "%s/finalize", url),
		.error = object_of_record(a, &order->error),
	};
	for (size_t i = 0; i < order->authorizations.n; i++) {
		object.authorizations.v[i] = front_object_url(q, "authz", order->authorizations.v[i]);
	}
	if (strcmp(order->status, "valid") == 0) {
		object.certificate = front_object_url(q, "cert", order->certificate_id);
	}
	return object;
}

/* The octets of the token as base64 with padding (RFC 9799 3.2; B-37). */
static const char *nonce_of_token(struct arena *a, const char *token)
{
	struct bytes octets;
	return token != NULL && base64url_decode(a, bytes_of_text(token), &octets) == 0 ? base64_encode(a, octets) : NULL;
}

struct acme_challenge object_of_challenge(const struct acme *q, const struct challenge *challenge)
{
	struct acme_challenge object = { .type = challenge->type,
		.url = front_object_url(q, "challenge", challenge->id),
		.status = challenge->status,
		.token = challenge->token,
		.validated = whole_seconds(challenge->validated_at),
		.error = object_of_record(q->c->arena, &challenge->error) };
	const struct challenge_kind *kind = challenge_kind_find(challenge->type);
	if (kind != NULL && kind->standing) {
		object.account_uri = front_object_url(q, "account", q->account.id);
		object.issuer_domain_names = q->front->config->acme.caa_identities;
	}
	if (kind != NULL && kind->signed_request) {
		object.nonce = nonce_of_token(q->c->arena, challenge->token);
		object.token = NULL;
	}
	return object;
}

struct acme_authz object_of_authz(const struct acme *q, const struct authorization *authz)
{
	struct acme_authz object = {
		.identifier = authz->identifier,
		.status = authz->status,
		.expires = whole_seconds(authz->expires_at),
		.wildcard = authz->wildcard,
		.challenges = { ARENA_ARRAY(q->c->arena, authz->challenges.n, struct acme_challenge), authz->challenges.n },
	};
	for (size_t i = 0; i < authz->challenges.n; i++) {
		object.challenges.v[i] = object_of_challenge(q, &authz->challenges.v[i]);
	}
	return object;
}
