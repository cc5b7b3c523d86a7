/* newOrder, the order object, its finalization, and the list of an account's orders (RFC 8555 7.4, 7.1.2.1). */
#include <string.h>

#include "lib/crypto/cert.h"
#include "lib/rpc/client.h"
#include "lib/rpc/rows.h"
#include "wfe/answer.h"
#include "wfe/fresh.h"
#include "wfe/issued.h"
#include "wfe/objects.h"
#include "wfe/request.h"
#include "wfe/statements.h"
#include "wfe/terms.h"

#define POLL_AGAIN_S 1
#define ORDERS_PAGE 100
#define IDENTIFIERS_MAX 1000

struct new_order {
	struct identifier_list identifiers;
	struct timestamp not_before;
	struct timestamp not_after;
	const char *profile;
	const char *replaces;
};
static const struct field new_identifier_field[] = {
	FIELD(struct identifier, type, .flags = FIELD_REQUIRED),
	FIELD(struct identifier, value, .flags = FIELD_REQUIRED),
};
static const struct fields new_identifier_fields = FIELDS(struct identifier, new_identifier_field);
static const struct field new_order_field[] = {
	FIELD_STRUCTS(struct new_order, identifiers, &new_identifier_fields, .flags = FIELD_REQUIRED, .min = 1,
	    .max = IDENTIFIERS_MAX),
	FIELD_AS(struct new_order, not_before, "notBefore"),
	FIELD_AS(struct new_order, not_after, "notAfter"),
	FIELD(struct new_order, profile),
	FIELD(struct new_order, replaces),
};
static const struct fields new_order_fields = FIELDS(struct new_order, new_order_field);

struct finalize {
	struct bytes csr;
	json_t *onion_caa;
};
static const struct field finalize_field[] = {
	FIELD(struct finalize, csr, .flags = FIELD_REQUIRED),
	FIELD_AS(struct finalize, onion_caa, "onionCAA"),
};
static const struct fields finalize_fields = FIELDS(struct finalize, finalize_field);

struct order_lookup {
	struct id id;
};
static const struct field order_lookup_field[] = { FIELD(struct order_lookup, id) };
static const struct fields order_lookup_fields = FIELDS(struct order_lookup, order_lookup_field);

const struct statement order_find = {
	.name = "order_find",
	.sql = "SELECT " ORDER_COLUMNS " FROM front.orders WHERE id = $1",
	.params = &order_lookup_fields,
	.row = &order_row_fields,
	.repeatable = true,
};

struct orders_page {
	struct id account_id;
	struct id after;
	int64_t count;
};
static const struct field orders_page_field[] = {
	FIELD(struct orders_page, account_id),
	FIELD(struct orders_page, after),
	FIELD(struct orders_page, count),
};
static const struct fields orders_page_fields = FIELDS(struct orders_page, orders_page_field);

struct orders_row {
	struct id id;
	const char *status;
};
static const struct field orders_row_field[] = { FIELD(struct orders_row, id), FIELD(struct orders_row, status) };
static const struct fields orders_row_fields = FIELDS(struct orders_row, orders_row_field);

/* Invalid ones are read too, so that a page costs the same however many of them lie between. */
const struct statement orders_list = {
	.name = "orders_list",
	.sql = "SELECT id, status FROM front.orders WHERE account_id = $1 AND id > COALESCE($2, "
	       "'00000000-0000-0000-0000-000000000000') ORDER BY id LIMIT $3",
	.params = &orders_page_fields,
	.row = &orders_row_fields,
	.repeatable = true,
};

struct orders_object {
	struct text_list orders;
};
static const struct field orders_object_field[] = { FIELD(struct orders_object, orders) };
static const struct fields orders_object_fields = FIELDS(struct orders_object, orders_object_field);

static void answer_order(struct acme *q, unsigned status, const struct order *order)
{
	struct acme_order object = object_of_order(q, order);
	answer_json(q, status, &acme_order_fields, &object);
	answer_location(q, front_object_url(q, "order", order->id));
	if (strcmp(order->status, "processing") == 0) {
		answer_retry_after(q, POLL_AGAIN_S); /* */
	}
}

/* A client reads each of them next (RFC 8555 7.1); what it gets is what was written. */
static void keep_fresh(const struct acme *q, const struct order *order)
{
	for (size_t i = 0; i < order->fresh.n; i++) {
		const struct authorization *authz = &order->fresh.v[i];
		struct acme_authz object = object_of_authz(q, authz);
		fresh_keep(authz->id,
		    &(struct fresh) { authz->account_id, fields_to_json(q->c->arena, &acme_authz_fields, &object) },
		    authz->expires_at);
	}
}

int new_order_serve(struct acme *q)
{
	struct new_order in;
	TRY(terms_check(q));
	TRY(request_payload(q, &new_order_fields, &in));
	struct new_order_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.identifiers = in.identifiers,
		.not_before = in.not_before,
		.not_after = in.not_after,
		.profile = in.profile,
		.replaces = in.replaces,
		.remote_address = q->remote.address,
	};
	struct order order;
	TRY(rpc_ra_new_order(q->c, &request, &order));
	keep_fresh(q, &order);
	answer_order(q, 201, &order); /* */
	return 0;
}

int order_serve(struct acme *q)
{
	struct order_lookup lookup = { q->id };
	struct order_row row;
	bool found = false;
	TRY(db_row(q->c, &order_find, &lookup, &row, &found));
	TRY(request_check_owner(q, "order", found, row.account_id));
	struct order order = order_of_row(q->c->arena, &row);
	answer_order(q, 200, &order);
	return 0;
}

/* The download comes next. Without this it is served from the database. */
static void keep_certificate(const struct acme *q, const struct order *order)
{
	struct ctx scratch = { .arena = q->c->arena };
	struct cert_info info;
	if (order->certificate.n > 0 && cert_parse(&scratch, order->certificate, &info) == 0 && info.aia_url != NULL) {
		issued_keep(order->certificate_id,
		    &(struct issued) { order->account_id, cert_to_pem(q->c->arena, order->certificate), info.aia_url, 0 });
	}
}

int finalize_serve(struct acme *q)
{
	struct finalize in;
	TRY(request_payload(q, &finalize_fields, &in));
	struct finalize_order_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.order_id = q->id,
		.csr = in.csr,
		.onion_caa = in.onion_caa,
	};
	struct order order;
	TRY(rpc_ra_finalize_order(q->c, &request, &order));
	keep_certificate(q, &order);
	answer_order(q, 200, &order); /* */
	return 0;
}

/* The page after this order; an absent query is the first page. */
static int parse_cursor(struct acme *q, struct id *ret_after)
{
	static const char name[] = "cursor=";
	if (q->http->query == NULL) {
		*ret_after = (struct id) { { 0 } };
		return 0;
	}
	if (strncmp(q->http->query, name, sizeof(name) - 1) != 0 ||
	    id_parse(bytes_of_text(q->http->query + sizeof(name) - 1), ret_after) != 0) {
		return FAIL(q->c, NOT_FOUND, "There is no such page");
	}
	return 0;
}

/* A page may be short, or empty with another behind it: what counts is the link to the next. */
int account_orders_serve(struct acme *q)
{
	TRY(account_check_own(q));
	struct orders_page page = { .account_id = q->account.id, .count = ORDERS_PAGE + 1 };
	struct orders_row *rows = NULL;
	size_t n = 0;
	TRY(parse_cursor(q, &page.after));
	TRY(db_rows(q->c, &orders_list, &page, (void *) &rows, &n));
	size_t shown = n > ORDERS_PAGE ? ORDERS_PAGE : n;
	struct orders_object object = { { ARENA_ARRAY(q->c->arena, shown, const char *), 0 } };
	for (size_t i = 0; i < shown; i++) {
		if (strcmp(rows[i].status, "invalid") != 0) { /* RFC 8555 7.1.2.1 */
			object.orders.v[object.orders.n++] = front_object_url(q, "order", rows[i].id);
		}
	}
	answer_json(q, 200, &orders_object_fields, &object);
	if (n > shown) {
		char last[ID_TEXT_SIZE];
		id_encode(rows[shown - 1].id, last);
		const char *url = front_object_url(q, "account", q->account.id);
		answer_link(q, arena_printf(q->c->arena, "%s/orders?cursor=%s", url, last), "next");
	}
	return 0;
}
