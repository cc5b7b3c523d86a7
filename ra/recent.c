#include "ra/recent.h"

#include <string.h>

#include "lib/base/slots.h"
#include "lib/crypto/digest.h"

#define ORDERS 4096
#define VALIDATIONS 8192
#define LIFE_US INT64_C(600000000)
#define NAMES_MAX 8
#define TEXTS_MAX 1024 /* octets of all texts */

/* What stands before the texts of an order, each with its NUL: the profile, what is replaced (or nothing), then type and value of
 * each identifier. */
struct head {
	struct id account_id;
	uint8_t thumbprint[SHA256_SIZE];
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp expires_at;
	size_t n;
	struct id authorizations[NAMES_MAX];
};

static struct slot order_slot[ORDERS];
static uint8_t order_values[ORDERS][sizeof(struct head) + TEXTS_MAX];
static struct slots orders = SLOTS(order_slot, order_values, LIFE_US);

static struct slot validation_slot[VALIDATIONS];
static uint8_t validation_values[VALIDATIONS][sizeof(struct timestamp)];
static struct slots validations = SLOTS(validation_slot, validation_values, LIFE_US);

static struct bytes text_part(const char *text)
{
	return (struct bytes) { (const uint8_t *) text, strlen(text) + 1 };
}

void recent_keep_order(const struct order *order, struct bytes thumbprint)
{
	size_t n = order->identifiers.n;
	if (n > NAMES_MAX || order->authorizations.n != n || thumbprint.n != SHA256_SIZE) {
		return;
	}
	struct head head = {
		.account_id = order->account_id,
		.not_before = order->not_before,
		.not_after = order->not_after,
		.expires_at = order->expires_at,
		.n = n,
	};
	memcpy(head.thumbprint, thumbprint.p, SHA256_SIZE);
	struct bytes parts[3 + 2 * NAMES_MAX] = { { (const uint8_t *) &head, sizeof(head) }, text_part(order->profile),
		text_part(order->replaces == NULL ? "" : order->replaces) };
	for (size_t i = 0; i < n; i++) {
		head.authorizations[i] = order->authorizations.v[i];
		parts[3 + 2 * i] = text_part(order->identifiers.v[i].type);
		parts[4 + 2 * i] = text_part(order->identifiers.v[i].value);
	}
	slots_keep(&orders, order->id, parts, 3 + 2 * n);
}

void recent_keep_validation(struct id authz_id, struct timestamp validated_at)
{
	slots_keep(&validations, authz_id, &(struct bytes) { (const uint8_t *) &validated_at, sizeof(validated_at) }, 1);
}

/* When the oldest of them was validated; false when one is not here. */
static bool oldest_of(struct ctx *c, const struct id_list *authorizations, struct timestamp *ret)
{
	struct timestamp oldest = { INT64_MAX };
	for (size_t i = 0; i < authorizations->n; i++) {
		struct bytes value;
		if (!slots_find(&validations, c->arena, authorizations->v[i], &value)) {
			return false;
		}
		const struct timestamp *one = (const void *) value.p;
		oldest = one->us < oldest.us ? *one : oldest;
	}
	*ret = oldest;
	return authorizations->n > 0;
}

static const char *next_text(struct bytes *rest)
{
	const char *text = (const char *) rest->p;
	size_t n = strlen(text) + 1;
	*rest = (struct bytes) { rest->p + n, rest->n - n };
	return text;
}

static struct recent_order order_of(struct ctx *c, struct bytes value)
{
	const struct head *head = (const void *) value.p;
	struct bytes rest = { value.p + sizeof(*head), value.n - sizeof(*head) };
	struct recent_order order = {
		.account_id = head->account_id,
		.thumbprint = { head->thumbprint, SHA256_SIZE },
		.types = { ARENA_ARRAY(c->arena, head->n, const char *), head->n },
		.values = { ARENA_ARRAY(c->arena, head->n, const char *), head->n },
		.authorizations = { ARENA_ARRAY(c->arena, head->n, struct id), head->n },
		.not_before = head->not_before,
		.not_after = head->not_after,
		.expires_at = head->expires_at,
	};
	order.profile = next_text(&rest);
	order.replaces = next_text(&rest);
	order.replaces = order.replaces[0] == '\0' ? NULL : order.replaces;
	for (size_t i = 0; i < head->n; i++) {
		order.types.v[i] = next_text(&rest);
		order.values.v[i] = next_text(&rest);
		order.authorizations.v[i] = head->authorizations[i];
	}
	return order;
}

bool recent_take_order(struct ctx *c, struct id id, struct recent_order *ret)
{
	struct bytes value;
	if (!slots_take(&orders, c->arena, id, &value)) {
		return false;
	}
	struct recent_order order = order_of(c, value);
	if (!oldest_of(c, &order.authorizations, &order.oldest_validation)) {
		return false;
	}
	*ret = order;
	return true;
}
