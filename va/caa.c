#include "va/caa.h"

#include <string.h>
#include <strings.h>

#include "va/txt.h"

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

/* Labels by which validationmethods may name a method (RFC 8657 4; BR 4.2.2.1; C-43). */
static const struct {
	const char *method;
	const char *label;
} method_labels[] = {
	{ "http-01", "ca-tbr-19" },
	{ "tls-alpn-01", "ca-tbr-20" },
	{ "dns-01", "ca-tbr-7" },
	{ "dns-account-01", "ca-tbr-21" },
};

/* One issue or issuewild value (RFC 8659 4.2), parsed. */
struct issue_value {
	struct bytes issuer; /* empty: nobody */
	struct bytes accounturi;
	struct bytes validationmethods;
	size_t n_accounturi;
	size_t n_validationmethods;
};

static bool is_alnum(uint8_t o)
{
	return (o >= '0' && o <= '9') || (o >= 'a' && o <= 'z') || (o >= 'A' && o <= 'Z');
}

static bool equal_nocase(struct bytes b, const char *text)
{
	return b.n == strlen(text) && strncasecmp((const char *) b.p, text, b.n) == 0;
}

int caa_record_parse(struct bytes rdata, struct caa_record *ret)
{
	if (rdata.n < 2 || rdata.p[1] == 0 || rdata.n < 2U + rdata.p[1]) {
		return -1;
	}
	size_t tag = rdata.p[1];
	for (size_t i = 0; i < tag; i++) {
		if (!is_alnum(rdata.p[2 + i]) && rdata.p[2 + i] != '-') {
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

static void skip_blanks(struct bytes *in)
{
	while (in->n > 0 && (*in->p == ' ' || *in->p == '\t')) {
		in->p++;
		in->n--;
	}
}

/* Takes the longest run of letters, digits and inner hyphens (`label` and `tag` of the grammar). Empty: none is there. */
static struct bytes take_label(struct bytes *in)
{
	size_t n = 0;
	while (n < in->n && (is_alnum(in->p[n]) || (n > 0 && in->p[n] == '-'))) {
		n++;
	}
	while (n > 0 && in->p[n - 1] == '-') {
		n--;
	}
	struct bytes label = { in->p, n };
	in->p += n;
	in->n -= n;
	return label;
}

static bool take_char(struct bytes *in, char one)
{
	if (in->n == 0 || *in->p != (uint8_t) one) {
		return false;
	}
	in->p++;
	in->n--;
	return true;
}

/* label *("." label); empty when the value names nobody. */
static int take_issuer(struct bytes *in, struct bytes *ret)
{
	struct bytes issuer = take_label(in);
	while (issuer.n > 0 && take_char(in, '.')) {
		struct bytes label = take_label(in);
		if (label.n == 0) {
			return -1;
		}
		issuer.n = (size_t) (label.p + label.n - issuer.p);
	}
	*ret = issuer;
	return 0;
}

/* tag *WSP "=" *WSP value, with the blanks behind it. */
static int take_parameter(struct bytes *in, struct issue_value *v)
{
	struct bytes tag = take_label(in);
	skip_blanks(in);
	if (tag.n == 0 || !take_char(in, '=')) {
		return -1;
	}
	skip_blanks(in);
	size_t n = 0;
	while (n < in->n && in->p[n] > ' ' && in->p[n] < 0x7f && in->p[n] != ';') {
		n++;
	}
	struct bytes value = { in->p, n };
	in->p += n;
	in->n -= n;
	skip_blanks(in);
	if (equal_nocase(tag, "accounturi")) {
		v->accounturi = value;
		v->n_accounturi++;
	} else if (equal_nocase(tag, "validationmethods")) {
		v->validationmethods = value;
		v->n_validationmethods++;
	}
	return 0;
}

/* -1: not the grammar, so it authorises nobody (C-34). */
static int issue_value_parse(struct bytes in, struct issue_value *ret)
{
	struct issue_value v = { 0 };
	skip_blanks(&in);
	TRY(take_issuer(&in, &v.issuer));
	skip_blanks(&in);
	if (in.n > 0 && !take_char(&in, ';')) {
		return -1;
	}
	skip_blanks(&in);
	bool more = in.n > 0;
	while (more) {
		TRY(take_parameter(&in, &v));
		more = take_char(&in, ';');
		if (!more && in.n > 0) {
			return -1;
		}
		skip_blanks(&in);
	}
	*ret = v;
	return 0;
}

static bool is_method(struct bytes label, const char *method)
{
	if (bytes_equal_text(label, method)) {
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(method_labels); i++) {
		if (strcmp(method_labels[i].method, method) == 0 && bytes_equal_text(label, method_labels[i].label)) {
			return true;
		}
	}
	return false;
}

/* RFC 8657 4: labels between commas, compared as they stand, in lower case (C-43). One that breaks the grammar makes
 * the property unsatisfiable. */
static bool methods_allow(struct bytes list, const char *method)
{
	bool found = false;
	bool more = true;
	while (more) {
		struct bytes label = { list.p, 0 };
		while (label.n < list.n && (is_alnum(list.p[label.n]) || list.p[label.n] == '-')) {
			label.n++;
		}
		list.p += label.n;
		list.n -= label.n;
		if (label.n == 0) {
			return false;
		}
		found = found || is_method(label, method);
		more = take_char(&list, ',');
	}
	return found && list.n == 0;
}

static bool issuer_is_ours(struct bytes issuer, const struct text_list *identities)
{
	for (size_t i = 0; i < identities->n; i++) {
		if (equal_nocase(issuer, identities->v[i])) {
			return true;
		}
	}
	return false;
}

/* NULL when this property permits, else why not. */
static const char *property_refusal(const struct caa_record *r, const struct caa_query *q)
{
	struct issue_value v;
	if (issue_value_parse(r->value, &v) != 0) {
		return "has a value that is malformed, which authorises nobody";
	}
	if (!issuer_is_ours(v.issuer, q->identities)) {
		return v.issuer.n == 0 ? "authorises nobody" : "names another CA";
	}
	if (v.n_accounturi > 1 || v.n_validationmethods > 1) {
		return "names a parameter twice, which nobody can meet"; /* C-42 */
	}
	if (v.n_accounturi == 1 && (q->account_url == NULL || !bytes_equal_text(v.accounturi, q->account_url))) {
		return "names another account"; /* RFC 8657 3 (C-42) */
	}
	if (v.n_validationmethods == 1 && (q->method == NULL || !methods_allow(v.validationmethods, q->method))) {
		return "does not allow the validation method";
	}
	return NULL;
}

static enum tag_kind tag_kind(struct bytes tag)
{
	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		if (equal_nocase(tag, tags[i].tag)) {
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

const char *caa_climb(const char *name)
{
	const char *dot = strchr(name, '.');
	return dot == NULL || dot[1] == '\0' ? NULL : dot + 1;
}
