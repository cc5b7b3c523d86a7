#include "wfe/page.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/crypto/digest.h"
#include "wfe/contact.h"
#include "wfe/routes.h"

bool page_acts(const struct acme *q)
{
	return route_method(q->http->method) == METHOD_POST;
}

void page_add_escaped(struct buffer *b, const char *text)
{
	for (; *text != '\0'; text++) {
		const char *entity = *text == '<' ? "&lt;" : *text == '&' ? "&amp;" : *text == '"' ? "&quot;" : NULL;
		if (entity != NULL) {
			buffer_add_text(b, entity);
		} else {
			buffer_add(b, text, 1);
		}
	}
}

void page_begin(struct buffer *b, struct arena *a, const char *title)
{
	buffer_init(b, a, 1024);
	buffer_add_text(
	    b, arena_printf(a,
	           "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>%s</title></head>\n<body>\n"
	           "<h1>%s</h1>\n",
	           title, title));
}

void page_end(struct acme *q, struct buffer *b, unsigned status)
{
	buffer_add_text(b, "</body>\n</html>\n");
	q->status = status;
	q->content_type = "text/html; charset=utf-8";
	q->reply = buffer_bytes(b);
}

void page_refuse(struct acme *q, const char *title)
{
	struct buffer b;
	page_begin(&b, q->c->arena, title);
	buffer_add_text(&b, "<p>");
	page_add_escaped(&b, q->c->err.detail);
	buffer_add_text(&b, ".</p>\n");
	page_end(q, &b, problem_info(q->c->err.type)->status);
}

const char *page_recorded_url(const struct acme *q)
{
	const char *target = q->http->target;
	bool page = q->route != NULL && q->route->page;
	if (target == NULL || (page && strcmp(target, q->route->path) == 0) ||
	    (!page && !q->leak_in_url && contact_free_url(target) &&
	        (q->route != NULL || strcasestr(target, "contact") == NULL))) {
		return target;
	}
	size_t n = page ? strlen(q->route->path) : q->route == NULL || q->leak_in_url ? 0 : strcspn(target, "?");
	const char *path = page ? q->route->path : arena_text_n(q->c->arena, target, n);
	const char *secret = strncmp(target, path, n) == 0 ? target + n : target;
	uint8_t digest[SHA256_SIZE];
	sha256_of(bytes_of_text(secret), digest);
	return arena_printf(
	    q->c->arena, "%s[sha256 %s]", path, hex_encode(q->c->arena, (struct bytes) { digest, sizeof(digest) }));
}

bool page_is_told(const struct acme *q)
{
	const char *base = q->front->config->acme.external_url;
	const char *url = q->c->err.instance;
	size_t n = strlen(base);
	if (url == NULL || strncmp(url, base, n) != 0) {
		return false;
	}
	struct id id;
	const struct route *route = route_find(arena_text_n(q->c->arena, url + n, strcspn(url + n, "?")), &id);
	return route != NULL && route->page;
}
