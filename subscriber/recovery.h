/* Account recovery (docs/recovery.md): claims come in, are matched later by a job, so that no answer tells of a match, and go their way by
 * mail, token and delay. What is known of a contact's address is sealed and goes when it has served. */
#ifndef CAIRN_SUBSCRIBER_RECOVERY_H
#define CAIRN_SUBSCRIBER_RECOVERY_H

#include "lib/base/config.h"
#include "lib/db/db.h"

/* Before the sandbox, behind vault_open: reads what the mail server needs. MALFORMED with a sentence. */
int recovery_read_server(struct ctx *c, const struct config *config) MUST_CHECK;

/* Takes claims from now on, and does what is to be done for those that came. Without a mail server or a vault nothing is taken and
 * nothing done. */
int recovery_start(struct ctx *c, const struct config *config, const char *instance) MUST_CHECK;
void recovery_stop(void);

/* What both halves share: how claims and mails are sealed, and what the configuration says. */
struct recovery_rules {
	bool on;
	int64_t delay_s;
	int64_t token_s;
	const char *site; /* acme.external_url */
	const char *instance;
};
extern struct recovery_rules recovery_rules;

struct recovery_claim {
	struct id account_id;
	const char *contact; /* as contact_parse gives it */
	const char *key;     /* canonical JWK */
};
extern const struct fields recovery_claim_fields;
#define RECOVERY_CLAIM_OCTETS 4096
#define RECOVERY_ADDRESS_OCTETS 256
#define RECOVERY_TOKEN_SIZE 43 /* 32 octets as base64url */

/* The end of the link by which a recovery is stopped: its id and a MAC. */
const char *recovery_ticket(struct arena *a, struct id id);

extern const struct statement *const recovery_statements[];
extern const size_t recovery_n_statements;
extern const struct statement *const recovery_job_statements[];
extern const size_t recovery_job_n_statements;

#endif
