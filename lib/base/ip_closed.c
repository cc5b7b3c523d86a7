/* The complement of where validation goes, as blocks for those who can't ask about each address. */
#include <string.h>

#include "lib/base/ip.h"

#define BLOCKS_ROOM 64

static void add(struct arena *a, struct network_list *list, const struct network *net)
{
	if (list->n % BLOCKS_ROOM == 0) {
		struct network *larger = ARENA_ARRAY(a, list->n + BLOCKS_ROOM, struct network);
		if (list->n > 0) {
			memcpy(larger, list->v, list->n * sizeof(*larger));
		}
		list->v = larger;
	}
	list->v[list->n++] = *net;
}

enum share { NOTHING, SOME, ALL };

/* How much of it is in the open ones. */
static enum share share(const struct network *net, const struct network_list *open)
{
	bool some = false;
	for (size_t i = 0; i < open->n; i++) {
		if (network_covers(&open->v[i], net)) {
			return ALL;
		}
		some = some || network_covers(net, &open->v[i]);
	}
	return some ? SOME : NOTHING;
}

/* Halves are looked at one by one, down to those that hold nothing open: no more wait than an address has bits. */
static void add_without(
    struct arena *a, struct network_list *list, const struct network *whole, const struct network_list *open)
{
	struct network waiting[128 + 1] = { *whole };
	size_t n = 1;
	while (n > 0) {
		struct network net = waiting[--n];
		enum share how = share(&net, open);
		if (how == NOTHING) {
			add(a, list, &net);
		} else if (how == SOME) {
			struct network upper = net;
			upper.first.b[net.bits / 8] |= (uint8_t) (0x80 >> net.bits % 8);
			upper.bits = ++net.bits;
			waiting[n++] = upper;
			waiting[n++] = net;
		}
	}
}

/* What is closed of IPv4 is closed also where the operator opened a way to it by IPv6. */
static void add_guises(
    struct arena *a, struct network_list *list, const struct network_list *allowed, const struct network_list *open)
{
	size_t n = list->n;
	for (size_t i = 0; i < n; i++) {
		struct network_list guises = network_guises(a, &list->v[i]);
		for (size_t k = 0; k < guises.n; k++) {
			if (share(&guises.v[k], allowed) != NOTHING) {
				add_without(a, list, &guises.v[k], open);
			}
		}
	}
}

struct network_list ip_closed(struct arena *a, const struct ip_reach *reach, const struct network_list *open)
{
	struct network_list list = { NULL, 0 };
	struct network_list special = ip_special_blocks(a);
	struct network_list entered = { ARENA_ARRAY(a, reach->allowed.n + open->n, struct network), 0 };
	for (size_t i = 0; i < reach->allowed.n; i++) {
		entered.v[entered.n++] = reach->allowed.v[i];
	}
	for (size_t i = 0; i < open->n; i++) {
		entered.v[entered.n++] = open->v[i];
	}
	for (size_t i = 0; i < special.n; i++) {
		add_without(a, &list, &special.v[i], &entered);
	}
	for (size_t i = 0; i < reach->denied.n; i++) {
		add_without(a, &list, &reach->denied.v[i], open);
	}
	add_guises(a, &list, &reach->allowed, open);
	return list;
}
