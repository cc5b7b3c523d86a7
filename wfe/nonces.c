#include "wfe/nonces.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/metrics.h"
#include "lib/rpc/handlers.h"

/* The words are those of redeem_nonce_response and of the metrics. */
static const struct {
	const char *word;
	const char *detail; /* NULL: it is good */
} verdicts[] = {
	[NONCE_GOOD] = { "good", NULL },
	[NONCE_USED] = { "used", "The nonce was used before" },
	[NONCE_EXPIRED] = { "expired", "The nonce is too old" },
	[NONCE_FOREIGN] = { "foreign", "The nonce is not known here" },
	[NONCE_BAD] = { "unknown", "The nonce is not known here" },
	[NONCE_BAD + 1] = { "away", "The server that made the nonce does not answer" },
};

static size_t verdict_of(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
		if (strcmp(verdicts[i].word, word) == 0) {
			return i;
		}
	}
	return NONCE_BAD;
}

/* the front end that made it decides, whoever was sent it. What it may have redeemed without our knowing is
 * refused, so that a nonce can be lost but not used twice. */
static size_t redeem(struct ctx *c, const struct front *front, const char *nonce)
{
	enum nonce_verdict verdict = nonce_redeem(front->nonces, bytes_of_text(nonce));
	if (verdict != NONCE_FOREIGN) {
		return verdict;
	}
	size_t told = verdict_of(peers_redeem(c, front->peers, nonce));
	metric_add(METRIC_nonces_foreign, verdicts[told].word, 1);
	return told;
}

int nonces_spend(struct ctx *c, const struct front *front, const char *nonce)
{
	size_t verdict = redeem(c, front, nonce);
	if (verdicts[verdict].detail != NULL) {
		metric_add(METRIC_nonces_refused, verdicts[verdict].word, 1);
		return FAIL(c, BAD_NONCE, "%s", verdicts[verdict].detail); /* */
	}
	if (trial_nonce(c, front->trial) != 0) {
		metric_add(METRIC_nonces_refused, "chance", 1);
		return -1; /* */
	}
	return 0;
}

void nonces_spend_broken(struct ctx *c, const struct front *front, struct bytes body)
{
	struct ctx scratch = *c; /* the request has its error already */
	ctx_forgive(&scratch);
	json_t *jws = NULL;
	json_t *header = NULL;
	struct bytes text;
	if (json_parse(&scratch, body, &jws) != 0) {
		return;
	}
	const json_t *protected_header = json_object_get(jws, "protected");
	struct bytes encoded = { (const uint8_t *) json_string_value(protected_header),
		json_string_length(protected_header) };
	if (encoded.n == 0 || base64url_decode(c->arena, encoded, &text) != 0 || json_parse(&scratch, text, &header) != 0) {
		return;
	}
	const char *nonce = json_string_value(json_object_get(header, "nonce"));
	if (nonce != NULL) {
		(void) redeem(&scratch, front, nonce);
	}
}

static struct nonce_box *asked; /* by the other front ends */

void nonces_answer(struct nonce_box *box)
{
	asked = box;
}

int wfe_redeem_nonce_serve(struct ctx *c, const struct redeem_nonce_request *in, struct redeem_nonce_response *ret)
{
	(void) c;
	ret->verdict = verdicts[nonce_redeem(asked, bytes_of_text(in->nonce))].word;
	return 0;
}
