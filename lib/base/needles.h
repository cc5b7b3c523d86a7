/* A text that must stand nowhere, looked for in each form in which programs write texts: in clear in either case, as UTF-16, in hex, in
 * base64 and base64url wherever it stood in what was encoded, and in hex of these, as a database shows octets (G-65). */
#ifndef CAIRN_BASE_NEEDLES_H
#define CAIRN_BASE_NEEDLES_H

#include "lib/base/arena.h"

#define NEEDLE_MIN 8 /* octets: of a shorter one base64 has too little that is always the same */

struct needle {
	struct bytes octets;
	const char *form; /* "clear", "UTF-16", "hex", "base64", "base64 in hex" */
	bool folded;      /* letters of either case count */
};

struct needles {
	struct needle *v;
	size_t n;
	size_t longest; /* octets */
};

/* All forms of the texts, each of NEEDLE_MIN octets of ASCII at least. */
struct needles needles_of(struct arena *a, const char *const *texts, size_t n);

/* The first form that stands in the octets, and where; NULL for none. `folded` is room for as many octets. */
const struct needle *needles_find(const struct needles *needles, struct bytes in, uint8_t *folded, size_t *ret_at);

#endif
