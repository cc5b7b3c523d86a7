/* Accounts in the database: one function an act (db/functions/acme_account_acts.sql). */
#ifndef CAIRN_CLI_ACCOUNT_ROWS_H
#define CAIRN_CLI_ACCOUNT_ROWS_H

#include "lib/db/db.h"

struct account_state {
	struct id id;
	const char *status;      /* valid, deactivated, revoked */
	struct bytes thumbprint; /* of its key (RFC 7638) */
	struct id eab_key;       /* none: it is not bound */
	struct timestamp created_at;
	struct timestamp ended_at; /* none: it is valid */
	/* account_show alone: */
	const char *ended_by;   /* as the event of its end says; NULL: it is valid */
	const char *reason;     /* what an operator said */
	int64_t pending_orders; /* those that are ready too */
	int64_t processing_orders;
	int64_t pending_authorizations; /* of its orders */
	int64_t valid_authorizations;
	int64_t valid_certificates;
};
extern const struct fields account_state_fields;
extern const struct fields account_line_fields; /* what a list has of it */

struct account_list {
	struct account_state *v;
	size_t n;
};

/* The newest, at most so many; status NULL: whatever theirs is. */
int account_list(struct ctx *c, const char *status, int64_t most, struct account_list *ret) MUST_CHECK;

/* By its id, or by its key's thumbprint where the id is none. FAIL: NOT_FOUND. */
int account_show(struct ctx *c, struct id id, struct bytes thumbprint, struct account_state *ret) MUST_CHECK;

/* ret_changed false: it had ended before. FAIL: NOT_FOUND. */
int account_revoke(struct ctx *c, struct id id, const char *reason, const char *actor, bool *ret_changed) MUST_CHECK;

#endif
