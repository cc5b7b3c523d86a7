/* What officers sign: the statement of a case, which names its last step by its digest (G-51, G-55). */
#include <stdio.h>
#include <string.h>

#include "cli/disclose.h"
#include "cli/disclose_sign.h"
#include "cli/files.h"
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/cert.h"

/* The name of the decision in the statement. */
static const char *decision_of(struct ctx *c, const struct disclose_request *r)
{
	if (r->words[WORD_OUTCOME] != NULL) {
		return arena_printf(c->arena, "review-%s", r->words[WORD_OUTCOME]);
	}
	return r->alone ? "approve-alone" : "approve";
}

int disclose_statement(struct ctx *c, const struct disclose_request *r)
{
	const char *text = NULL;
	TRY(disclose_read_statement(c, r->case_id, decision_of(c, r), &text));
	if (r->options.json) {
		json_t *answer = arena_json(c->arena, json_pack("{s:s}", "statement", text));
		printf("%s\n", (const char *) json_encode(c->arena, answer).p);
	} else if (r->words[WORD_OUT] == NULL) {
		printf("%s", text);
	} else {
		TRY(file_make(c, r->words[WORD_OUT], bytes_of_text(text), 0644));
		printf("openssl cms -sign -md sha256 -noattr -binary -in %s -signer mine.pem -inkey mine.key -outform DER -out "
		       "mine.p7s\n",
		    r->words[WORD_OUT]);
	}
	return 0;
}

/* Signs, or reads what was signed, and puts it into the facts of the step. */
static int sign(struct ctx *c, const struct disclose_request *r, const char *decision, json_t *facts)
{
	const char *text = NULL;
	struct officer_cert cert;
	struct officer_signature signature;
	bool here = r->words[WORD_KEY] != NULL;
	if (r->words[WORD_CERTIFICATE] == NULL || here == (r->words[WORD_SIGNATURE] != NULL)) {
		return FAIL(c, MALFORMED, "Say who decides: --certificate FILE, and --key FILE or --signature FILE");
	}
	TRY(disclose_read_statement(c, r->case_id, decision, &text));
	TRY(officer_cert_read(c, r->words[WORD_CERTIFICATE], &cert));
	TRY(here ? officer_sign(c, &cert, r->words[WORD_KEY], text, &signature)
	         : officer_signature_read(c, &cert, r->words[WORD_SIGNATURE], text, &signature));
	(void) json_object_set_new(facts, "officer", json_string(cert_fingerprint(c->arena, cert.der)));
	(void) json_object_set_new(facts, "signature", json_string(hex_encode(c->arena, signature.signature)));
	(void) json_object_set_new(facts, "cms", json_string(base64_encode(c->arena, signature.cms)));
	return 0;
}

int disclose_approve(struct ctx *c, const struct disclose_request *r)
{
	const char *decision = r->alone ? "approve-alone" : "approve";
	json_t *facts = arena_json(c->arena, json_object());
	TRY(sign(c, r, decision, facts));
	return disclose_do(c, r, decision, facts);
}

int disclose_review(struct ctx *c, const struct disclose_request *r)
{
	json_t *facts = arena_json(c->arena, json_object());
	if (r->words[WORD_OUTCOME] == NULL || r->words[WORD_REASON] == NULL) {
		return FAIL(c, MALFORMED, "Say what the review found, and why: --outcome justified|unjustified --reason TEXT");
	}
	TRY(sign(c, r, decision_of(c, r), facts));
	(void) json_object_set_new(facts, "outcome", json_string(r->words[WORD_OUTCOME]));
	(void) json_object_set_new(facts, "reason", json_string(buffer_utf8(c->arena, r->words[WORD_REASON])));
	return disclose_do(c, r, "review", facts);
}
