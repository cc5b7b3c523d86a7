#include "wfe/fresh.h"

#include "lib/base/slots.h"

#define SLOTS_N 1024
#define LIFE_US INT64_C(2000000)

/* What stands before the JSON. */
struct head {
	struct id account_id;
	struct timestamp expires_at;
};

static struct slot slot[SLOTS_N];
static uint8_t values[SLOTS_N][sizeof(struct head) + FRESH_OCTETS_MAX];
static struct slots slots = SLOTS(slot, values, LIFE_US);

void fresh_keep(struct id id, const struct fresh *authorization, struct timestamp expires_at)
{
	const struct head head = { authorization->account_id, expires_at };
	const struct bytes parts[] = { { (const uint8_t *) &head, sizeof(head) }, authorization->json };
	if (authorization->json.n > 0) {
		slots_keep(&slots, id, parts, COUNT_OF(parts));
	}
}

bool fresh_take(struct ctx *c, struct id id, struct fresh *ret)
{
	struct bytes value;
	if (!slots_take(&slots, c->arena, id, &value)) {
		return false;
	}
	const struct head *head = (const void *) value.p;
	if (head->expires_at.us <= clock_now().us) {
		return false;
	}
	*ret = (struct fresh) { head->account_id, { value.p + sizeof(*head), value.n - sizeof(*head) } };
	return true;
}

void fresh_drop(struct id id)
{
	slots_drop(&slots, id);
}
