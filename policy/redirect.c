#include "policy/redirect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/crypto/onion.h"

/* The parts of a URL reference (RFC 3986 3 and 4.2); NULL pointers for what is absent. */
struct reference {
	struct bytes scheme;
	struct bytes authority;
	struct bytes path;
	struct bytes query; /* with its '?' */
};

bool redirect_status(int64_t status)
{
	return status == 301 || status == 302 || status == 307 || status == 308;
}

static struct bytes cut(const uint8_t *from, const uint8_t *to)
{
	return (struct bytes) { from, (size_t) (to - from) };
}

static bool is_alnum(uint8_t o)
{
	return (o >= '0' && o <= '9') || (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z');
}

static const uint8_t *find_any(const uint8_t *p, const uint8_t *end, const char *set)
{
	while (p < end && strchr(set, *p) == NULL) {
		p++;
	}
	return p;
}

/* Octets are free of NUL and controls when this is called. */
static struct reference split(struct bytes text)
{
	struct reference r = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	const uint8_t *p = text.p;
	const uint8_t *end = find_any(p, p + text.n, "#");
	const uint8_t *colon = find_any(p, end, ":/?");
	if (colon < end && *colon == ':' && colon > p) {
		r.scheme = cut(p, colon);
		p = colon + 1;
	}
	if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
		const uint8_t *stop = find_any(p + 2, end, "/?");
		r.authority = cut(p + 2, stop);
		p = stop;
	}
	const uint8_t *query = find_any(p, end, "?");
	r.path = cut(p, query);
	if (query < end) {
		r.query = cut(query, end);
	}
	return r;
}

/* Drops the last segment of what was written from `base` on (RFC 3986 5.2.4). */
static void drop_segment(struct buffer *b, size_t base)
{
	while (b->n > base && b->p[b->n - 1] != '/') {
		b->n--;
	}
	if (b->n > base) {
		b->n--;
	}
}

/* RFC 3986 5.2.4 on a path that begins with '/'. */
static struct bytes without_dots(struct arena *a, struct bytes path)
{
	struct buffer b;
	buffer_init(&b, a, path.n + 1);
	const uint8_t *p = path.p;
	const uint8_t *end = path.p + path.n;
	while (p < end) {
		const uint8_t *next = find_any(p + 1, end, "/"); /* p is at a '/' */
		struct bytes segment = cut(p + 1, next);
		bool last = next == end;
		if (bytes_equal_text(segment, "..")) {
			drop_segment(&b, 0);
		}
		if (!bytes_equal_text(segment, ".") && !bytes_equal_text(segment, "..")) {
			buffer_add_char(&b, '/');
			buffer_add(&b, segment.p, segment.n);
		} else if (last) {
			buffer_add_char(&b, '/');
		}
		p = next;
	}
	return buffer_bytes(&b);
}

/* Blanks and what is no ASCII are escaped, as browsers do it; the rest stays as it is. */
static void add_escaped(struct buffer *b, struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] <= ' ' || in.p[i] >= 0x7f || strchr("\"<>\\^`{|}", in.p[i]) != NULL) {
			buffer_printf(b, "%%%02X", in.p[i]);
		} else {
			buffer_add_char(b, (char) in.p[i]);
		}
	}
}

/* Labels of letters, digits, hyphens and underscores; the last one is no number, so that no short form of an IPv4
 * address ("127.1", "0x7f000001") passes as a name (A-106). */
bool host_is_name(const char *host)
{
	size_t label = 0;
	size_t last = 0;
	for (size_t i = 0; host[i] != '\0'; i++) {
		if (host[i] == '.') {
			if (label == 0) {
				return false;
			}
			label = 0;
			last = i + 1;
		} else if (!is_alnum((uint8_t) host[i]) && host[i] != '-' && host[i] != '_') {
			return false;
		} else if (++label > 63) {
			return false;
		}
	}
	bool number = strspn(host + last, "0123456789") == label || strncmp(host + last, "0x", 2) == 0;
	return label > 0 && !number && strlen(host) <= 253;
}

static int parse_port(struct ctx *c, struct bytes text, const struct redirect_ports *ports, uint16_t *ret)
{
	unsigned long port = 0;
	for (size_t i = 0; i < text.n && port <= 65535; i++) {
		if (text.p[i] < '0' || text.p[i] > '9') {
			return FAIL(c, CONNECTION, "Invalid port in redirect target");
		}
		port = port * 10 + (unsigned long) (text.p[i] - '0');
	}
	if (port == 0 || (port != 80 && port != 443 && port != ports->http && port != ports->https)) {
		return FAIL(
		    c, CONNECTION, "Invalid port in redirect target. Only ports 80 and 443 are supported, not %lu", port);
	}
	*ret = (uint16_t) port;
	return 0;
}

static int parse_host(struct ctx *c, struct bytes text, bool bracketed, struct target *ret)
{
	char *host = arena_alloc(c->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		host[i] = (char) (text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 32 : text.p[i]);
	}
	if (!bracketed && text.n > 1 && host[text.n - 1] == '.') {
		host[text.n - 1] = '\0';
	}
	ret->host = host;
	ret->host_is_ip = ip_parse(host, &ret->ip) == 0 && ret->ip.v6 == bracketed;
	if (ret->host_is_ip) {
		ret->host = ip_encode(c->arena, &ret->ip);
		return 0;
	}
	if (bracketed || !host_is_name(host)) {
		return FAIL(c, CONNECTION, "Invalid host in redirect target, must be a DNS name or an IP address");
	}
	static const char hint[] = ".well-known";
	if (onion_is(host)) { /* RFC 7686 2: never looked up, and there is no Tor here (B-36) */
		return FAIL(c, CONNECTION, "Invalid host in redirect target \"%s\": onion services are out of reach", host);
	}
	size_t n = strlen(host);
	if (n > sizeof(hint) - 1 && strcmp(host + n - (sizeof(hint) - 1), hint) == 0) {
		return FAIL(c, CONNECTION,
		    "Invalid host in redirect target \"%s\". Check the web server's configuration for a missing '/' in the "
		    "redirect target",
		    host);
	}
	return 0;
}

static int parse_authority(
    struct ctx *c, struct bytes authority, const struct redirect_ports *ports, struct target *ret)
{
	const uint8_t *p = authority.p;
	const uint8_t *end = p + authority.n;
	if (find_any(p, end, "@") < end) {
		return FAIL(c, CONNECTION, "Redirect target with a user name or password is not supported");
	}
	bool bracketed = p < end && *p == '[';
	const uint8_t *stop = find_any(p, end, bracketed ? "]" : ":");
	struct bytes host = bracketed ? cut(p + 1, stop) : cut(p, stop);
	if (bracketed && stop < end) {
		stop++;
	}
	if (host.n == 0 || (bracketed && stop[-1] != ']') || (stop < end && *stop != ':')) {
		return FAIL(c, CONNECTION, "Invalid empty or broken host in redirect target");
	}
	TRY(parse_host(c, host, bracketed, ret));
	ret->port = ret->https ? 443 : 80;
	return end - stop > 1 ? parse_port(c, cut(stop + 1, end), ports, &ret->port) : 0;
}

static void finish_url(struct arena *a, struct target *t)
{
	struct buffer b;
	bool bracketed = t->host_is_ip && t->ip.v6;
	buffer_init(&b, a, 128);
	buffer_printf(&b, "%s://%s%s%s", t->https ? "https" : "http", bracketed ? "[" : "", t->host, bracketed ? "]" : "");
	if (t->port != (t->https ? 443 : 80)) {
		buffer_printf(&b, ":%u", t->port);
	}
	buffer_add_text(&b, t->path);
	t->url = (const char *) buffer_bytes(&b).p;
}

void target_first(struct arena *a, const char *host, uint16_t port, const char *token, struct target *ret)
{
	*ret = (struct target) { .host = arena_text(a, host), .port = port };
	ret->host_is_ip = ip_parse(host, &ret->ip) == 0; /* B-8 */
	ret->path = arena_printf(a, "/.well-known/acme-challenge/%s", token);
	finish_url(a, ret);
}

/* RFC 3986 5.2.2: the path and query of r seen from `from`. */
static const char *resolve_path(struct arena *a, const struct target *from, const struct reference *r)
{
	struct bytes base = bytes_of_text(from->path);
	base.n = (size_t) (find_any(base.p, base.p + base.n, "?") - base.p);
	struct buffer merged;
	buffer_init(&merged, a, base.n + r->path.n + 1);
	bool keep_base = r->path.n == 0 && r->authority.p == NULL;
	bool relative = r->path.n > 0 && r->path.p[0] != '/';
	if (keep_base || relative) {
		buffer_add(&merged, base.p, base.n);
	}
	if (relative) {
		drop_segment(&merged, 0);
		buffer_add_char(&merged, '/');
	}
	if (r->path.n == 0 && !keep_base) {
		buffer_add_char(&merged, '/');
	}
	buffer_add(&merged, r->path.p, r->path.n);
	struct buffer path;
	buffer_init(&path, a, merged.n + r->query.n + 1);
	add_escaped(&path, without_dots(a, buffer_bytes(&merged)));
	if (r->query.n > 0) {
		add_escaped(&path, r->query);
	}
	return (const char *) buffer_bytes(&path).p;
}

static int check_octets(struct ctx *c, struct bytes location)
{
	if (location.n == 0) {
		return FAIL(c, CONNECTION, "The redirect has an empty Location header");
	}
	if (location.n > REDIRECT_URL_MAX) {
		return FAIL(c, CONNECTION, "The redirect target is longer than %d octets", REDIRECT_URL_MAX);
	}
	for (size_t i = 0; i < location.n; i++) {
		if (location.p[i] < ' ' || location.p[i] == 0x7f) {
			return FAIL(c, CONNECTION, "The redirect target has control characters");
		}
	}
	return 0;
}

static bool equal_nocase(struct bytes b, const char *text)
{
	return b.n == strlen(text) && strncasecmp((const char *) b.p, text, b.n) == 0;
}

int redirect_resolve(struct ctx *c, const struct target *from, struct bytes location,
    const struct redirect_ports *ports, struct target *ret)
{
	TRY(check_octets(c, location));
	struct reference r = split(location);
	struct target t = *from;
	if (r.scheme.p != NULL) {
		t.https = equal_nocase(r.scheme, "https");
		if (!t.https && !equal_nocase(r.scheme, "http")) {
			return FAIL(
			    c, CONNECTION, "Invalid protocol scheme in redirect target. Only \"http\" and \"https\" are supported");
		}
		if (r.authority.p == NULL) {
			return FAIL(c, CONNECTION, "Invalid empty or broken host in redirect target");
		}
	}
	if (r.authority.p != NULL) {
		TRY(parse_authority(c, r.authority, ports, &t));
	}
	t.path = resolve_path(c->arena, from, &r);
	finish_url(c->arena, &t);
	if (strlen(t.url) > REDIRECT_TARGET_MAX) {
		return FAIL(c, CONNECTION, "The redirect leads to a URL that is longer than %d octets", REDIRECT_TARGET_MAX);
	}
	*ret = t;
	return 0;
}
