#include "policy/caa.h"

#include <string.h>

#include "policy/challenges.h"
#include "policy/issue_value.h"
#include "policy/txt.h"

#define FLAG_CRITICAL 128
/* Many zones set the lowest bit by mistake where they mean the highest: it counts as critical too (C-33). */
#define FLAGS_CRITICAL (FLAG_CRITICAL | 1)

enum tag_kind { TAG_UNKNOWN, TAG_ISSUE, TAG_ISSUEWILD, TAG_OTHER };

/* Known tags: those that speak of nothing we do are tolerated, even when critical. */
static const struct {
	const char *tag;
	enum tag_kind kind;
} tags[] = {
	{ "issue", TAG_ISSUE },
	{ "issuewild", TAG_ISSUEWILD },
	{ "iodef", TAG_OTHER },
	{ "issuemail", TAG_OTHER },
	{ "issuevmc", TAG_OTHER },
	{ "contactemail", TAG_OTHER },
	{ "contactphone", TAG_OTHER },
};

/* One issue or issuewild value (RFC 8659 4.2), parsed. */
struct property {
	struct bytes issuer; /* empty: nobody */
	struct bytes accounturi;
	struct bytes validationmethods;
	size_t n_accounturi;
	size_t n_validationmethods;
};

int caa_record_parse(struct bytes rdata, struct caa_record *ret)
{
	if (rdata.n < 2 || rdata.p[1] == 0 || rdata.n < 2U + rdata.p[1]) {
		return -1;
	}
	size_t tag = rdata.p[1];
	for (size_t i = 0; i < tag; i++) {
		if (!issue_value_is_alnum(rdata.p[2 + i]) && rdata.p[2 + i] != '-') {
			return -1;
		}
	}
	*ret = (struct caa_record) { rdata.p[0], { rdata.p + 2, tag }, { rdata.p + 2 + tag, rdata.n - 2 - tag } };
	return 0;
}

const char *caa_record_encode(struct arena *a, const struct caa_record *r)
{
	struct buffer b;
	buffer_init(&b, a, r->tag.n + r->value.n + 16);
	buffer_printf(&b, "%u %.*s ", r->flags, (int) r->tag.n, (const char *) r->tag.p);
	txt_quote(&b, r->value);
	return (const char *) buffer_bytes(&b).p;
}

/* -1: not the grammar, so it authorises nobody (C-34). */
static int property_parse(struct bytes in, struct property *ret)
{
	struct property v = { 0 };
	struct issue_parameter p;
	TRY(issue_value_begin(&in, &v.issuer));
	int more = issue_value_next(&in, &p);
	for (; more == 1; more = issue_value_next(&in, &p)) {
		if (issue_value_same(p.tag, "accounturi")) {
			v.accounturi = p.value;
			v.n_accounturi++;
		} else if (issue_value_same(p.tag, "validationmethods")) {
			v.validationmethods = p.value;
			v.n_validationmethods++;
		}
	}
	*ret = v;
	return more;
}

static bool is_method(struct bytes label, const char *method)
{
	const struct challenge_kind *kind = challenge_kind_find(method);
	bool has_other = kind != NULL && kind->caa_label != NULL;
	return bytes_equal_text(label, method) || (has_other && bytes_equal_text(label, kind->caa_label));
}

/* RFC 8657 4: labels between commas, compared as they stand, in lower case (C-43). One that breaks the grammar makes
 * the property unsatisfiable. */
static bool methods_allow(struct bytes list, const char *method)
{
	bool found = false;
	bool more = true;
	while (more) {
		struct bytes label = { list.p, 0 };
		while (label.n < list.n && (issue_value_is_alnum(list.p[label.n]) || list.p[label.n] == '-')) {
			label.n++;
		}
		list.p += label.n;
		list.n -= label.n;
		if (label.n == 0) {
			return false;
		}
		found = found || is_method(label, method);
		more = list.n > 0 && *list.p == ',';
		list.p += more ? 1 : 0;
		list.n -= more ? 1 : 0;
	}
	return found && list.n == 0;
}

/* RFC 8657 3 (C-42): octet by octet; also as the account was called under earlier names of this CA, for nobody tells the owners
 * of zones when a CA moves. */
static bool account_is_named(struct bytes uri, const struct caa_query *q)
{
	bool named = q->account_url != NULL && bytes_equal_text(uri, q->account_url);
	for (size_t i = 0; !named && q->former_account_urls != NULL && i < q->former_account_urls->n; i++) {
		named = bytes_equal_text(uri, q->former_account_urls->v[i]);
	}
	return named;
}

/* NULL when this property permits, else why not. */
static const char *property_refusal(const struct caa_record *r, const struct caa_query *q)
{
	struct property v;
	if (property_parse(r->value, &v) != 0) {
		return "has a value that is malformed, which authorises nobody";
	}
	if (!issue_value_names(v.issuer, q->identities)) {
		return v.issuer.n == 0 ? "authorises nobody" : "names another CA";
	}
	if (v.n_accounturi > 1 || v.n_validationmethods > 1) {
		return "names a parameter twice, which nobody can meet"; /* C-42 */
	}
	if (v.n_accounturi == 1 && !account_is_named(v.accounturi, q)) {
		return "names another account";
	}
	if (v.n_validationmethods == 1 && (q->method == NULL || !methods_allow(v.validationmethods, q->method))) {
		return "does not allow the validation method";
	}
	return NULL;
}

static enum tag_kind tag_kind(struct bytes tag)
{
	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		if (issue_value_same(tag, tags[i].tag)) {
			return tags[i].kind;
		}
	}
	return TAG_UNKNOWN;
}

/* RFC 8659 4.1: what can't be parsed or is critical and unknown forbids (C-33). */
static struct caa_verdict check_set(struct arena *a, const struct caa_record *records, const bool *good, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!good[i]) {
			return (struct caa_verdict) { false, "A CAA record is malformed" };
		}
		if (tag_kind(records[i].tag) == TAG_UNKNOWN && (records[i].flags & FLAGS_CRITICAL) != 0) {
			return (struct caa_verdict) { false, arena_printf(a, "The CAA record %s is critical and its tag is unknown",
				                                     caa_record_encode(a, &records[i])) };
		}
	}
	return (struct caa_verdict) { true, NULL };
}

/* RFC 8659 4.2, 4.3 (C-32): any satisfied property of the kind that counts permits; a set without one permits too. */
static struct caa_verdict decide_kind(
    struct arena *a, const struct caa_record *records, size_t n, enum tag_kind kind, const struct caa_query *q)
{
	struct caa_verdict verdict = { true, NULL };
	for (size_t i = 0; i < n; i++) {
		if (tag_kind(records[i].tag) != kind) {
			continue;
		}
		const char *refusal = property_refusal(&records[i], q);
		if (refusal == NULL) {
			return (struct caa_verdict) { true, NULL };
		}
		verdict.permitted = false;
		verdict.reason = arena_printf(a, "The CAA record %s %s", caa_record_encode(a, &records[i]), refusal);
	}
	return verdict;
}

struct caa_verdict caa_decide(struct arena *a, const struct bytes_list *rdata, const struct caa_query *query)
{
	struct caa_record *records = ARENA_ARRAY(a, rdata->n, struct caa_record);
	bool *good = ARENA_ARRAY(a, rdata->n, bool);
	bool has_wild = false;
	for (size_t i = 0; i < rdata->n; i++) {
		good[i] = caa_record_parse(rdata->v[i], &records[i]) == 0;
		has_wild = has_wild || (good[i] && tag_kind(records[i].tag) == TAG_ISSUEWILD);
	}
	struct caa_verdict verdict = check_set(a, records, good, rdata->n);
	if (!verdict.permitted) {
		return verdict;
	}
	return decide_kind(a, records, rdata->n, query->wildcard && has_wild ? TAG_ISSUEWILD : TAG_ISSUE, query);
}

struct text_list caa_iodef(struct arena *a, const struct bytes_list *rdata)
{
	struct text_list list = { ARENA_ARRAY(a, rdata->n, const char *), 0 };
	for (size_t i = 0; i < rdata->n; i++) {
		struct caa_record r;
		if (caa_record_parse(rdata->v[i], &r) != 0 || !issue_value_same(r.tag, "iodef")) {
			continue;
		}
		char *text = arena_alloc(a, r.value.n + 1);
		for (size_t k = 0; k < r.value.n; k++) {
			bool plain = r.value.p[k] > ' ' && r.value.p[k] < 0x7f;
			text[k] = plain ? (char) r.value.p[k] : '?';
		}
		list.v[list.n++] = text;
	}
	return list;
}

const char *caa_climb(const char *name)
{
	const char *dot = strchr(name, '.');
	return dot == NULL || dot[1] == '\0' ? NULL : dot + 1;
}
