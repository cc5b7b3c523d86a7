/* link: va */
/* The Location header of a hostile web server (style 25). Input: the header's value. */
#include <stdlib.h>
#include <string.h>

#include "policy/redirect.h"

static const struct redirect_ports ports = { 5002, 5001 };

/* What is followed must be in its normal form: resolved again it gives itself. */
static void check(struct ctx *c, const struct target *to)
{
	struct target again;
	if (strlen(to->url) > REDIRECT_URL_MAX) {
		return; /* escapes made it longer; the next hop would refuse it as a Location */
	}
	if (redirect_resolve(c, to, bytes_of_text(to->url), &ports, &again) != 0 || strcmp(again.url, to->url) != 0) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct target from;
	struct target to;
	ctx_init(&c);
	target_first(c.arena, "a.example", 80, "token", &from);
	if (redirect_resolve(&c, &from, (struct bytes) { data, size }, &ports, &to) == 0) {
		check(&c, &to);
	}
	ctx_done(&c);
	return 0;
}
