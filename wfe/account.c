/* newAccount (RFC 8555 7.3) and the account object (7.3.2, 7.3.6). */
#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/contact.h"
#include "wfe/objects.h"
#include "wfe/recovery.h"
#include "wfe/request.h"
#include "wfe/statements.h"
#include "wfe/subject.h"

struct new_account {
	bool terms_agreed;
	bool only_return_existing;
	struct text_list contact;
	json_t *external_account_binding;
};
static const struct field new_account_field[] = {
	FIELD_AS(struct new_account, terms_agreed, "termsOfServiceAgreed"),
	FIELD_AS(struct new_account, only_return_existing, "onlyReturnExisting"),
	FIELD(struct new_account, contact),
	FIELD_AS(struct new_account, external_account_binding, "externalAccountBinding"),
};
static const struct fields new_account_fields = FIELDS(struct new_account, new_account_field);

/* All other members are ignored. */
struct account_update {
	const char *status;
	struct text_list contact;
};
static const struct field account_update_field[] = {
	FIELD(struct account_update, status),
	FIELD(struct account_update, contact),
};
static const struct fields account_update_fields = FIELDS(struct account_update, account_update_field);

struct binding_row {
	json_t *binding;
};
static const struct field binding_row_field[] = { FIELD(struct binding_row, binding) };
static const struct fields binding_row_fields = FIELDS(struct binding_row, binding_row_field);

struct binding_params {
	struct id account_id;
};
static const struct field binding_param[] = { FIELD(struct binding_params, account_id) };
static const struct fields binding_params_fields = FIELDS(struct binding_params, binding_param);

const struct statement binding_find = {
	.name = "binding_find",
	.sql = "SELECT binding FROM front.account_binding WHERE account_id = $1",
	.params = &binding_params_fields,
	.row = &binding_row_fields,
	.repeatable = true,
};

/* The account object, with the binding that was verified when the account was made, whatever this request says. */
int account_answer(struct acme *q, unsigned status, struct id id, const char *state, bool terms_agreed)
{
	struct binding_params params = { id };
	struct binding_row row;
	bool found = false;
	TRY(db_row(q->c, &binding_find, &params, &row, &found));
	const char *url = front_object_url(q, "account", id);
	struct acme_account object = {
		.status = state,
		.terms_agreed = terms_agreed,
		.orders = arena_printf(q->c->arena, "%s/orders", url), /* */
		.subject_data = subject_url(q, id),
		.external_account_binding = row.binding,
	};
	answer_json(q, status, &acme_account_fields, &object);
	return 0;
}

/* the account that is there, unchanged; a dead one is not revived. */
static int answer_existing(struct acme *q, const struct account_key *account)
{
	q->account = *account; /* its key signed the request */
	TRY(accounts_check_valid(q->c, account));
	answer_location(q, front_object_url(q, "account", account->id));
	return account_answer(q, 200, account->id, account_status_text(account->status), account->terms_agreed);
}

static int check_new_account(struct acme *q, const struct new_account *in)
{
	const struct config_acme *acme = &q->front->config->acme;
	if (in->only_return_existing) {
		return FAIL(q->c, ACCOUNT_DOES_NOT_EXIST, "There is no account with this key"); /* */
	}
	if (acme->eab_required && in->external_account_binding == NULL) {
		return FAIL(q->c, EXTERNAL_ACCOUNT_REQUIRED, "New accounts need an external account binding"); /* */
	}
	if (acme->terms_of_service != NULL && !in->terms_agreed) {
		(void) FAIL(q->c, USER_ACTION_REQUIRED, "Agree to the terms of service at %s", acme->terms_of_service);
		q->c->err.instance = acme->terms_of_service; /* */
		return -1;
	}
	return contacts_check(q->c, &in->contact);
}

int new_account_serve(struct acme *q)
{
	struct new_account in;
	struct account_key existing;
	bool found = false;
	TRY(request_payload(q, &new_account_fields, &in));
	TRY(accounts_find_by_key(q->c, q->jwk.thumbprint, &existing, &found));
	if (found) {
		return answer_existing(q, &existing);
	}
	TRY(check_new_account(q, &in));
	/* The contacts don't go this way: they are dropped, or become recovery contacts behind it (A-58, G-5). */
	struct new_account_request request = {
		.key = q->jwk.canonical,
		.terms_agreed = in.terms_agreed,
		.external_account_binding = in.external_account_binding,
		.remote_address = q->remote.address,
		.user_agent = http_request_header(q->http, "User-Agent"),
	};
	struct new_account_response response;
	TRY(rpc_ra_new_account(q->c, &request, &response));
	q->account.id = response.account.id;
	const char *url = front_object_url(q, "account", response.account.id);
	if (response.created && recovery_set_by_account(q, q->jwk.thumbprint, &in.contact) != 0) {
		q->c->err.location = url; /* the account is there: its holder gives the contacts again by an update */
		return -1;
	}
	answer_location(q, url); /* */
	return account_answer(
	    q, response.created ? 201 : 200, response.account.id, response.account.status, response.account.terms_agreed);
}

/* another account's URL tells only whether there is such an account. */
int account_check_own(struct acme *q)
{
	struct account_key other;
	bool found = true;
	if (!id_equal(q->id, q->account.id)) {
		TRY(accounts_find(q->c, q->id, &other, &found));
	}
	return request_check_owner(q, "account", found, q->id);
}

static int deactivate(struct acme *q)
{
	struct update_account_request request = { .account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) },
		.deactivate = true };
	struct account response;
	int result = rpc_ra_update_account(q->c, &request, &response);
	accounts_forget(q->account.id); /* also when nobody knows whether it ended */
	TRY(result);
	return account_answer(q, 200, response.id, response.status, response.terms_agreed);
}

/* nothing but the end of the account can be changed; contacts are checked and dropped, or become recovery contacts
 * an empty list deletes those (G-22). */
int account_serve(struct acme *q)
{
	TRY(account_check_own(q));
	struct account_update in = { 0 };
	if (q->payload != NULL) {
		TRY(request_payload(q, &account_update_fields, &in));
	}
	if (in.status != NULL && strcmp(in.status, "deactivated") == 0) {
		return deactivate(q);
	}
	if (in.status != NULL && strcmp(in.status, "valid") != 0) {
		return FAIL(q->c, MALFORMED, "The status of an account can only be changed to \"deactivated\"");
	}
	TRY(contacts_check(q->c, &in.contact));
	if (json_is_array(json_object_get(q->payload, "contact")) && in.contact.n == 0) {
		TRY(recovery_delete(q));
	}
	TRY(recovery_set_by_account(q, q->account.thumbprint, &in.contact));
	return account_answer(q, 200, q->account.id, account_status_text(q->account.status), q->account.terms_agreed);
}
