#include "policy/onion_caa.h"

#include <string.h>

#include "lib/base/buffer.h"
#include "lib/crypto/onion.h"
#include "policy/caa.h"

#define TAG_MAX 255

struct bytes onion_caa_signed(struct arena *a, const struct onion_caa *set)
{
	return bytes_of_text(
	    arena_printf(a, "onion-caa|%lld|%s", (long long) set->expiry, set->caa == NULL ? "" : set->caa));
}

/* ---- one line ---- */

static void skip_blanks(struct bytes *in)
{
	while (in->n > 0 && (*in->p == ' ' || *in->p == '\t')) {
		in->p++;
		in->n--;
	}
}

static struct bytes take_word(struct bytes *in)
{
	struct bytes word = { in->p, 0 };
	while (word.n < in->n && in->p[word.n] != ' ' && in->p[word.n] != '\t') {
		word.n++;
	}
	in->p += word.n;
	in->n -= word.n;
	skip_blanks(in);
	return word;
}

/* 0 to 255. */
static int read_number(struct bytes digits, unsigned *ret)
{
	unsigned value = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9') {
			return -1;
		}
		value = value * 10 + (unsigned) (digits.p[i] - '0');
		if (value > 255) {
			return -1;
		}
	}
	*ret = value;
	return digits.n > 0 ? 0 : -1;
}

/* Behind a backslash: three digits, or the character itself (RFC 1035 5.1). */
static int take_escaped(struct bytes *in, char *ret)
{
	unsigned octet = 0;
	bool number = in->n >= 3 && in->p[0] >= '0' && in->p[0] <= '9';
	if (in->n == 0 || (number && read_number((struct bytes) { in->p, 3 }, &octet) != 0)) {
		return -1;
	}
	*ret = number ? (char) octet : (char) *in->p;
	in->p += number ? 3 : 1;
	in->n -= number ? 3 : 1;
	return 0;
}

/* A value between quotes, or one without blanks, which ends the line (RFC 8659 4.1.1). */
static int take_value(struct bytes in, struct buffer *out)
{
	bool quoted = in.n > 0 && *in.p == '"';
	in.p += quoted ? 1 : 0;
	in.n -= quoted ? 1 : 0;
	while (in.n > 0 && *in.p != '"' && (quoted || (*in.p != ' ' && *in.p != '\t'))) {
		char one = (char) *in.p++;
		in.n--;
		if (one == '\\' && take_escaped(&in, &one) != 0) {
			return -1;
		}
		buffer_add_char(out, one);
	}
	if (quoted && (in.n == 0 || *in.p != '"')) {
		return -1;
	}
	in.p += quoted ? 1 : 0;
	in.n -= quoted ? 1 : 0;
	skip_blanks(&in);
	return in.n == 0 ? 0 : -1;
}

static int line_parse(struct arena *a, struct bytes line, struct bytes *ret_rdata)
{
	unsigned flags = 0;
	if (!bytes_equal_text(take_word(&line), "caa") || read_number(take_word(&line), &flags) != 0) {
		return -1;
	}
	struct bytes tag = take_word(&line);
	struct buffer b;
	struct caa_record record;
	buffer_init(&b, a, line.n + tag.n + 3);
	buffer_add_char(&b, (char) flags);
	buffer_add_char(&b, (char) tag.n);
	buffer_add(&b, tag.p, tag.n);
	if (tag.n == 0 || tag.n > TAG_MAX || line.n == 0 || take_value(line, &b) != 0) {
		return -1;
	}
	*ret_rdata = buffer_bytes(&b);
	return caa_record_parse(*ret_rdata, &record);
}

/* ---- a set ---- */

const char *onion_caa_parse(struct arena *a, const char *text, struct bytes_list *ret_rdata)
{
	struct bytes_list list = { ARENA_ARRAY(a, ONION_CAA_RECORDS_MAX, struct bytes), 0 };
	for (const char *at = text == NULL ? "" : text; *at != '\0'; at += *at == '\n' ? 1 : 0) {
		struct bytes line = { (const uint8_t *) at, strcspn(at, "\n") };
		at += line.n;
		if (line.n == 0) {
			continue;
		}
		if (list.n == ONION_CAA_RECORDS_MAX) {
			return "it has more than 100 records";
		}
		if (line_parse(a, line, &list.v[list.n++]) != 0) {
			return arena_printf(a, "\"%s\" is not of the form `caa FLAGS TAG VALUE`", decide_excerpt(a, line));
		}
	}
	*ret_rdata = list;
	return NULL;
}

/* NULL, or why the set can't be relied on now. */
static const char *refusal(
    struct arena *a, const struct onion *onion, const struct onion_caa *set, struct timestamp now)
{
	int64_t now_s = now.us / 1000000;
	if (set->expiry <= now_s) {
		return "its expiry has passed";
	}
	if (set->expiry - now_s > ONION_CAA_LIFE_S + ONION_CAA_SKEW_S) {
		return "its expiry is more than 8 hours ahead";
	}
	return onion_verify(onion, onion_caa_signed(a, set), set->signature) ? NULL : "its signature does not verify";
}

static struct text_list encode_all(struct arena *a, const struct bytes_list *rdata)
{
	struct text_list list = { ARENA_ARRAY(a, rdata->n, const char *), 0 };
	for (size_t i = 0; i < rdata->n; i++) {
		struct caa_record record;
		if (caa_record_parse(rdata->v[i], &record) == 0) {
			list.v[list.n++] = caa_record_encode(a, &record);
		}
	}
	return list;
}

struct caa_decision onion_caa_decide(struct arena *a, const struct validate_request *request, struct timestamp now)
{
	struct onion onion;
	struct bytes_list rdata = { 0 };
	const char *wrong = onion_parse(request->identifier.value, &onion);
	if (wrong == NULL) {
		wrong = refusal(a, &onion, &request->onion_caa, now);
	}
	if (wrong == NULL) {
		wrong = onion_caa_parse(a, request->onion_caa.caa, &rdata);
	}
	if (wrong != NULL) {
		return (struct caa_decision) {
			.verdict = decide_refused(PROBLEM_MALFORMED,
			    arena_printf(a, "The onionCAA for %s can't be relied on: %s", request->identifier.value, wrong))
		};
	}
	struct caa_decision decision = { .verdict = { .passed = true }, .result = { .checked = true, .permitted = true } };
	if (rdata.n == 0) { /* nobody restricts */
		return decision;
	}
	const struct caa_query query = { request->wildcard, &request->caa_identities, request->account_url,
		&request->former_account_urls, request->method };
	struct caa_verdict said = caa_decide(a, &rdata, &query);
	decision.result = (struct caa_result) { .checked = true,
		.permitted = said.permitted,
		.found_at = onion.service,
		.records = encode_all(a, &rdata),
		.iodef = caa_iodef(a, &rdata),
		.reason = said.reason };
	if (!said.permitted) {
		decision.verdict = decide_refused(PROBLEM_CAA,
		    arena_printf(a, "CAA for %s forbids it: %s (found in onionCAA)", request->identifier.value, said.reason));
	}
	return decision;
}
