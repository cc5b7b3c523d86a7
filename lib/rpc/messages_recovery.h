/* The structs about recovery contacts and the recovery of accounts that cross RPC; a part of messages.h, and their field tables of
 * messages_recovery.c. */
#ifndef CAIRN_RPC_MESSAGES_RECOVERY_H
#define CAIRN_RPC_MESSAGES_RECOVERY_H

#include "lib/base/fields.h"

/* Recovery contacts of an account, from the front end that split them off to the vault and nowhere else. None: they are to be
 * deleted. */
struct set_recovery_contacts_request {
	struct id account_id;
	struct bytes thumbprint;   /* of the key that signed */
	struct text_list contacts; /* as contacts_parse gives them */
};

struct get_recovery_status_request {
	struct id account_id;
	struct bytes thumbprint;
};

struct recovery_status {
	struct timestamp changed_at; /* none: the account has no recovery contacts */
	const char *recovery;        /* how the last recovery of the account stands; NULL: there was none of late */
	struct timestamp claimed_at;
};

/* Who has a new key claims an account by a contact of it. */
struct claim_account_request {
	const char *key; /* canonical JWK, which signed */
	struct id account_id;
	struct bytes serial; /* of a certificate of the account, in the place of its id */
	struct bytes certificate;
	const char *contact;
	const char *remote_address;
};

struct claim_account_response {
	int64_t token_s; /* how long a token is good */
	int64_t delay_s;
};

struct confirm_recovery_request {
	const char *key;
	const char *token;
};

struct stop_recovery_request {
	const char *ticket;
	bool act; /* false: only tell how it stands */
};

struct recovery_progress {
	struct id account_id;
	const char *status; /* asked, waiting, done, stopped, lapsed */
	struct timestamp asked_at;
	struct timestamp ends_at; /* none before the token came back */
};

extern const struct fields set_recovery_contacts_request_fields;
extern const struct fields get_recovery_status_request_fields;
extern const struct fields recovery_status_fields;
extern const struct fields claim_account_request_fields;
extern const struct fields claim_account_response_fields;
extern const struct fields confirm_recovery_request_fields;
extern const struct fields stop_recovery_request_fields;
extern const struct fields recovery_progress_fields;

#endif
