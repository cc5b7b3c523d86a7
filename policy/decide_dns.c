/* Verdicts on what was found in DNS. */
#include <string.h>
#include <strings.h>

#include "lib/base/base64.h"
#include "lib/crypto/digest.h"
#include "policy/decide.h"
#include "policy/dns_answer.h"
#include "policy/dns_trouble.h"
#include "policy/issue_value.h"
#include "policy/persist.h"
#include "policy/txt.h"

#define ACCOUNT_LABEL_OCTETS 10

/* What a lookup brought, read again from the packet that was kept. */
struct found {
	const struct resolution *record;
	struct dns_answer answer;
	const char *where; /* the name, and where its alias leads */
};

/* RFC 4648 base32 in lower case of the first ten octets of the digest of the account's URL (draft-ietf-acme-dns-account-label
 * 3.2; B-26): sixteen letters and digits. */
static const char *account_label(struct arena *a, const char *account_url)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t digest[SHA256_SIZE];
	char label[ACCOUNT_LABEL_OCTETS * 8 / 5 + 1] = "";
	sha256_of(bytes_of_text(account_url), digest);
	for (size_t i = 0; i + 1 < sizeof(label); i++) {
		size_t bit = i * 5;
		unsigned two = (unsigned) (digest[bit / 8] << 8 | digest[bit / 8 + 1]);
		label[i] = alphabet[two >> (11 - bit % 8) & 31];
	}
	return arena_text(a, label);
}

/* The name itself, which for a wildcard is the one below it: nothing is pruned, and no alias of the name counts (C-4, C-5, C-8). */
const char *decide_dns_name(struct arena *a, const struct validate_request *request)
{
	const char *name = request->identifier.value;
	if (request->method != NULL && strcmp(request->method, "dns-account-01") == 0) {
		return arena_printf(a, "_%s._acme-challenge.%s", account_label(a, request->account_url), name);
	}
	if (request->method != NULL && strcmp(request->method, "dns-persist-01") == 0) {
		return arena_printf(a, "_validation-persist.%s", name);
	}
	return arena_printf(a, "_acme-challenge.%s", name);
}

/* Whether the packet answers the question that was asked. */
static bool asks_for(struct arena *a, const struct dns_answer *answer, const char *name)
{
	return strcasecmp(answer->asked, arena_printf(a, "%s.", name)) == 0;
}

/* -1: it says no more than ret_refusal. What does not verify is never permission (C-23). */
static int read_found(struct arena *a, const struct resolution_list *list, const char *name, struct found *ret,
    struct verdict *ret_refusal)
{
	const struct resolution *r = decide_lookup_of(list, "TXT", name);
	struct dns_answer answer = { 0 };
	*ret_refusal = decide_contradiction();
	if (r == NULL || r->dnssec == NULL || (r->error == NULL && strcmp(r->dnssec, "bogus") == 0)) {
		return -1;
	}
	if (r->error != NULL) {
		*ret_refusal = decide_refused(PROBLEM_DNS, arena_printf(a, "DNS problem: %s", dns_trouble_text(a, r)));
		ret_refusal->silent = dns_trouble_is_silence(r);
		return -1;
	}
	if (r->rcode == DNS_RCODE_NXDOMAIN) {
		*ret_refusal = decide_refused(PROBLEM_DNS,
		    arena_printf(a,
		        "DNS problem: NXDOMAIN looking up TXT for %s - check that a DNS record exists for this domain", name));
		return -1;
	}
	if (dns_answer_parse(a, r->raw, LOOKUP_TXT, LOOKUP_ANSWERS_MAX, &answer) != 0 || answer.rcode != 0 ||
	    !asks_for(a, &answer, name)) {
		return -1;
	}
	const char *alias = answer.canonical_name;
	*ret = (struct found) { r, answer,
		alias == NULL ? name : arena_printf(a, "%s (an alias that leads to %s)", name, alias) };
	return 0;
}

/* What a person got wrong who wrote this value, for the mistakes that are often made. */
static const char *mistake(struct arena *a, struct bytes value, const char *wanted, const char *key_authorization)
{
	if (bytes_equal_text(value, key_authorization)) {
		return ": this is the key authorization, whose SHA-256 in base64url is wanted";
	}
	if (bytes_equal_text(value, arena_printf(a, "\"%s\"", wanted))) {
		return ": its quotes are part of the value";
	}
	return "";
}

/* Names the first record, as clients know it. */
static struct verdict refuse_values(
    struct arena *a, const struct found *found, const char *wanted, const char *key_authorization)
{
	const struct bytes_list *rdata = &found->answer.rdata;
	struct bytes value = { NULL, 0 };
	if (rdata->n == 0) {
		return decide_refused(PROBLEM_UNAUTHORIZED, arena_printf(a, "No TXT record found at %s", found->where));
	}
	const char *excerpt = txt_join(a, rdata->v[0], &value) == 0 ? decide_excerpt(a, value) : "malformed";
	const char *more = rdata->n == 1 ? "" : arena_printf(a, " (and %zu more)", rdata->n - 1);
	return decide_refused(PROBLEM_UNAUTHORIZED, arena_printf(a, "Incorrect TXT record \"%s\"%s found at %s%s", excerpt,
	                                                more, found->where, mistake(a, value, wanted, key_authorization)));
}

/* RFC 8555 8.4: one of the records is the digest of the key authorization. */
struct verdict decide_dns01(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct validate_request *request = in->request;
	struct found found;
	struct verdict refusal;
	if (read_found(a, &result->resolutions, decide_dns_name(a, request), &found, &refusal) != 0) {
		return refusal;
	}
	uint8_t digest[SHA256_SIZE];
	sha256_of(bytes_of_text(request->key_authorization), digest);
	const char *wanted = base64url_encode(a, (struct bytes) { digest, sizeof(digest) });
	for (size_t i = 0; i < found.answer.rdata.n; i++) {
		struct bytes value;
		if (txt_join(a, found.answer.rdata.v[i], &value) == 0 && bytes_equal_text(value, wanted)) {
			return (struct verdict) { .passed = true };
		}
	}
	return refuse_values(a, &found, wanted, request->key_authorization);
}

/* The moment of the answer, so that the verdict is the same when it is drawn again later. */
static bool is_over(const struct persist_record *record, const struct resolution *seen)
{
	int64_t answered_us = seen->started_at.us + seen->duration_us;
	return record->has_until && record->until_s < INT64_MAX / 1000000 && answered_us > record->until_s * 1000000;
}

/* The verdict on a record by which this CA is meant; why: what is malformed in it, or NULL. Each perspective that passes has seen
 * the URL of this very account (B-34). */
static struct verdict decide_own(struct arena *a, const struct validate_request *request, const struct found *found,
    const struct persist_record *record, const char *why)
{
	if (why != NULL) {
		return decide_refused(
		    PROBLEM_MALFORMED, arena_printf(a, "The TXT record of this CA at %s is malformed: %s", found->where, why));
	}
	if (!bytes_equal_text(record->account_uri, request->account_url)) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "The TXT record of this CA at %s is for the account \"%s\", not for %s", found->where,
		        decide_excerpt(a, record->account_uri), request->account_url));
	}
	if (is_over(record, found->record)) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a, "The TXT record of this CA at %s was good until %lld only (persistUntil)", found->where,
		        (long long) record->until_s));
	}
	if (request->wildcard && !record->wildcard) {
		return decide_refused(PROBLEM_UNAUTHORIZED,
		    arena_printf(a,
		        "The TXT record of this CA at %s has no policy=wildcard, without which it counts for the name alone",
		        found->where));
	}
	return (struct verdict) { .passed = true };
}

/* draft-ietf-acme-dns-persist-01 4.3.2 (B-29): any record that names this CA and meets all conditions will do; those of other CAs
 * are ignored, whatever is in them. The first of ours says what is wrong. */
struct verdict decide_persist(struct arena *a, const struct decide_input *in, const struct validation_result *result)
{
	const struct validate_request *request = in->request;
	struct found found;
	struct verdict refusal;
	if (read_found(a, &result->resolutions, decide_dns_name(a, request), &found, &refusal) != 0) {
		return refusal;
	}
	bool has_own = false;
	for (size_t i = 0; i < found.answer.rdata.n; i++) {
		struct bytes value;
		struct persist_record record;
		if (txt_join(a, found.answer.rdata.v[i], &value) != 0) {
			continue;
		}
		const char *why = persist_record_parse(value, &record);
		if (!issue_value_names(record.issuer, &request->caa_identities)) {
			continue;
		}
		struct verdict verdict = decide_own(a, request, &found, &record, why);
		if (verdict.passed) {
			return verdict;
		}
		refusal = has_own ? refusal : verdict;
		has_own = true;
	}
	return has_own ? refusal
	               : decide_refused(
	                     PROBLEM_UNAUTHORIZED, arena_printf(a, "No TXT record of this CA found at %s", found.where));
}
