#include "policy/diagnose.h"

#include <string.h>

#include "policy/decide.h"
#include "policy/decide_validation.h"
#include "policy/dns_answer.h"
#include "policy/dns_trouble.h"

#define FINDINGS_ROOM 8

void diagnose_add(const struct diagnosing *d, const char *about, const char *level, const char *text)
{
	struct finding_list *list = d->findings;
	for (size_t i = 0; i < list->n; i++) {
		const struct finding *f = &list->v[i];
		if (strcmp(f->about, about) == 0 && strcmp(f->level, level) == 0 && strcmp(f->text, text) == 0) {
			return;
		}
	}
	if (list->n % FINDINGS_ROOM == 0) {
		struct finding *larger = ARENA_ARRAY(d->a, list->n + FINDINGS_ROOM, struct finding);
		if (list->n > 0) {
			memcpy(larger, list->v, list->n * sizeof(*larger));
		}
		list->v = larger;
	}
	list->v[list->n++] = (struct finding) { about, level, text };
}

static bool is_inside(const char *address)
{
	struct ip ip;
	return ip_parse(address, &ip) != 0 || ip_special(&ip) != NULL;
}

/* An address inside is nobody's business who only knows a name. */
static const char *shown(const struct diagnosing *d, const char *address)
{
	return d->inside || !is_inside(address) ? address : "an address that is not public";
}

static void add_addresses(const struct diagnosing *d, const char *method, const struct connection_attempt *t)
{
	const char *text = NULL;
	for (size_t i = 0; i < t->addresses_resolved.n; i++) {
		const char *one = shown(d, t->addresses_resolved.v[i]);
		text = text == NULL ? one : arena_printf(d->a, "%s, %s", text, one);
	}
	if (text != NULL) {
		diagnose_add(d, method, FINDING_OK, arena_printf(d->a, "%s has the address(es) %s", t->host, text));
	}
}

/* IPv6 comes first, so that addresses of it which were not tried are such that nobody may be visited at. */
static void add_passed_over(const struct diagnosing *d, const char *method, const struct connection_attempt *t)
{
	struct ip used;
	struct ip ip;
	if (t->address_used == NULL || ip_parse(t->address_used, &used) != 0 || used.v6) {
		return;
	}
	for (size_t i = 0; i < t->addresses_resolved.n; i++) {
		const char *one = t->addresses_resolved.v[i];
		if (ip_parse(one, &ip) == 0 && ip.v6) {
			const char *special = ip_special(&ip);
			diagnose_add(d, method, FINDING_NOTE,
			    arena_printf(d->a,
			        "%s was passed over, as validation may not connect there%s%s; who visits by IPv6 is led there: "
			        "mend the "
			        "AAAA record or take it away",
			        d->inside ? one : "An IPv6 address", special == NULL ? "" : ": it is ",
			        special == NULL ? "" : special));
		}
	}
}

/* What went wrong in a connection, without an address that is not to be shown. */
static const char *error_of(const struct diagnosing *d, const struct connection_attempt *t)
{
	bool names_address = failure_of_text(t->error) == FAILURE_ADDRESS;
	return names_address && !d->inside ? "Validation may not connect to the address that it has" : t->error;
}

/* Where something was tried: a URL, or a host and a port. */
static const char *place(const struct diagnosing *d, const struct connection_attempt *t)
{
	const char *at = t->url != NULL ? t->url : arena_printf(d->a, "%s, port %lld", t->host, (long long) t->port);
	return t->address_used == NULL ? at : arena_printf(d->a, "%s at %s", at, shown(d, t->address_used));
}

/* What is to be mended, where the error of a connection alone does not say so. */
static const char *advice(const struct diagnosing *d, const struct connection_attempt *t)
{
	if (failure_of_text(t->error) == FAILURE_REFUSED) {
		return "; nothing listens on that port, or a firewall turns away who asks";
	}
	if (t->location != NULL) { /* a redirect that is not followed */
		return arena_printf(d->a, "; it answers %d and leads on to \"%s\"", (int) t->http_status,
		    decide_excerpt(d->a, bytes_of_text(t->location)));
	}
	return "";
}

/* All but the last attempt of a chain. */
static void add_way(const struct diagnosing *d, const char *method, const struct connection_attempt_list *attempts)
{
	for (size_t i = 0; i + 1 < attempts->n; i++) {
		const struct connection_attempt *t = &attempts->v[i];
		if (t->error == NULL) {
			diagnose_add(d, method, FINDING_OK,
			    arena_printf(d->a, "%s answers %d and leads on to %s", place(d, t), (int) t->http_status,
			        t->location == NULL ? "nowhere" : attempts->v[i + 1].url));
			continue;
		}
		diagnose_add(d, method, FINDING_NOTE,
		    arena_printf(d->a,
		        "%s: %s. The other address family is tried next; clients and visitors lose time there, so mend "
		        "it or take the record away",
		        place(d, t), error_of(d, t)));
	}
}

/* What a web server said of a file that is not there. */
static bool judge_status(const struct diagnosing *d, const struct connection_attempt *t)
{
	static const struct {
		int64_t from;
		int64_t to;
		const char *level;
		const char *says;
	} rows[] = {
		{ 404, 404, FINDING_OK,
		    "answers 404 for a file that is not there, as it should; http-01 will work once your client puts its file "
		    "there" },
		{ 410, 410, FINDING_OK,
		    "answers 410 for a file that is not there; http-01 will work once your client puts its file there" },
		{ 200, 200, FINDING_NOTE,
		    "answers 200 for a file that is not there: if that page stands in for all files, the one of your client "
		    "has to come before it" },
		{ 401, 403, FINDING_NOTE,
		    "refuses the file: nothing may ask for a password or forbid what is below /.well-known/acme-challenge/" },
		{ 500, 599, FINDING_PROBLEM, "is broken: http-01 fails while it answers so" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (t->http_status >= rows[i].from && t->http_status <= rows[i].to) {
			diagnose_add(d, "http-01", rows[i].level,
			    arena_printf(d->a, "%s (HTTP status %d) %s", place(d, t), (int) t->http_status, rows[i].says));
			return strcmp(rows[i].level, FINDING_PROBLEM) != 0;
		}
	}
	diagnose_add(d, "http-01", FINDING_NOTE,
	    arena_printf(d->a, "%s answers with HTTP status %d; for the file of your client it has to be 200", place(d, t),
	        (int) t->http_status));
	return true;
}

static bool judge_http(const struct diagnosing *d, const struct validation_result *r)
{
	const struct connection_attempt *last = &r->attempts.v[r->attempts.n - 1];
	add_addresses(d, "http-01", &r->attempts.v[0]);
	add_passed_over(d, "http-01", &r->attempts.v[0]);
	add_way(d, "http-01", &r->attempts);
	if (last->error == NULL) {
		return judge_status(d, last);
	}
	diagnose_add(d, "http-01", FINDING_PROBLEM,
	    arena_printf(d->a, "http-01 would fail: %s: %s%s", place(d, last), error_of(d, last), advice(d, last)));
	return false;
}

/* A TLS server that knows nothing of acme-tls/1 breaks off, or agrees on nothing: the port is open all the same. */
static bool judge_alpn(const struct diagnosing *d, const struct validation_result *r)
{
	const struct connection_attempt *last = &r->attempts.v[r->attempts.n - 1];
	enum failure f = failure_of_text(last->error);
	add_way(d, "tls-alpn-01", &r->attempts);
	if (f == FAILURE_NONE || f == FAILURE_TLS_REFUSED) {
		diagnose_add(d, "tls-alpn-01", FINDING_OK,
		    arena_printf(d->a, "%s answers with TLS; tls-alpn-01 will work with a client that answers there by itself",
		        place(d, last)));
		return true;
	}
	diagnose_add(d, "tls-alpn-01", FINDING_PROBLEM,
	    arena_printf(d->a, "tls-alpn-01 would fail: %s: %s%s", place(d, last), error_of(d, last), advice(d, last)));
	return false;
}

/* Who owns the domain may prove it by DNS all the same; who mistyped the name can't. */
static void add_absence(
    const struct diagnosing *d, const struct validate_request *asked, const struct resolution_list *list)
{
	const struct resolution *r = decide_lookup_of(list, "A", asked->identifier.value);
	if (r != NULL && r->rcode == DNS_RCODE_NXDOMAIN) {
		diagnose_add(d, "dns", FINDING_NOTE,
		    arena_printf(d->a,
		        "There is no %s in the DNS (NXDOMAIN): is the name typed right, and its domain registered? If not, "
		        "nothing "
		        "below will work",
		        asked->identifier.value));
	}
}

static bool judge_connections(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *r)
{
	add_absence(d, asked, &r->resolutions);
	if (r->attempts.n == 0) {
		diagnose_add(d, r->method, FINDING_PROBLEM, arena_printf(d->a, "%s: nothing could be tried", r->method));
		return false;
	}
	return strcmp(r->method, "http-01") == 0 ? judge_http(d, r) : judge_alpn(d, r);
}

static const char *signed_words(const char *dnssec)
{
	static const struct {
		const char *state;
		const char *words;
	} rows[] = {
		{ "secure", "signed, and the signatures verify" },
		{ "insecure", "not signed by DNSSEC" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (dnssec != NULL && strcmp(dnssec, rows[i].state) == 0) {
			return rows[i].words;
		}
	}
	return "not verified by DNSSEC here";
}

static bool judge_dns(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *r)
{
	const char *name = decide_dns_name(d->a, asked);
	const struct resolution *found = decide_lookup_of(&r->resolutions, "TXT", name);
	if (found == NULL || found->error != NULL) {
		diagnose_add(d, r->method, FINDING_PROBLEM,
		    arena_printf(d->a, "%s would fail: DNS problem: %s", r->method,
		        found == NULL ? arena_printf(d->a, "no answer looking up TXT for %s", name)
		                      : dns_trouble_text(d->a, found)));
		return false;
	}
	const char *alias =
	    found->canonical_name == NULL ? "" : arena_printf(d->a, ", an alias that leads to %s", found->canonical_name);
	const char *there =
	    found->answers.n == 0
	        ? "nothing stands there yet"
	        : arena_printf(d->a, "%zu TXT record(s) stand there already and do no harm", found->answers.n);
	diagnose_add(d, r->method, FINDING_OK,
	    arena_printf(d->a, "The name servers answer for %s%s (%s): %s; %s will work once your client writes its record",
	        name, alias, signed_words(found->dnssec), there, r->method));
	return true;
}

bool diagnose_method(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *result)
{
	if (result->fault) {
		diagnose_add(d, result->method, FINDING_PROBLEM,
		    arena_printf(
		        d->a, "%s could not be tried, by a fault of this CA: %s", result->method, result->problem.detail));
		return false;
	}
	return strncmp(result->method, "dns-", 4) == 0 ? judge_dns(d, asked, result) : judge_connections(d, asked, result);
}

static bool has_issuewild(const struct caa_result *caa)
{
	bool has = false;
	for (size_t i = 0; i < caa->records.n; i++) {
		has = has || strcasestr(caa->records.v[i], " issuewild ") != NULL;
	}
	return has;
}

/* The record that would permit this CA, where none of the set names it. */
static const char *permission(
    const struct diagnosing *d, const struct validate_request *asked, const struct caa_result *caa)
{
	bool names_others = caa->reason != NULL && (strstr(caa->reason, "names another CA") != NULL ||
	                                               strstr(caa->reason, "authorises nobody") != NULL);
	if (caa->permitted || caa->found_at == NULL || !names_others) {
		return "";
	}
	if (asked->caa_identities.n == 0) {
		return "; this CA has no name for CAA records (acme.caa_identities), so that every such set keeps it out";
	}
	return arena_printf(d->a, "; to let this CA issue, add there: %s. CAA 0 %s \"%s\"", caa->found_at,
	    asked->wildcard && has_issuewild(caa) ? "issuewild" : "issue", asked->caa_identities.v[0]);
}

bool diagnose_caa(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *result)
{
	const struct caa_result *caa = &result->caa;
	const char *by = asked->method == NULL ? "any method" : asked->method;
	if (!result->passed) {
		diagnose_add(d, "caa", FINDING_PROBLEM,
		    arena_printf(d->a, "By %s: %s%s", by, result->problem.detail, permission(d, asked, caa)));
		return false;
	}
	diagnose_add(d, "caa", FINDING_OK,
	    caa->found_at == NULL
	        ? arena_printf(d->a, "No CAA record restricts who may issue for %s", asked->identifier.value)
	        : arena_printf(d->a, "The CAA records at %s permit this CA (by %s)", caa->found_at, by));
	return true;
}
