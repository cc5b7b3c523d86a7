#include "cli/replay.h"

#include <string.h>

#include "lib/crypto/commitment.h"
#include "lib/crypto/digest.h"
#include "policy/decide_caa.h"
#include "policy/decide_validation.h"
#include "policy/kept.h"
#include "policy/quorum.h"

#define DIFFERENCES_MAX 16

/* One record under work. */
struct replay {
	struct ctx *c;
	const struct replay_record *record;
	struct kept_resolutions resolutions;
	struct kept_attempts attempts;
	struct replay_difference_list *list;
};

static void differ(struct replay *r, const char *what, const char *recorded, const char *now)
{
	struct replay_difference one = { what, recorded == NULL ? "nothing" : recorded, now == NULL ? "nothing" : now };
	if (r->list->n < DIFFERENCES_MAX) {
		r->list->v[r->list->n++] = one;
	}
}

static void compare(struct replay *r, const char *what, const char *recorded, const char *now)
{
	if (!text_equal(recorded, now)) {
		differ(r, what, recorded, now);
	}
}

static bool is_sha256_of(struct bytes digest, struct bytes of)
{
	uint8_t now[SHA256_SIZE];
	sha256_of(of, now);
	return bytes_equal(digest, (struct bytes) { now, sizeof(now) });
}

/* The private half is what the public half is committed to. */
static bool check_commitments(struct replay *r)
{
	const struct replay_record *k = r->record;
	bool right =
	    k->salt.n == COMMITMENT_SALT_SIZE && k->commitments.n == (size_t) 2 * COMMITMENT_SIZE &&
	    commitment_verify(k->salt.p, "resolutions", bytes_of_text(k->resolutions), k->commitments.p) &&
	    commitment_verify(k->salt.p, "attempts", bytes_of_text(k->attempts), k->commitments.p + COMMITMENT_SIZE);
	if (!right) {
		differ(r, "evidence", "commitments to other evidence", "the evidence that is there");
	}
	return right;
}

static bool parse(struct replay *r)
{
	struct ctx *c = r->c;
	bool read =
	    fields_parse_json(c, &kept_resolutions_fields, bytes_of_text(r->record->resolutions), &r->resolutions) == 0 &&
	    fields_parse_json(c, &kept_attempts_fields, bytes_of_text(r->record->attempts), &r->attempts) == 0;
	if (!read) {
		differ(r, "evidence", "a record", c->err.detail);
		ctx_forgive(c);
	}
	return read;
}

/* The evidence is that of this very validation. */
static void check_asked(struct replay *r)
{
	const struct replay_record *k = r->record;
	const struct validate_request *asked = &r->attempts.asked;
	bool caa_alone = strcmp(k->method, "caa") == 0;
	char own[ID_TEXT_SIZE];
	char named[ID_TEXT_SIZE];
	id_encode(k->id, own);
	id_encode(asked->validation_id, named);
	compare(r, "asked", own, named);
	compare(r, "asked", k->identifier_type, asked->identifier.type);
	compare(r, "asked", k->identifier_value, asked->identifier.value);
	compare(r, "asked", k->wildcard ? "wildcard" : "name", asked->wildcard ? "wildcard" : "name");
	if (!caa_alone) {
		compare(r, "asked", k->method, asked->method);
	}
	id_encode(k->account_id, own);
	const char *slash = asked->account_url == NULL ? NULL : strrchr(asked->account_url, '/');
	compare(r, "asked", own, slash == NULL ? NULL : slash + 1);
	struct bytes token =
	    asked->token == NULL || caa_alone ? (struct bytes) { (const uint8_t *) "", 0 } : bytes_of_text(asked->token);
	if ((asked->key_authorization == NULL) != caa_alone || !is_sha256_of(k->token_sha256, token)) {
		differ(r, "token", "the digest of another token", "the token of the evidence");
	}
}

/* The answer that proved control: the last one of the method's kind. */
static struct bytes answer_of(const struct replay *r)
{
	struct bytes answer = { NULL, 0 };
	if (strncmp(r->record->method, "dns-", 4) != 0) {
		size_t n = r->attempts.attempts.n;
		const struct connection_attempt *last = n == 0 ? NULL : &r->attempts.attempts.v[n - 1];
		bool alpn = strcmp(r->record->method, "tls-alpn-01") == 0;
		return last == NULL ? answer : alpn ? last->tls_certificate : last->body;
	}
	for (size_t i = 0; i < r->resolutions.resolutions.n; i++) {
		const struct resolution *one = &r->resolutions.resolutions.v[i];
		answer = text_equal(one->type, "TXT") && one->raw.n > 0 ? one->raw : answer;
	}
	return answer;
}

static void check_answer(struct replay *r)
{
	if (r->record->passed && r->attempts.asked.key_authorization != NULL &&
	    !is_sha256_of(r->record->answer_sha256, answer_of(r))) {
		differ(r, "answer", "the digest of another answer", "the answer of the evidence");
	}
}

static bool same_list(const struct text_list *a, const struct text_list *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		same = strcmp(a->v[i], b->v[i]) == 0;
	}
	return same;
}

/* What the record says of CAA, where that was decided. */
static void check_caa(struct replay *r)
{
	const struct caa_result *kept = &r->record->caa;
	struct caa_decision now =
	    decide_caa(r->c->arena, &r->attempts.asked, &r->attempts.basis, &r->resolutions.resolutions);
	if (!kept->checked || !r->attempts.asked.check_caa || r->attempts.basis.caa_fault) {
		return;
	}
	compare(r, "caa", kept->permitted ? "permitted" : "forbidden",
	    now.next == NULL && now.verdict.passed ? "permitted" : "forbidden");
	compare(r, "caa", kept->found_at, now.result.found_at);
	if (!same_list(&kept->records, &now.result.records)) {
		differ(r, "caa", "another set", "the set of the evidence");
	}
}

/* C-51, C-52, C-59: the quorum as it was written down is that of the records of the perspectives, and is enough. */
static bool quorum_is_reached(struct replay *r)
{
	const struct replay_record *k = r->record;
	size_t asked = (size_t) k->asked;
	size_t agree = (size_t) k->agree;
	compare(r, "quorum", k->quorum, arena_printf(r->c->arena, "%zu/%zu", agree, asked));
	struct quorum_rule rule = quorum_rule(r->attempts.basis.webpki, asked, k->ended_at);
	return asked >= rule.least && agree + rule.may_fail >= asked && (size_t) k->regions >= rule.regions;
}

/* What none of its own bytes tell: it did not answer, could not be believed, or was not borne out as a whole (policy/corroborate.h). */
static bool is_withdrawn(const struct validation_basis *basis)
{
	return basis->control_fault && basis->caa_fault;
}

static void check_verdict(struct replay *r)
{
	const struct replay_record *k = r->record;
	struct decide_input in;
	if (decide_input_of(r->c, &r->attempts.asked, &r->attempts.basis, &in) != 0) {
		differ(r, "evidence", "networks", r->c->err.detail);
		ctx_forgive(r->c);
		return;
	}
	const struct validation_result result = {
		.resolutions = r->resolutions.resolutions, .attempts = r->attempts.attempts, .basis = r->attempts.basis
	};
	struct verdict now = decide_validation(r->c->arena, &in, &result);
	bool borne_out = k->quorum == NULL ? !r->attempts.basis.webpki : quorum_is_reached(r); /* C-50 */
	bool alone = !now.passed || borne_out;
	compare(r, "verdict", k->passed ? "passed" : "failed", now.passed && alone ? "passed" : "failed");
	if (!alone || is_withdrawn(&r->attempts.basis)) { /* what the others saw stands in their records */
		return;
	}
	compare(r, "problem", k->problem, now.passed ? NULL : problem_info(now.problem)->name);
	compare(r, "detail", k->detail, now.passed ? NULL : now.detail);
}

enum replay_outcome replay_record(
    struct ctx *c, const struct replay_record *record, struct replay_difference_list *ret_list)
{
	*ret_list = (struct replay_difference_list) { ARENA_ARRAY(c->arena, DIFFERENCES_MAX, struct replay_difference), 0 };
	struct replay r = { .c = c, .record = record, .list = ret_list };
	if (text_equal(record->proof, "grant")) {
		return REPLAY_GRANTED;
	}
	if (record->salt.n == 0 || record->resolutions == NULL || record->attempts == NULL) {
		differ(&r, "evidence", "evidence", "nothing of it");
		return REPLAY_DIFFERENT;
	}
	if (check_commitments(&r) && parse(&r)) {
		if (r.attempts.asked.identifier.value == NULL) {
			differ(&r, "asked", "what was asked", "nothing of it");
			return REPLAY_DIFFERENT;
		}
		check_asked(&r);
		check_verdict(&r);
		check_caa(&r);
		check_answer(&r);
	}
	return ret_list->n == 0 ? REPLAY_SAME : REPLAY_DIFFERENT;
}
