#include "va/decide.h"

#include <string.h>

#define EXCERPT_MAX 64

static const struct {
	enum problem problem;
	const char *text;
} failures[FAILURE_COUNT] = {
	[FAILURE_FAULT] = { PROBLEM_SERVER_INTERNAL, "The validation authority met an internal error" },
	[FAILURE_CONNECT_TIMEOUT] = { PROBLEM_CONNECTION, "Timeout during connect (likely firewall problem)" },
	[FAILURE_REFUSED] = { PROBLEM_CONNECTION, "Connection refused" },
	[FAILURE_UNREACHABLE] = { PROBLEM_CONNECTION, "No route to the address" },
	[FAILURE_TLS] = { PROBLEM_TLS, "TLS handshake failed; TLS 1.2 or newer is needed" },
	[FAILURE_TLS_TIMEOUT] = { PROBLEM_TLS, "Timeout during TLS handshake" },
	[FAILURE_TLS_CLOSED] = { PROBLEM_TLS, "Connection closed during the TLS handshake" },
	[FAILURE_TLS_LARGE] = { PROBLEM_TLS, "The other side's part of the TLS handshake is too large" },
	[FAILURE_TLS_REFUSED] = { PROBLEM_TLS, "The TLS handshake failed:" },
	[FAILURE_READ_TIMEOUT] = { PROBLEM_CONNECTION, "Timeout after connect (your server may be slow or overloaded)" },
	[FAILURE_RESET] = { PROBLEM_CONNECTION, "Connection closed before the answer was complete" },
	[FAILURE_EMPTY] = { PROBLEM_CONNECTION, "Connection closed without an answer" },
	[FAILURE_NOT_HTTP] = { PROBLEM_CONNECTION,
	    "The answer is no HTTP/1.1 (is another protocol, HTTP/2 or TLS, spoken on this port?)" },
	[FAILURE_HEADERS] = { PROBLEM_CONNECTION, "The header of the answer is too large" },
	[FAILURE_LOCATIONS] = { PROBLEM_CONNECTION, "The redirect has no Location header or more than one" },
	[FAILURE_ADDRESS] = { PROBLEM_CONNECTION, "Validation may not connect to" },
	[FAILURE_NAME] = { PROBLEM_DNS, "DNS problem:" },
	[FAILURE_LOOP] = { PROBLEM_CONNECTION, "Redirect loop detected" },
	[FAILURE_REDIRECTS] = { PROBLEM_CONNECTION, "Too many redirects" },
};

const char *failure_text(enum failure f)
{
	return failures[f].text;
}

enum problem failure_problem(enum failure f)
{
	return f == FAILURE_COUNT ? PROBLEM_CONNECTION : failures[f].problem;
}

enum failure failure_of_text(const char *text)
{
	if (text == NULL) {
		return FAILURE_NONE;
	}
	for (size_t i = 1; i < FAILURE_COUNT; i++) {
		if (strncmp(text, failures[i].text, strlen(failures[i].text)) == 0) {
			return (enum failure) i;
		}
	}
	return FAILURE_COUNT;
}

bool failure_before_connect(enum failure f)
{
	return f == FAILURE_CONNECT_TIMEOUT || f == FAILURE_REFUSED || f == FAILURE_UNREACHABLE;
}

const char *decide_excerpt(struct arena *a, struct bytes body)
{
	size_t n = body.n < EXCERPT_MAX ? body.n : EXCERPT_MAX;
	char text[EXCERPT_MAX + 1] = "";
	for (size_t i = 0; i < n; i++) {
		bool plain = body.p[i] >= ' ' && body.p[i] < 0x7f && body.p[i] != '"' && body.p[i] != '\\';
		text[i] = plain ? (char) body.p[i] : '.';
	}
	return arena_printf(a, "%s%s", text, body.n > n ? "..." : "");
}

static bool is_blank(uint8_t o)
{
	return o == ' ' || (o >= '\t' && o <= '\r');
}

/* RFC 8555 8.3: equal but for white space behind it. */
static bool body_matches(struct bytes body, const char *key_authorization)
{
	while (body.n > 0 && is_blank(body.p[body.n - 1])) {
		body.n--;
	}
	return body.n > 0 && bytes_equal_text(body, key_authorization);
}

struct verdict decide_refused(enum problem problem, const char *detail)
{
	return (struct verdict) { false, problem == PROBLEM_SERVER_INTERNAL, problem, detail };
}

static const char *where(const struct connection_attempt *t)
{
	return t->address_used == NULL ? t->host : t->address_used;
}

static struct verdict decide_error(struct arena *a, const struct connection_attempt *t)
{
	enum failure f = failure_of_text(t->error);
	enum problem problem = failure_problem(f);
	if (f == FAILURE_NAME || f == FAILURE_FAULT) {
		return decide_refused(problem, t->error);
	}
	return decide_refused(problem, arena_printf(a, "%s: Fetching %s: %s", where(t), t->url, t->error));
}

static struct verdict decide_answer(struct arena *a, const char *key_authorization, const struct connection_attempt *t)
{
	if (t->http_status != 200) { /* C-10; of the 2xx only 200 brings a whole file */
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "%s: Invalid response from %s: %d", where(t), t->url, (int) t->http_status));
	}
	if (t->body_octets > HTTP01_BODY_MAX || t->body_octets != (int64_t) t->body.n) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "%s: Invalid response from %s: longer than %d octets, it begins \"%s\"", where(t), t->url,
		        HTTP01_BODY_MAX, decide_excerpt(a, t->body)));
	}
	if (!body_matches(t->body, key_authorization)) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "%s: Invalid response from %s: \"%s\" is not the key authorization of this challenge",
		        where(t), t->url, decide_excerpt(a, t->body)));
	}
	return (struct verdict) { .passed = true };
}

bool decide_address_is_right(
    const struct connection_attempt *t, const struct ip *literal, const struct network_list *allowed)
{
	struct ip ip;
	if (t->address_used == NULL) {
		return t->error != NULL;
	}
	if (ip_parse(t->address_used, &ip) != 0 || ip_refusal(&ip, allowed) != NULL) {
		return false;
	}
	if (literal != NULL) {
		return ip_equal(&ip, literal);
	}
	for (size_t i = 0; i < t->addresses_resolved.n; i++) {
		if (strcmp(t->addresses_resolved.v[i], t->address_used) == 0) {
			return true;
		}
	}
	return false;
}

/* `at` becomes the target that attempt t must have had, coming from the attempt before. */
static int follow(struct ctx *c, const struct decide_input *in, const struct connection_attempt *before,
    struct target *at, size_t *redirects)
{
	if (before->error != NULL) {
		return failure_before_connect(failure_of_text(before->error)) ? 0 : -1; /* the fallback */
	}
	if (!redirect_status(before->http_status) || before->location == NULL || ++*redirects > REDIRECTS_MAX) {
		return -1;
	}
	return redirect_resolve(c, at, bytes_of_text(before->location), &in->ports, at);
}

static bool chain_is_right(struct ctx *c, const struct decide_input *in, const struct connection_attempt_list *attempts)
{
	const char *dot = strchr(in->request->key_authorization, '.');
	size_t n = dot == NULL ? strlen(in->request->key_authorization) : (size_t) (dot - in->request->key_authorization);
	struct target at;
	size_t redirects = 0;
	target_first(c->arena, in->request->identifier.value, in->ports.http,
	    arena_text_n(c->arena, in->request->key_authorization, n), &at);
	for (size_t i = 0; i < attempts->n; i++) {
		const struct connection_attempt *t = &attempts->v[i];
		if (i > 0 && follow(c, in, &attempts->v[i - 1], &at, &redirects) != 0) {
			return false;
		}
		if (t->url == NULL || strcmp(t->url, at.url) != 0 ||
		    !decide_address_is_right(t, at.host_is_ip ? &at.ip : NULL, in->allowed)) {
			return false;
		}
	}
	return true;
}

struct verdict decide_http01(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct connection_attempt_list *attempts = &result->attempts;
	struct ctx c = { .arena = a };
	if (attempts->n == 0 || !chain_is_right(&c, in, attempts)) {
		return decide_refused(PROBLEM_SERVER_INTERNAL, "The record of the validation contradicts itself");
	}
	const struct connection_attempt *last = &attempts->v[attempts->n - 1];
	return last->error != NULL ? decide_error(a, last) : decide_answer(a, in->request->key_authorization, last);
}
