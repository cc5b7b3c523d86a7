/* What `cairn revoke` asks of the database, as cairn_operator. */
#ifndef CAIRN_CLI_REVOKE_ROWS_H
#define CAIRN_CLI_REVOKE_ROWS_H

#include "cli/incident_rows.h"
#include "policy/revocation.h"

/* What is meant; one of them. */
struct revoke_selector {
	struct bytes serial;
	struct bytes der; /* with the serial: the certificate to the octet */
	struct bytes spki_sha256;
	struct id account_id;
};

/* What would be done. */
struct revoke_look {
	struct id_list certificates; /* that are due */
	int64_t before;              /* were revoked before */
	int64_t accounts;
	int64_t keys;
	json_t *sample; /* the first ten: serial, names, account, not_after */
};

/* What an operator says of it, for each event (E-8). */
struct revoke_facts {
	const char *occasion;
	const char *because;
	const char *source;   /* how the certificates were found */
	const char *evidence; /* of a key: what shows it, or NULL */
	const char *since;    /* of a compromise that is older, RFC 3339, or NULL: the revocationDate (E-12) */
};
extern const struct fields revoke_facts_fields;

/* Where a revocation in waves stands. */
struct revoke_state {
	int64_t revoked; /* by this call */
	int64_t due;     /* are left of waves that have ended */
	int64_t waiting;
	struct timestamp next_at; /* when the next wave ends; none: there is none */
	struct timestamp due_at;
};

struct revoke_order {
	struct id id;
	int64_t reason;
	const char *occasion;
	const char *because;
	struct timestamp ordered_at;
	const char *ordered_by;
	struct timestamp due_at;
	struct timestamp ended_at;
	bool called_off;
	int64_t certificates;
	int64_t left;
};
extern const struct fields revoke_order_fields;

struct revoke_order_list {
	struct revoke_order *v;
	size_t n;
};

int revoke_find(struct ctx *c, const struct revoke_selector *s, struct incident_found *ret) MUST_CHECK;
int revoke_look(struct ctx *c, const struct id_list *certificates, int64_t reason, struct revoke_look *ret) MUST_CHECK;

/* One batch of at most 1000: ret_n is how many were revoked by it, with those that have the same key. */
int revoke_batch(struct ctx *c, const struct id_list *certificates, int64_t reason, const char *actor,
    const struct revoke_facts *facts, int64_t *ret_n) MUST_CHECK;
int revoke_key(struct ctx *c, struct bytes spki_sha256, const char *actor, const struct revoke_facts *facts,
    bool *ret_blocked, int64_t *ret_n) MUST_CHECK;

/* Of one batch that is to be revoked in waves as compromised, until then: its keys are blocked now (E-13). */
int revoke_block_ahead(struct ctx *c, const struct id_list *certificates, struct timestamp until, const char *actor,
    const struct revoke_facts *facts) MUST_CHECK;

/* kind: revocation.begun, .stopped, .ended. */
int revoke_note(struct ctx *c, const char *kind, const char *actor, const struct revoke_facts *facts, int64_t reason,
    int64_t certificates) MUST_CHECK;

/* Why certificates are revoked in waves, and who says so. */
struct revoke_why {
	const struct revocation_occasion *occasion;
	const char *because;
	const char *actor;
};
int revoke_order(struct ctx *c, const struct incident_wish *wish, const struct id_list *certificates,
    const struct revoke_why *why, struct id *ret_id) MUST_CHECK;
int revoke_waves(struct ctx *c, struct id id, const char *actor, struct revoke_state *ret) MUST_CHECK;
int revoke_list(struct ctx *c, struct revoke_order_list *ret) MUST_CHECK;

/* The closed list, with that of `cairn incident`, which finds serials and conditions. */
extern const struct statement *const revoke_statements[];
extern const size_t revoke_statements_n;

#endif
