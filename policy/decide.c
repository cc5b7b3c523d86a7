#include "policy/decide.h"

#include <string.h>
#include <strings.h>

#include "policy/dns_answer.h"

#include "policy/dns_trouble.h"

#define EXCERPT_MAX 64

static const struct {
	enum problem problem;
	const char *text;
} failures[FAILURE_COUNT] = {
	[FAILURE_FAULT] = { PROBLEM_SERVER_INTERNAL, "The validation authority met an internal error" },
	[FAILURE_CONNECT_TIMEOUT] = { PROBLEM_CONNECTION, "Timeout during connect (likely firewall problem)" },
	[FAILURE_REFUSED] = { PROBLEM_CONNECTION, "Connection refused" },
	[FAILURE_UNREACHABLE] = { PROBLEM_CONNECTION, "No route to the address" },
	[FAILURE_NO_IPV6] = { PROBLEM_CONNECTION,
	    "There is no IPv6 where this is validated from; give the host an IPv4 address (A record) too" },
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
	[FAILURE_LARGE] = { PROBLEM_CONNECTION, "Far more was sent than an answer to this challenge takes" },
	[FAILURE_MALFORMED] = { PROBLEM_CONNECTION, "The answer is malformed (its length, its chunks or its encoding)" },
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
	return f == FAILURE_CONNECT_TIMEOUT || f == FAILURE_REFUSED || f == FAILURE_UNREACHABLE || f == FAILURE_NO_IPV6;
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
	return (struct verdict) { .fault = problem == PROBLEM_SERVER_INTERNAL, .problem = problem, .detail = detail };
}

struct verdict decide_contradiction(void)
{
	return decide_refused(PROBLEM_SERVER_INTERNAL, "The record of the validation contradicts itself");
}

const struct resolution *decide_lookup_of(const struct resolution_list *list, const char *type, const char *name)
{
	const struct resolution *found = NULL;
	for (size_t i = 0; i < list->n; i++) {
		const struct resolution *r = &list->v[i];
		bool same = r->type != NULL && strcmp(r->type, type) == 0 && r->name != NULL && strcmp(r->name, name) == 0;
		found = same ? r : found;
	}
	return found;
}

static bool is_silent(const struct resolution *r)
{
	return r != NULL && dns_trouble_is_silence(r);
}

bool decide_is_silence(const struct resolution_list *list, const struct connection_attempt *t)
{
	enum failure f = failure_of_text(t->error);
	if (f == FAILURE_NAME && t->host != NULL) {
		return is_silent(decide_lookup_of(list, "A", t->host)) || is_silent(decide_lookup_of(list, "AAAA", t->host));
	}
	return f == FAILURE_CONNECT_TIMEOUT || f == FAILURE_UNREACHABLE || f == FAILURE_NO_IPV6 ||
	       f == FAILURE_READ_TIMEOUT || f == FAILURE_TLS_TIMEOUT;
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

/* Another host than the first, in a network that is not public: who wrote the redirect need not be who may read what is there. */
static bool is_led_inside(const struct connection_attempt_list *attempts)
{
	const char *from = attempts->v[0].address_used;
	const char *to = attempts->v[attempts->n - 1].address_used;
	struct ip ip;
	return from == NULL || to == NULL || (strcmp(from, to) != 0 && (ip_parse(to, &ip) != 0 || ip_special(&ip) != NULL));
}

/* What came in place of the file, for the person who has to mend it. */
static const char *quoted(struct arena *a, const struct connection_attempt_list *attempts)
{
	return is_led_inside(attempts) ? "what it says is not told"
	                               : arena_printf(a, "\"%s\"", decide_excerpt(a, attempts->v[attempts->n - 1].body));
}

static struct verdict decide_answer(
    struct arena *a, const char *key_authorization, const struct connection_attempt_list *attempts)
{
	const struct connection_attempt *t = &attempts->v[attempts->n - 1];
	const char *said = quoted(a, attempts);
	if (t->http_status != 200) { /* C-10; of the 2xx only 200 brings a whole file */
		return decide_refused(
		    PROBLEM_UNAUTHORIZED, arena_printf(a, "%s: Invalid response from %s: %d%s", where(t), t->url,
		                              (int) t->http_status, t->body.n == 0 ? "" : arena_printf(a, ", %s", said)));
	}
	if (t->body_octets > HTTP01_BODY_MAX || t->body_octets != (int64_t) t->body.n) {
		return decide_refused(
		    PROBLEM_UNAUTHORIZED, arena_printf(a, "%s: Invalid response from %s: longer than %d octets, it begins %s",
		                              where(t), t->url, HTTP01_BODY_MAX, said));
	}
	if (!body_matches(t->body, key_authorization)) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "%s: Invalid response from %s: %s is not the key authorization of this challenge, \"%s\"",
		        where(t), t->url, said, key_authorization));
	}
	return (struct verdict) { .passed = true };
}

/* The packet answers for the address of this name, and has it. */
static bool packet_has(struct arena *a, const struct resolution *r, const char *name, const struct ip *ip)
{
	struct dns_answer answer;
	uint16_t type = ip->v6 ? LOOKUP_AAAA : LOOKUP_A;
	if (dns_answer_parse(a, r->raw, type, LOOKUP_ANSWERS_MAX, &answer) != 0 || answer.rcode != 0 ||
	    strcasecmp(answer.asked, arena_printf(a, "%s.", name)) != 0) {
		return false;
	}
	for (size_t i = 0; i < answer.rdata.n; i++) {
		struct ip one;
		if (ip_of_bytes(answer.rdata.v[i], &one) == 0 && ip_equal(&one, ip)) {
			return true;
		}
	}
	return false;
}

/* C-23: one that failed or did not verify gives no address. */
static bool was_answered(
    struct arena *a, const struct resolution_list *resolutions, const char *name, const struct ip *ip)
{
	for (size_t i = 0; i < resolutions->n; i++) {
		const struct resolution *r = &resolutions->v[i];
		bool good = r->error == NULL && r->dnssec != NULL && strcmp(r->dnssec, "bogus") != 0;
		if (good && r->name != NULL && strcmp(r->name, name) == 0 && packet_has(a, r, name, ip)) {
			return true;
		}
	}
	return false;
}

bool decide_address_is_right(struct arena *a, const struct decide_input *in, const struct resolution_list *resolutions,
    const struct connection_attempt *t, const struct decide_place *place)
{
	struct ip ip;
	if (t->address_used == NULL) {
		return t->error != NULL;
	}
	if (ip_parse(t->address_used, &ip) != 0 || ip_refusal(&ip, in->reach) != NULL) {
		return false;
	}
	if (place->literal != NULL) {
		return ip_equal(&ip, place->literal);
	}
	for (size_t i = 0; i < t->addresses_resolved.n; i++) {
		if (strcmp(t->addresses_resolved.v[i], t->address_used) == 0) {
			return was_answered(a, resolutions, place->name, &ip);
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

static bool chain_is_right(struct ctx *c, const struct decide_input *in, const struct validation_result *result)
{
	const struct connection_attempt_list *attempts = &result->attempts;
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
		const struct decide_place place = { at.host, at.host_is_ip ? &at.ip : NULL };
		if (t->url == NULL || strcmp(t->url, at.url) != 0 ||
		    !decide_address_is_right(c->arena, in, &result->resolutions, t, &place)) {
			return false;
		}
	}
	return true;
}

struct verdict decide_http01(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct connection_attempt_list *attempts = &result->attempts;
	struct ctx c = { .arena = a };
	if (attempts->n == 0 || !chain_is_right(&c, in, result)) {
		return decide_contradiction();
	}
	const struct connection_attempt *last = &attempts->v[attempts->n - 1];
	if (last->error == NULL) {
		return decide_answer(a, in->request->key_authorization, attempts);
	}
	struct verdict verdict = decide_error(a, last);
	verdict.silent = decide_is_silence(&result->resolutions, last);
	return verdict;
}
