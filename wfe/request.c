#include "wfe/request.h"

#include <string.h>
#include <strings.h>

#include "wfe/nonces.h"

/* Parameters, which a media type is equal without, are let pass. */
static bool is_jose(const char *content_type)
{
	static const char jose[] = "application/jose+json";
	size_t n = strcspn(content_type, "; \t");
	return n == sizeof(jose) - 1 && strncasecmp(content_type, jose, n) == 0;
}

int request_parse(struct acme *q)
{
	if (route_method(q->http->method) != METHOD_POST) {
		return 0;
	}
	const char *type = http_request_header(q->http, "Content-Type");
	if (type == NULL || http_request_header_count(q->http, "Content-Type") != 1 || !is_jose(type)) {
		return FAIL(q->c, UNSUPPORTED_MEDIA_TYPE, "The content type must be application/jose+json");
	}
	TRY(jws_parse(q->c, q->http->body, &q->jws));
	q->parsed = true;
	return 0;
}

/* RFC 8555 6.4: the URL as this server is configured, never as the request's Host says. */
static int check_url(struct acme *q)
{
	const char *query = q->http->query;
	const char *target = query == NULL ? q->http->path : arena_printf(q->c->arena, "%s?%s", q->http->path, query);
	if (strcmp(q->jws.url, front_url(q, target)) != 0) {
		return FAIL(q->c, UNAUTHORIZED, "The \"url\" of the protected header is not the URL of this request, %s",
		    front_url(q, q->http->path));
	}
	return 0;
}

int request_parse_kid(struct acme *q, const char *kid, struct id *ret_id)
{
	const char *prefix = front_url(q, "/acme/account/");
	size_t n = strlen(prefix);
	if (strncmp(kid, prefix, n) != 0 || id_parse(bytes_of_text(kid + n), ret_id) != 0) {
		return FAIL(q->c, ACCOUNT_DOES_NOT_EXIST, "The \"kid\" is not the URL of an account of this server");
	}
	return 0;
}

/* The key of the cache may have been changed by way of another front end: before a signature is refused, the database is
 * asked which key the account has. */
static int verify_by_account(struct acme *q, struct account_key *account)
{
	struct account_key now;
	bool found = false;
	if (jws_verify_key(q->c, &q->jws, account->key) == 0) {
		return 0;
	}
	struct err refused = q->c->err;
	ctx_forgive(q->c);
	accounts_forget(account->id);
	TRY(accounts_find(q->c, account->id, &now, &found));
	if (!found || memcmp(now.thumbprint, account->thumbprint, sizeof(now.thumbprint)) == 0) {
		q->c->err = refused;
		return -1;
	}
	TRY(jws_verify_key(q->c, &q->jws, now.key));
	*account = now;
	return 0;
}

static int verify_account(struct acme *q)
{
	struct id id;
	struct account_key account;
	bool found = false;
	TRY(request_parse_kid(q, q->jws.kid, &id));
	TRY(accounts_find(q->c, id, &account, &found));
	if (!found) {
		return FAIL(q->c, ACCOUNT_DOES_NOT_EXIST, "The account does not exist");
	}
	TRY(verify_by_account(q, &account));
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	q->c->log_account = arena_text(q->c->arena, text);
	q->account = account;
	/* Only who holds the key learns what became of the account. */
	return accounts_check_valid(q->c, &account);
}

static int verify_new_key(struct acme *q)
{
	struct jwk jwk;
	TRY(jwk_parse(q->c, q->jws.jwk, &jwk));
	/* The key of a certificate that is to be revoked may well be a weak one; of an account's the registration authority
	 * judges, which has the lists. */
	TRY(jws_verify(q->c, &q->jws, &jwk));
	q->jwk = jwk;
	return 0;
}

/* */
static int check_signer(struct acme *q)
{
	if (q->route->signer == SIGNER_ACCOUNT && q->jws.kid == NULL) {
		return FAIL(q->c, MALFORMED, "This resource takes a \"kid\", not a \"jwk\"");
	}
	if (q->route->signer == SIGNER_NEW_KEY && q->jws.jwk == NULL) {
		return FAIL(q->c, MALFORMED, "This resource takes a \"jwk\", not a \"kid\"");
	}
	return 0;
}

static int read_payload(struct acme *q)
{
	if (q->jws.payload.n == 0) {
		return q->route->payload != PAYLOAD_OBJECT ? 0 : FAIL(q->c, MALFORMED, "The payload must be a JSON object");
	}
	if (q->route->payload == PAYLOAD_EMPTY) {
		return FAIL(q->c, MALFORMED, "This resource is read by POST-as-GET: the payload must be \"\""); /* */
	}
	json_t *payload = NULL;
	TRY(json_parse(q->c, q->jws.payload, &payload));
	if (!json_is_object(payload)) {
		return FAIL(q->c, MALFORMED, "The payload must be a JSON object");
	}
	q->payload = payload;
	return 0;
}

int request_verify(struct acme *q)
{
	TRY(nonces_spend(q->c, q->front, q->jws.nonce));
	TRY(check_url(q));
	TRY(check_signer(q));
	TRY(q->jws.kid != NULL ? verify_account(q) : verify_new_key(q));
	return read_payload(q); /* not before the signature is verified */
}

int request_payload(struct acme *q, const struct fields *fields, void *to)
{
	return fields_from_json(q->c, fields, q->payload, to);
}

int request_check_owner(struct acme *q, const char *what, bool found, struct id owner)
{
	if (!found) {
		return FAIL(q->c, NOT_FOUND, "There is no such %s", what);
	}
	if (!id_equal(owner, q->account.id)) {
		return FAIL(q->c, UNAUTHORIZED, "The %s belongs to another account", what);
	}
	return 0;
}
