#include "cli/ceremony_approve.h"

#include <string.h>

#include "cli/disclose_sign.h"
#include "cli/files.h"
#include "lib/base/folder.h"
#include "lib/crypto/cert.h"

struct people {
	struct officer_cert *v;
	size_t n;
};

/* Two certificates with one key are one person. */
static int read_people(struct ctx *c, const struct ceremony *plan, struct people *ret)
{
	struct people people = { ARENA_ARRAY(c->arena, plan->people.n, struct officer_cert), 0 };
	for (size_t i = 0; i < plan->people.n; i++) {
		struct officer_cert one;
		TRY(officer_cert_read(c, plan->people.v[i], &one));
		for (size_t k = 0; k < people.n; k++) {
			if (bytes_equal(people.v[k].modulus, one.modulus)) {
				return FAIL(c, MALFORMED, "%s: has the key of another of the plan's people", plan->people.v[i]);
			}
		}
		people.v[people.n++] = one;
	}
	*ret = people;
	return 0;
}

static const char *subject_of(struct arena *a, const struct officer_cert *person)
{
	char text[256];
	(void) X509_NAME_oneline(X509_get_subject_name(person->x509), text, sizeof(text));
	return arena_text(a, text);
}

/* Whose signature it is; people.n for nobody's. */
static size_t signer_of(
    struct ctx *c, const struct people *people, struct bytes cms, const char *statement, struct officer_signature *ret)
{
	size_t i = 0;
	while (i < people->n && officer_signature_of(c, &people->v[i], cms, statement, ret) != 0) {
		ctx_forgive(c);
		i++;
	}
	return i;
}

static int agree(
    struct ctx *c, const struct ceremony *plan, const struct bytes_list *signatures, struct ceremony_approval_list *ret)
{
	struct people people;
	const char *statement = NULL;
	struct ceremony_approval_list list = { ARENA_ARRAY(c->arena, plan->people.n, struct ceremony_approval), 0 };
	TRY(plan->people.n + signatures->n == 0 ? 0 : ceremony_statement(c, plan, &statement));
	TRY(read_people(c, plan, &people));
	bool *signed_already = ARENA_ARRAY(c->arena, people.n, bool);
	memset(signed_already, 0, people.n * sizeof(*signed_already));
	for (size_t i = 0; i < signatures->n; i++) {
		struct officer_signature signature;
		size_t who = signer_of(c, &people, signatures->v[i], statement, &signature);
		if (who == people.n) {
			return FAIL(c, UNAUTHORIZED,
			    "Signature %zu is by none of the plan's people under this plan; \"cairn ceremony statement\" shows "
			    "what is to be signed",
			    i + 1);
		}
		if (!signed_already[who]) {
			signed_already[who] = true;
			list.v[list.n++] = (struct ceremony_approval) { subject_of(c->arena, &people.v[who]),
				cert_fingerprint(c->arena, people.v[who].der), signature.cms };
		}
	}
	if (plan->people.n > 0 && list.n < CEREMONY_PEOPLE) {
		return FAIL(c, UNAUTHORIZED,
		    "%zu of %d people agreed; let each sign by \"cairn ceremony sign\", and give the signatures by --approval",
		    list.n, CEREMONY_PEOPLE);
	}
	*ret = list;
	return 0;
}

int ceremony_approvals(
    struct ctx *c, const struct ceremony *plan, const struct text_list *files, struct ceremony_approval_list *ret)
{
	struct bytes_list signatures = { ARENA_ARRAY(c->arena, files->n, struct bytes), files->n };
	for (size_t i = 0; i < files->n; i++) {
		TRY(file_read(c, files->v[i], &signatures.v[i]));
	}
	return agree(c, plan, &signatures, ret);
}

int ceremony_approvals_kept(struct ctx *c, const struct ceremony *plan, const struct ceremony_entry *begin)
{
	const struct ceremony_approval_list *kept = &begin->approvals;
	struct ceremony_approval_list again;
	struct text_list people;
	struct bytes_list signatures = { ARENA_ARRAY(c->arena, kept->n, struct bytes), kept->n };
	for (size_t i = 0; i < kept->n; i++) {
		signatures.v[i] = kept->v[i].cms;
	}
	TRY(agree(c, plan, &signatures, &again));
	TRY(ceremony_people(c, plan, &people));
	bool same = again.n == kept->n && people.n == begin->people.n &&
	            text_equal(begin->mode, ceremony_mode(plan) == POLICY_WEBPKI ? "webpki" : NULL);
	for (size_t i = 0; i < kept->n && same; i++) {
		same = text_equal(again.v[i].certificate, kept->v[i].certificate) &&
		       text_equal(again.v[i].person, kept->v[i].person);
	}
	for (size_t i = 0; i < people.n && same; i++) {
		same = text_equal(people.v[i], begin->people.v[i]);
	}
	return same ? 0 : FAIL(c, MALFORMED, "the transcript names other people, or another mode");
}

int ceremony_sign(
    struct ctx *c, const struct ceremony *plan, const char *cert_path, const char *key_path, const char *out_path)
{
	struct officer_cert cert;
	struct officer_signature signature;
	const char *statement = NULL;
	TRY(ceremony_statement(c, plan, &statement));
	TRY(officer_cert_read(c, cert_path, &cert));
	TRY(officer_sign(c, &cert, key_path, statement, &signature));
	return file_make(c, out_path, signature.cms, 0644);
}

int ceremony_people(struct ctx *c, const struct ceremony *plan, struct text_list *ret)
{
	struct people people;
	TRY(read_people(c, plan, &people));
	struct text_list list = { ARENA_ARRAY(c->arena, people.n, const char *), people.n };
	for (size_t i = 0; i < people.n; i++) {
		list.v[i] = cert_fingerprint(c->arena, people.v[i].der);
	}
	*ret = list;
	return 0;
}

static bool is_among(const struct text_list *people, const char *certificate)
{
	for (size_t i = 0; i < people->n; i++) {
		if (text_equal(people->v[i], certificate)) {
			return true;
		}
	}
	return false;
}

/* How many of them the ceremony before named, each once. */
static size_t count_known(const struct text_list *people, const struct ceremony_approval_list *agreed)
{
	size_t known = 0;
	for (size_t i = 0; i < agreed->n; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++) {
			again = again || text_equal(agreed->v[k].certificate, agreed->v[i].certificate);
		}
		known += !again && is_among(people, agreed->v[i].certificate) ? 1 : 0;
	}
	return known;
}

int ceremony_people_stay(
    struct ctx *c, bool webpki, const struct ceremony_entry_list *entries, const struct ceremony_approval_list *agreed)
{
	const struct ceremony_entry *before = NULL;
	for (size_t i = 0; i < entries->n; i++) {
		const struct ceremony_entry *e = &entries->v[i];
		before = text_equal(e->action, "begin") && text_equal(e->mode, "webpki") ? e : before;
	}
	if (before == NULL) {
		return 0;
	}
	if (!webpki) {
		return FAIL(c, UNAUTHORIZED, "The transcript tells of a ceremony in mode webpki, and this plan is in another");
	}
	size_t known = count_known(&before->people, agreed);
	return known >= CEREMONY_PEOPLE ? 0
	                                : FAIL(c, UNAUTHORIZED,
	                                      "%zu of %d people agreed whom the ceremony before named (\"%s\"): others "
	                                      "count from the next one on",
	                                      known, CEREMONY_PEOPLE, before->name);
}
