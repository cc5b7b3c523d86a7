#include "wfe/headers.h"

#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"

#define USUAL_OCTETS 400

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(name, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* The first of its name; what stands twice is told here. */
static bool has_own_place(const struct http_header *headers, size_t i)
{
	static const char *const names[] = { "User-Agent", "Accept-Language" };
	bool own = is_one_of(headers[i].name, names, COUNT_OF(names));
	for (size_t k = 0; k < i && own; k++) {
		own = strcasecmp(headers[k].name, headers[i].name) != 0;
	}
	return own;
}

/* G-5, G-6: ACME needs none of them; From is a mail address (RFC 9110 10.1.2). */
static bool is_withheld(const char *name)
{
	static const char *const names[] = { "Authorization", "Proxy-Authorization", "Cookie", "From" };
	return is_one_of(name, names, COUNT_OF(names)) || strcasestr(name, "contact") != NULL;
}

const char *headers_recorded(struct arena *a, const struct http_header *headers, size_t n)
{
	struct buffer b;
	buffer_init(&b, a, USUAL_OCTETS);
	for (size_t i = 0; i < n; i++) {
		if (has_own_place(headers, i)) {
			continue;
		}
		buffer_add_text(&b, buffer_bytes(&b).n == 0 ? "" : "\n");
		buffer_add_text(&b, headers[i].name);
		buffer_add_text(&b, is_withheld(headers[i].name) ? "" : ": ");
		buffer_add_text(&b, is_withheld(headers[i].name)
		                        ? arena_printf(a, ":(%zu octets withheld)", strlen(headers[i].value))
		                        : headers[i].value);
	}
	return arena_text_n(a, buffer_bytes(&b).p, buffer_bytes(&b).n);
}
