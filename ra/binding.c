#include "ra/binding.h"

#include <string.h>

#include "lib/crypto/jws.h"
#include "ra/limits.h"
#include "ra/ra.h"

#define MAC_KEY_SIZE 64

struct secret_params {
	struct id id;
	const char *attempt;
};
static const struct field secret_param[] = { FIELD(struct secret_params, id), FIELD(struct secret_params, attempt) };
static const struct fields secret_params_fields = FIELDS(struct secret_params, secret_param);

struct secret_row {
	struct bytes mac_key;
};
static const struct field secret_row_field[] = { FIELD(struct secret_row, mac_key) };
static const struct fields secret_row_fields = FIELDS(struct secret_row, secret_row_field);

const struct statement ra_find_eab_secret_statement = {
	.name = "find_eab_secret",
	.sql = "SELECT acme.find_eab_secret($1, $2::jsonb) AS mac_key",
	.params = &secret_params_fields,
	.row = &secret_row_fields,
	.repeatable = true,
};

/* who guesses at kids learns nothing, not even by the time it takes: a MAC is made in any case. */
static int check_mac(struct ctx *c, const struct jws *jws, const char *attempt, struct id *ret_key)
{
	static const uint8_t nobodys[MAC_KEY_SIZE] = { 0 };
	struct secret_params params = { .attempt = attempt };
	struct secret_row row;
	bool found = false;
	if (id_parse(bytes_of_text(jws->kid), &params.id) != 0) {
		params.id = (struct id) { { 0 } };
	}
	if (db_row(c, &ra_find_eab_secret_statement, &params, &row, &found) != 0) {
		return limits_refused(c);
	}
	bool known = found && row.mac_key.n > 0;
	struct bytes mac_key = known ? row.mac_key : (struct bytes) { nobodys, sizeof(nobodys) };
	bool verified = jws_verify_mac(c, jws, mac_key) == 0;
	if (!verified || !known) {
		ctx_forgive(c);
		return FAIL(
		    c, UNAUTHORIZED, "The external account binding does not verify: its key identifier or its MAC is wrong");
	}
	*ret_key = params.id;
	return 0;
}

/* the payload is the account's key, however its members are written. */
static int check_payload(struct ctx *c, struct bytes payload, const struct jwk *outer)
{
	json_t *json = NULL;
	struct jwk inner;
	if (json_parse(c, payload, &json) != 0 || jwk_parse(c, json, &inner) != 0) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "The payload of the external account binding is not the account's key as a JWK");
	}
	if (memcmp(inner.thumbprint, outer->thumbprint, sizeof(inner.thumbprint)) != 0) {
		return FAIL(c, UNAUTHORIZED, "The external account binding is for another account key");
	}
	return 0;
}

int binding_check(
    struct ctx *c, const json_t *binding, const struct jwk *outer, const char *attempt, struct id *ret_key)
{
	struct jws jws;
	struct id key;
	TRY(jws_parse_object(c, JWS_EAB, binding, &jws));
	const char *url = arena_printf(c->arena, "%s/acme/new-account", ra_get()->config->acme.external_url);
	if (strcmp(jws.url, url) != 0) {
		return FAIL(c, UNAUTHORIZED, "The \"url\" of the external account binding is not %s", url);
	}
	TRY(check_mac(c, &jws, attempt, &key));
	TRY(check_payload(c, jws.payload, outer));
	*ret_key = key;
	return 0;
}
