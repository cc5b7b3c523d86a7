/* Verdicts on what was found in DNS. */
#include <string.h>
#include <strings.h>

#include "lib/base/base64.h"
#include "lib/crypto/digest.h"
#include "va/decide.h"
#include "va/dns_answer.h"
#include "va/resolve.h"
#include "va/txt.h"

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

/* The name itself, which for a wildcard is the one below it: nothing is pruned, and no alias of the name counts (C-5, C-8). */
const char *decide_dns_name(struct arena *a, const struct validate_request *request)
{
	const char *name = request->identifier.value;
	if (request->method != NULL && strcmp(request->method, "dns-account-01") == 0) {
		return arena_printf(a, "_%s._acme-challenge.%s", account_label(a, request->account_url), name);
	}
	return arena_printf(a, "_acme-challenge.%s", name);
}

/* The last lookup of the name; NULL: it was never asked for. */
static const struct resolution *find_record(const struct resolution_list *list, const char *name)
{
	const struct resolution *found = NULL;
	for (size_t i = 0; i < list->n; i++) {
		const struct resolution *r = &list->v[i];
		bool same = r->type != NULL && strcmp(r->type, "TXT") == 0 && r->name != NULL && strcmp(r->name, name) == 0;
		found = same ? r : found;
	}
	return found;
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
	static const char contradicts[] = "The record of the validation contradicts itself";
	const struct resolution *r = find_record(list, name);
	struct dns_answer answer = { 0 };
	*ret_refusal = decide_refused(PROBLEM_SERVER_INTERNAL, contradicts);
	if (r == NULL || r->dnssec == NULL || (r->error == NULL && strcmp(r->dnssec, "bogus") == 0)) {
		return -1;
	}
	if (r->error != NULL) {
		*ret_refusal =
		    decide_refused(PROBLEM_DNS, arena_printf(a, "DNS problem: %s looking up TXT for %s", r->error, name));
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
