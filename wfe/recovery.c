#include "wfe/recovery.h"

#include <string.h>

#include "lib/base/contact.h"
#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/request.h"

/* An empty list deletes. */
struct recovery_update {
	struct text_list contacts;
};
static const struct field recovery_update_field[] = {
	FIELD(struct recovery_update, contacts, .flags = FIELD_REQUIRED),
};
static const struct fields recovery_update_fields = FIELDS(struct recovery_update, recovery_update_field);

/* That there are some, and since when: never what they are. */
struct recovery_object {
	bool recovery_contacts;
	struct timestamp changed_at;
	const char *recovery; /* of the account, of late */
	struct timestamp claimed_at;
};
static const struct field recovery_object_field[] = {
	FIELD_AS(struct recovery_object, recovery_contacts, "recoveryContacts"),
	FIELD_AS(struct recovery_object, changed_at, "changedAt"),
	FIELD(struct recovery_object, recovery),
	FIELD_AS(struct recovery_object, claimed_at, "claimedAt"),
};
static const struct fields recovery_object_fields = FIELDS(struct recovery_object, recovery_object_field);

bool recovery_offered(const struct front *front)
{
	return front->config->recovery.custodian_dir != NULL;
}

static int set(struct acme *q, const uint8_t *thumbprint, const struct text_list *contacts, struct recovery_status *ret)
{
	struct set_recovery_contacts_request request = { .account_id = q->account.id,
		.thumbprint = { thumbprint, SHA256_SIZE } };
	TRY(contacts_parse(q->c, contacts, &request.contacts));
	return rpc_subscriber_set_recovery_contacts(q->c, &request, ret);
}

int recovery_set_by_account(struct acme *q, const uint8_t *thumbprint, const struct text_list *contacts)
{
	struct recovery_status status;
	/* G-7 */
	bool kept = recovery_offered(q->front) && strcmp(q->front->config->recovery.account_contacts, "keep") == 0;
	return !kept || contacts->n == 0 ? 0 : set(q, thumbprint, contacts, &status);
}

int recovery_delete(struct acme *q)
{
	const struct text_list none = { NULL, 0 };
	struct recovery_status status;
	return recovery_offered(q->front) ? set(q, q->account.thumbprint, &none, &status) : 0;
}

int recovery_serve(struct acme *q)
{
	struct recovery_status status;
	if (!recovery_offered(q->front)) {
		return FAIL(q->c, NOT_FOUND, "This CA keeps no recovery contacts");
	}
	if (q->payload == NULL) {
		const struct get_recovery_status_request request = { .account_id = q->account.id,
			.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) } };
		TRY(rpc_subscriber_get_recovery_status(q->c, &request, &status));
	} else {
		struct recovery_update in;
		TRY(request_payload(q, &recovery_update_fields, &in));
		TRY(set(q, q->account.thumbprint, &in.contacts, &status));
	}
	const struct recovery_object object = { status.changed_at.us != 0, status.changed_at, status.recovery,
		status.claimed_at };
	answer_json(q, 200, &recovery_object_fields, &object);
	return 0;
}
