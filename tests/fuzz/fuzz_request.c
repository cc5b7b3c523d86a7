/* link: wfe */
/* What the front end reads of a request before it knows who sent it: path, forwarded address, and whether the body may be
 * kept (G-5, A-14, A-33; style 25). */
#include <stdlib.h>
#include <string.h>

#include "wfe/contact.h"
#include "wfe/remote.h"

static void try_path(struct arena *a, const char *text)
{
	struct id id;
	char back[ID_TEXT_SIZE];
	const struct route *route = route_find(text, &id);
	if (route != NULL && strstr(route->path, "ID") != NULL) {
		id_encode(id, back);
		if (id_is_none(id) || strstr(text, back) == NULL) {
			abort(); /* one way to write each path */
		}
	}
	static const char *networks[] = { "192.0.2.0/29", "::/0" };
	const struct text_list trusted = { networks, COUNT_OF(networks) };
	if (remote_find(a, (struct remote) { "192.0.2.7", 1 }, text, &trusted).address == NULL) {
		abort();
	}
}

/* A payload that is kept holds flags and states only, and none of them has an @. */
static void try_body(struct ctx *c, struct bytes body)
{
	struct id id;
	struct jws jws;
	const struct route *route = route_find("/acme/new-account", &id);
	bool parsed = jws_parse(c, body, &jws) == 0;
	bool kept = contact_free(c->arena, route, parsed ? &jws : NULL, body);
	if (kept && body.n > 0 && (!parsed || (jws.payload.n > 0 && memchr(jws.payload.p, '@', jws.payload.n) != NULL))) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	ctx_init(&c);
	try_path(c.arena, arena_text_n(c.arena, data, size));
	try_body(&c, (struct bytes) { data, size });
	ctx_done(&c);
	return 0;
}
