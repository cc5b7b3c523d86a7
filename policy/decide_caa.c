#include "policy/decide_caa.h"

#include <string.h>
#include <strings.h>

#include "lib/crypto/onion.h"
#include "policy/caa.h"
#include "policy/dns_cut.h"
#include "policy/dns_trouble.h"
#include "policy/onion_caa.h"

struct way {
	struct arena *a;
	const struct validate_request *request;
	const struct validation_basis *basis;
	const struct resolution_list *resolutions;
	const char *passed_over; /* a lookup that failed and did no harm, with the reason; or NULL */
};

/* The lookup of this name and type that was made as the n-th, from 0; NULL: none. */
static const struct resolution *find(const struct way *w, const char *name, const char *type, size_t n)
{
	for (size_t i = 0; i < w->resolutions->n; i++) {
		const struct resolution *r = &w->resolutions->v[i];
		bool same = r->type != NULL && r->name != NULL && strcmp(r->type, type) == 0 && strcmp(r->name, name) == 0;
		if (same && n-- == 0) {
			return r;
		}
	}
	return NULL;
}

static bool state_is(const struct resolution *r, const char *state)
{
	return r->dnssec != NULL && strcmp(r->dnssec, state) == 0;
}

static struct caa_decision ask(const char *name, enum lookup_type type, bool again)
{
	return (struct caa_decision) { .next = name, .type = type, .again = again };
}

static struct caa_decision refuse(enum problem problem, const char *detail)
{
	return (struct caa_decision) { .verdict = decide_refused(problem, detail) };
}

static struct caa_decision contradiction(void)
{
	return (struct caa_decision) { .verdict = decide_contradiction() };
}

static struct caa_decision permit(const struct way *w)
{
	return (struct caa_decision) { .verdict = { .passed = true, .silent = w->passed_over != NULL },
		.result = { .checked = true, .permitted = true, .reason = w->passed_over } };
}

/* A lookup that failed for good. */
static struct caa_decision refuse_failed(const struct way *w, const struct resolution *r, const char *more)
{
	struct caa_decision decision = refuse(
	    PROBLEM_DNS, arena_printf(w->a, "DNS problem: %s%s", dns_trouble_text(w->a, r), more == NULL ? "" : more));
	decision.verdict.silent = dns_trouble_is_silence(r);
	return decision;
}

/* The last `labels` labels of the name. */
static const char *last_labels(const char *name, size_t labels)
{
	const char *at = name + strlen(name);
	while (at > name && (at[-1] != '.' || --labels > 0)) {
		at--;
	}
	return at;
}

static size_t count_labels(const char *name)
{
	size_t n = 1;
	for (; *name != '\0'; name++) {
		n += *name == '.';
	}
	return n;
}

/* Below the name of the trust anchor, which has this many labels. */
static size_t anchor_labels(const char *anchor)
{
	bool root = anchor == NULL || anchor[0] == '\0' || strcmp(anchor, ".") == 0;
	size_t dot = !root && anchor[strlen(anchor) - 1] == '.';
	return root ? 0 : count_labels(anchor) - dot;
}

/* RFC 4035 4.3 (C-38): from the trust anchor down, until the zone that holds the name is seen to have no chain to it. *ret_at is
 * where that was seen; NULL: not yet, and ret has the question or the refusal. */
static void prove_unsigned(
    const struct way *w, const struct resolution *failed, const char **ret_at, struct caa_decision *ret)
{
	size_t labels = count_labels(failed->name);
	*ret_at = NULL;
	for (size_t n = anchor_labels(w->basis->trust_anchor) + 1; n <= labels; n++) {
		const char *name = last_labels(failed->name, n);
		const struct resolution *ds = find(w, name, "DS", 0);
		enum dns_cut cut = DNS_CUT_NONE;
		if (ds == NULL) {
			*ret = ask(name, LOOKUP_DS, true);
			return;
		}
		bool secure = ds->error == NULL && state_is(ds, "secure");
		bool denied = ds->rcode == DNS_RCODE_NXDOMAIN; /* no zone begins at a name that does not exist */
		if (secure && !denied && dns_cut_parse(w->a, ds->raw, name, &cut) != 0) {
			*ret = contradiction();
			return;
		}
		if ((ds->error == NULL && state_is(ds, "insecure")) || cut == DNS_CUT_UNSIGNED) {
			*ret_at = name;
			return;
		}
		if (!secure) {
			*ret = refuse_failed(w, failed, "; whether the zone is signed could not be found out either");
			return;
		}
	}
	*ret = refuse_failed(w, failed, "; the zone is signed, and then CAA has to be known");
}

/* C-38: a failure is permission only when it was not ours, came twice, and the zone has no chain of trust. What does not
 * verify is no such failure (C-23). False: ret has the question or the refusal. */
static bool may_pass_over(struct way *w, const struct resolution *failed, struct caa_decision *ret)
{
	const char *at = NULL;
	const struct resolution *first = find(w, failed->name, "CAA", 0);
	bool twice = dns_trouble_is_outside(first) && dns_trouble_is_outside(failed);
	if (w->basis->caa_strict || !twice || !state_is(failed, "insecure")) {
		*ret = refuse_failed(w, twice || !dns_trouble_is_outside(failed) ? failed : first, NULL);
		return false;
	}
	prove_unsigned(w, failed, &at, ret);
	if (at != NULL) {
		w->passed_over = arena_printf(w->a,
		    "The lookup of CAA for %s failed twice (%s), and DNSSEC proves that its zone is not signed, by the "
		    "answer about DS for %s (BR 4.2.2.1)",
		    failed->name, failed->error, at);
	}
	return at != NULL;
}

static struct caa_decision judge_set(const struct way *w, const struct resolution *r, const struct bytes_list *rdata)
{
	const struct validate_request *request = w->request;
	struct caa_query query = { request->wildcard, &request->caa_identities, request->account_url,
		&request->former_account_urls, request->method };
	struct caa_verdict verdict = caa_decide(w->a, rdata, &query);
	struct caa_decision decision = { .result = { .checked = true,
		                                 .permitted = verdict.permitted,
		                                 .found_at = r->name,
		                                 .records = r->answers,
		                                 .iodef = caa_iodef(w->a, rdata),
		                                 .reason = verdict.permitted ? w->passed_over : verdict.reason } };
	decision.verdict = (struct verdict) { .passed = true, .silent = w->passed_over != NULL };
	if (!verdict.permitted) {
		decision.verdict = decide_refused(PROBLEM_CAA, arena_printf(w->a, "CAA for %s forbids it: %s (found at %s)",
		                                                   request->identifier.value, verdict.reason, r->name));
	}
	return decision;
}

/* The records of an answer without an error; none for a name or type that does not exist. */
static int read_set(const struct way *w, const struct resolution *r, struct bytes_list *ret)
{
	struct dns_answer answer = { 0 };
	if (!state_is(r, "secure") && !state_is(r, "insecure") && !state_is(r, "off")) { /* C-23 */
		return -1;
	}
	if (r->rcode != DNS_RCODE_NXDOMAIN) {
		TRY(dns_answer_parse(w->a, r->raw, LOOKUP_CAA, LOOKUP_ANSWERS_MAX, &answer));
		if (answer.rcode != 0 || strcasecmp(answer.asked, arena_printf(w->a, "%s.", r->name)) != 0) {
			return -1;
		}
	}
	*ret = answer.rdata;
	return 0;
}

/* True: this name has no set, so the one above it is next. */
static bool look_at(struct way *w, const char *name, struct caa_decision *ret)
{
	const struct resolution *r = find(w, name, "CAA", 0);
	if (r == NULL) {
		*ret = ask(name, LOOKUP_CAA, false);
		return false;
	}
	if (r->error != NULL && !state_is(r, "bogus")) {
		r = find(w, name, "CAA", 1);
		if (r == NULL) {
			*ret = ask(name, LOOKUP_CAA, true);
			return false;
		}
	}
	if (r->error != NULL) {
		return may_pass_over(w, r, ret);
	}
	struct bytes_list rdata;
	if (read_set(w, r, &rdata) != 0) {
		*ret = contradiction();
		return false;
	}
	if (rdata.n > 0) {
		*ret = judge_set(w, r, &rdata);
		return false;
	}
	return true;
}

/* Time was up before this lookup could be made: what the last one about CAA met is told. */
static struct caa_decision refuse_late(const struct way *w)
{
	const struct resolution *last = NULL;
	for (size_t i = 0; i < w->resolutions->n; i++) {
		const struct resolution *r = &w->resolutions->v[i];
		bool about = r->type != NULL && (strcmp(r->type, "CAA") == 0 || strcmp(r->type, "DS") == 0);
		last = about && r->error != NULL ? r : last;
	}
	return last == NULL ? contradiction() : refuse_failed(w, last, NULL);
}

/* Of an onion service: the set that the client brought along, at the moment at which it was looked at (RFC 9799 6.4). */
static struct caa_decision decide_in_band(const struct way *w)
{
	const char *name = w->request->identifier.value;
	const struct resolution *r = find(w, name, "CAA", 0);
	return r == NULL ? ask(name, LOOKUP_CAA, false) : onion_caa_decide(w->a, w->request, r->started_at);
}

struct caa_decision decide_caa(struct arena *a, const struct validate_request *request,
    const struct validation_basis *basis, const struct resolution_list *resolutions)
{
	struct way w = { a, request, basis, resolutions, NULL };
	if (onion_is(request->identifier.value)) {
		return decide_in_band(&w);
	}
	struct caa_decision decision;
	for (const char *name = request->identifier.value; name != NULL; name = caa_climb(name)) { /* C-31 */
		if (!look_at(&w, name, &decision)) {
			return decision.next != NULL && basis->caa_late ? refuse_late(&w) : decision;
		}
	}
	return permit(&w); /* nobody restricts: any CA may issue */
}
