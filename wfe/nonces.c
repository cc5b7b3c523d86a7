#include "wfe/nonces.h"

#include "lib/base/base64.h"
#include "lib/base/metrics.h"

static const struct {
	const char *reason;
	const char *detail;
} refusals[] = {
	[NONCE_USED] = { "used", "The nonce was used before" },
	[NONCE_EXPIRED] = { "expired", "The nonce is too old" },
	[NONCE_FOREIGN] = { "foreign", "The nonce is not known here" },
	[NONCE_BAD] = { "unknown", "The nonce is not known here" },
};

/* clients have to live with a good nonce that is refused. */
static bool rejected_by_chance(const struct front *front)
{
	uint16_t draw = 0;
	if (front->config->acme.nonce_reject_percent == 0) {
		return false;
	}
	random_bytes(&draw, sizeof(draw));
	return draw % 100 < front->config->acme.nonce_reject_percent;
}

int nonces_spend(struct ctx *c, const struct front *front, const char *nonce)
{
	enum nonce_verdict verdict = nonce_redeem(front->nonces, bytes_of_text(nonce));
	if (verdict != NONCE_GOOD) {
		metric_add(METRIC_nonces_refused, refusals[verdict].reason, 1);
		return FAIL(c, BAD_NONCE, "%s", refusals[verdict].detail); /* */
	}
	if (rejected_by_chance(front)) {
		metric_add(METRIC_nonces_refused, "chance", 1);
		return FAIL(c, BAD_NONCE, "The nonce is refused by chance, as this server is set up for tests");
	}
	return 0;
}

void nonces_spend_broken(struct ctx *c, const struct front *front, struct bytes body)
{
	struct ctx scratch = { .arena = c->arena };
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
		(void) nonce_redeem(front->nonces, bytes_of_text(nonce));
	}
}
