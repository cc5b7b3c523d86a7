/* `cairn recovery start|confirm`: how who lost an account's key gets the account back with a new one. */
#include <stdio.h>
#include <string.h>

#include "cli/acme_client.h"
#include "cli/recovery.h"
#include "lib/base/contact.h"
#include "lib/base/folder.h"
#include "lib/crypto/cert.h"

struct claim {
	const char *account;
	struct bytes certificate;
	const char *contact;
	const char *token;
};
static const struct field claim_field[] = {
	FIELD(struct claim, account),
	FIELD(struct claim, certificate, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct claim, contact),
	FIELD(struct claim, token),
};
static const struct fields claim_fields = FIELDS(struct claim, claim_field);

static int post(struct ctx *c, const struct recovery_request *r, const struct claim *claim, const json_t **ret)
{
	struct acme_client a = { .http = NULL };
	const char *url = NULL;
	if (r->server == NULL || r->key == NULL) {
		return FAIL(c, MALFORMED, "Say where, and with which new key: --server URL and --key FILE");
	}
	TRY(account_key_read(c, r->key, &a.key));
	int result = acme_client_open(c, r->server, r->ca_file, &a);
	result = result == 0 ? acme_client_url(c, &a, "recoverAccount", &url) : result;
	result = result == 0
	             ? acme_client_post(c, &a, url, (const char *) fields_to_json(c->arena, &claim_fields, claim).p, ret)
	             : result;
	acme_client_close(&a);
	return result;
}

static bool print_json(const struct recovery_request *r, struct arena *a, const json_t *answer)
{
	if (r->operator.json) {
		printf("%s\n", (const char *) json_encode(a, answer).p);
	}
	return r->operator.json;
}

int recovery_start_claim(struct ctx *c, const struct recovery_request *r)
{
	struct claim claim = { .account = r->account };
	struct text_list contacts;
	struct bytes_list chain;
	const json_t *answer = NULL;
	if ((r->account == NULL) == (r->certificate == NULL)) {
		return FAIL(c, MALFORMED, "Name the account: --account URL, or --certificate FILE, one that was issued to it");
	}
	if (r->certificate != NULL) {
		TRY(cert_read_file(c, r->certificate, &chain));
		claim.certificate = chain.v[0];
	}
	TRY(recovery_read_contacts(c, r, &contacts));
	if (contacts.n != 1) {
		return FAIL(c, MALFORMED, "Give one of the account's recovery contacts");
	}
	claim.contact = contacts.v[0];
	TRY(post(c, r, &claim, &answer));
	if (!print_json(r, c->arena, answer)) {
		printf("The CA has the claim, and does not tell whether it is good: if it is, a mail with a token comes to the "
		       "contact.\n"
		       "Give that token, with the same key, to cairn recovery confirm.\n");
	}
	return 0;
}

int recovery_confirm(struct ctx *c, const struct recovery_request *r)
{
	struct text_list lines;
	const json_t *answer = NULL;
	TRY(recovery_read_lines(c, r->token, &lines));
	if (lines.n != 1) {
		return FAIL(c, MALFORMED, "Give the token that came by mail, in one line");
	}
	const struct claim claim = { .token = lines.v[0] };
	TRY(post(c, r, &claim, &answer));
	if (!print_json(r, c->arena, answer)) {
		const char *account = json_string_value(json_object_get(answer, "account"));
		const char *status = json_string_value(json_object_get(answer, "status"));
		const char *ends = json_string_value(json_object_get(answer, "endsAt"));
		printf("Account %s: %s", account == NULL ? "?" : account, status == NULL ? "?" : status);
		printf(ends == NULL
		           ? ".\n"
		           : "; it has the new key from %s on, unless the old one is used before or somebody stops it.\n",
		    ends);
	}
	return 0;
}
