/* keyChange (RFC 8555 7.3.5): a JWS by the new key inside of one by the old. What can be wrong with the inner one is decided
 * here; the registration authority judges the key and changes it. */
#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/request.h"

struct key_change {
	const char *account;
	json_t *old_key;
};
static const struct field key_change_field[] = {
	FIELD(struct key_change, account, .flags = FIELD_REQUIRED),
	FIELD_AS(struct key_change, old_key, "oldKey", .flags = FIELD_REQUIRED),
};
static const struct fields key_change_fields = FIELDS(struct key_change, key_change_field);

/* The JWS that is the payload, verified by the key in it: who sent it holds the new key. */
static int verify_inner(struct acme *q, struct jws *ret_jws, struct jwk *ret_key)
{
	TRY(jws_parse_object(q->c, JWS_KEY_CHANGE, q->payload, ret_jws));
	if (strcmp(ret_jws->url, q->jws.url) != 0) {
		return FAIL(q->c, MALFORMED, "The \"url\" of the inner JWS is not that of the outer one");
	}
	TRY(jwk_parse(q->c, ret_jws->jwk, ret_key));
	return jws_verify(q->c, ret_jws, ret_key);
}

/* What both keys agreed to is this account and its present key, however its members are written. */
static int check_inner_payload(struct acme *q, struct bytes payload)
{
	json_t *json = NULL;
	struct key_change in;
	struct jwk old;
	TRY(json_parse(q->c, payload, &json));
	if (!json_is_object(json)) {
		return FAIL(q->c, MALFORMED, "The payload of the inner JWS must be a JSON object");
	}
	TRY(fields_from_json(q->c, &key_change_fields, json, &in));
	if (strcmp(in.account, q->jws.kid) != 0) {
		return FAIL(q->c, MALFORMED, "The \"account\" of the inner JWS is not the account that signed the outer one");
	}
	TRY(jwk_parse(q->c, in.old_key, &old));
	if (memcmp(old.thumbprint, q->account.thumbprint, sizeof(old.thumbprint)) != 0) {
		return FAIL(q->c, MALFORMED, "The \"oldKey\" is not the key of the account");
	}
	return 0;
}

int key_change_serve(struct acme *q)
{
	struct jws inner;
	struct jwk key;
	TRY(verify_inner(q, &inner, &key));
	TRY(check_inner_payload(q, inner.payload));
	struct change_key_request request = {
		.account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.key = key.canonical,
	};
	struct account changed;
	int result = rpc_ra_change_key(q->c, &request, &changed);
	accounts_forget(q->account.id); /* also when nobody knows whether it was changed */
	TRY(result);
	return account_answer(q, 200, changed.id, changed.status, changed.terms_agreed);
}
