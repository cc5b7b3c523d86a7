/* Authorizations and their challenges (RFC 8555 7.5). */
#include <stdatomic.h>
#include <string.h>

#include "lib/rpc/client.h"
#include "lib/rpc/rows.h"
#include "policy/onion_csr.h"
#include "wfe/answer.h"
#include "wfe/fresh.h"
#include "wfe/objects.h"
#include "wfe/request.h"
#include "wfe/statements.h"
#include "wfe/terms.h"

#define POLL_AGAIN_S 1

struct authz_lookup {
	struct id id;
};
static const struct field authz_lookup_field[] = { FIELD(struct authz_lookup, id) };
static const struct fields authz_lookup_fields = FIELDS(struct authz_lookup, authz_lookup_field);

const struct statement authz_find = {
	.name = "authz_find",
	.sql = "SELECT " AUTHORIZATION_COLUMNS " FROM front.authz WHERE id = $1",
	.params = &authz_lookup_fields,
	.row = &authorization_row_fields,
	.repeatable = true,
};

struct authz_update {
	const char *status;
};
static const struct field authz_update_field[] = { FIELD(struct authz_update, status, .flags = FIELD_REQUIRED) };
static const struct fields authz_update_fields = FIELDS(struct authz_update, authz_update_field);

static bool is_under_way(const struct authorization *authz)
{
	for (size_t i = 0; i < authz->challenges.n; i++) {
		if (strcmp(authz->challenges.v[i].status, "processing") == 0) {
			return true;
		}
	}
	return false;
}

static void answer_authz(struct acme *q, const struct authorization *authz)
{
	struct acme_authz object = object_of_authz(q, authz);
	answer_json(q, 200, &acme_authz_fields, &object);
	if (is_under_way(authz)) {
		answer_retry_after(q, POLL_AGAIN_S); /* */
	}
}

static int find(struct acme *q, struct id id, const char *what, struct authorization *ret)
{
	struct authz_lookup lookup = { id };
	struct authorization_row row;
	bool found = false;
	TRY(db_row(q->c, &authz_find, &lookup, &row, &found));
	TRY(request_check_owner(q, what, found, row.account_id));
	*ret = authorization_of_row(q->c->arena, &row);
	return 0;
}

/* */
static int deactivate(struct acme *q)
{
	struct authz_update in;
	TRY(request_payload(q, &authz_update_fields, &in));
	if (strcmp(in.status, "deactivated") != 0) {
		return FAIL(q->c, MALFORMED, "The status of an authorization can only be changed to \"deactivated\"");
	}
	struct deactivate_authorization_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.authorization_id = q->id,
	};
	struct authorization authz;
	TRY(rpc_ra_deactivate_authorization(q->c, &request, &authz));
	answer_authz(q, &authz);
	return 0;
}

int authz_serve(struct acme *q)
{
	struct fresh fresh;
	struct authorization authz;
	if (q->payload != NULL) {
		fresh_drop(q->id);
		return deactivate(q);
	}
	if (fresh_take(q->c, q->id, &fresh)) {
		TRY(request_check_owner(q, "authorization", true, fresh.account_id));
		q->status = 200;
		q->content_type = "application/json";
		q->reply = fresh.json;
		return 0;
	}
	TRY(find(q, q->id, "authorization", &authz));
	answer_authz(q, &authz);
	return 0;
}

struct new_authz {
	struct identifier identifier;
};
static const struct field authz_identifier_field[] = {
	FIELD(struct identifier, type, .flags = FIELD_REQUIRED),
	FIELD(struct identifier, value, .flags = FIELD_REQUIRED),
};
static const struct fields authz_identifier_fields = FIELDS(struct identifier, authz_identifier_field);
static const struct field new_authz_field[] = {
	FIELD_STRUCT(struct new_authz, identifier, &authz_identifier_fields, .flags = FIELD_REQUIRED),
};
static const struct fields new_authz_fields = FIELDS(struct new_authz, new_authz_field);

/* RFC 8555 7.4.1: a server that is unwilling answers 403 here, where newOrder's status is 400. */
static int unwilling(struct ctx *c)
{
	if (c->err.type == PROBLEM_REJECTED_IDENTIFIER) {
		c->err.type = PROBLEM_UNWILLING;
	} else if (c->err.type == PROBLEM_UNSUPPORTED_IDENTIFIER) {
		c->err.type = PROBLEM_UNWILLING_KIND;
	}
	return -1;
}

/* RFC 8555 7.4.1 */
int new_authz_serve(struct acme *q)
{
	struct new_authz in;
	if (!q->front->config->acme.pre_authorization) {
		return FAIL(q->c, NOT_FOUND, "This server does not authorize names before they are ordered"); /* */
	}
	if (q->payload == NULL) {
		return FAIL(q->c, MALFORMED, "The payload must be a JSON object");
	}
	TRY(terms_check(q));
	TRY(request_payload(q, &new_authz_fields, &in));
	struct new_authorization_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.identifier = in.identifier,
	};
	struct authorization authz;
	if (rpc_ra_new_authorization(q->c, &request, &authz) != 0) {
		return unwilling(q->c);
	}
	answer_authz(q, &authz);
	q->status = 201;
	answer_location(q, front_object_url(q, "authz", authz.id));
	return 0;
}

static int answer_challenge(struct acme *q, const struct authorization *authz)
{
	for (size_t i = 0; i < authz->challenges.n; i++) {
		const struct challenge *challenge = &authz->challenges.v[i];
		if (!id_equal(challenge->id, q->id)) {
			continue;
		}
		struct acme_challenge object = object_of_challenge(q, challenge);
		answer_json(q, 200, &acme_challenge_fields, &object);
		answer_link(q, front_object_url(q, "authz", authz->id), "up"); /* */
		if (strcmp(challenge->status, "processing") == 0) {
			answer_retry_after(q, POLL_AGAIN_S); /* */
		}
		return 0;
	}
	/* RFC 8555 7.1.4: a final authorization shows the challenges that decided. */
	return FAIL(q->c, NOT_FOUND, "The challenge is no longer offered");
}

/* What a response may have in it; most challenges have none (RFC 8555 7.5.1; RFC 9799 3.2). */
struct response {
	struct bytes csr;
};
static const struct field response_field[] = { FIELD(struct response, csr, .min = 0, .max = ONION_CSR_MAX) };
static const struct fields response_fields = FIELDS(struct response, response_field);

/* Requests whose answer waits for a validation. */
static atomic_uint held;

/* Half of the workers may wait at one time, so that quick requests always find one. */
static int start(struct acme *q, struct authorization *ret)
{
	const struct config_wfe *wfe = &q->front->config->wfe;
	struct response response;
	TRY(request_payload(q, &response_fields, &response));
	unsigned before = atomic_fetch_add(&held, 1);
	struct start_challenge_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.challenge_id = q->id,
		.response = response.csr,
		.hold_ms = before < (unsigned) wfe->process.workers / 2 ? wfe->hold_ms : 0,
	};
	int result = rpc_ra_start_challenge(q->c, &request, ret);
	atomic_fetch_sub(&held, 1);
	return result;
}

/* `{}` starts, `""` only reads. */
int challenge_serve(struct acme *q)
{
	struct authorization authz;
	int64_t n = 0;
	struct id authz_id = challenge_id_split(q->id, &n);
	if (q->payload != NULL) {
		fresh_drop(authz_id);
		TRY(start(q, &authz));
	} else {
		TRY(find(q, authz_id, "challenge", &authz));
	}
	return answer_challenge(q, &authz);
}
