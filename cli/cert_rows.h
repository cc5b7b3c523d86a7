/* What `cairn cert` asks of the database, as cairn_operator (db/functions/ca_search.sql). */
#ifndef CAIRN_CLI_CERT_ROWS_H
#define CAIRN_CLI_CERT_ROWS_H

#include "lib/db/db.h"

/* What is looked for; zero values ask for nothing. */
struct cert_query {
	struct bytes serial;
	struct text_list from; /* ranges of names, reversed */
	struct text_list to;
	struct bytes spki_sha256;
	struct id account_id;
	struct timestamp expiring;
	const char *issuer;
	const char *profile;
	const char *status;
	const char *place; /* where the page before ended */
	struct id at;
	int64_t limit;
	int64_t look; /* at so many rows at most */
};

/* "example.com": the name and the wildcard that covers it; "*.example.com": that wildcard; ".example.com": all below it, and itself.
 * MALFORMED for what is none of these. */
int cert_query_name(struct ctx *c, const char *typed, struct cert_query *q) MUST_CHECK;

/* A cursor, as a page gave it: "AT" or "AT PLACE". -1: it is none. */
int cert_query_after(struct arena *a, const char *typed, struct cert_query *q) MUST_CHECK;

struct cert_found {
	const char *serial;
	const char *status; /* valid, revoked, expired, signing, given-up */
	struct text_list names;
	struct id account_id;
	const char *issuer;
	const char *profile;
	struct timestamp not_before;
	struct timestamp not_after;
};
extern const struct fields cert_found_fields;

struct cert_found_list {
	struct cert_found *v;
	size_t n;
};

struct cert_page {
	struct cert_found_list certificates;
	int64_t looked;
	const char *next; /* the cursor of the next page, or NULL: there is none */
};

int cert_find(struct ctx *c, const struct cert_query *q, struct cert_page *ret) MUST_CHECK;

struct cert_proof {
	const char *name;
	const char *method;
	struct timestamp at;
	const char *quorum; /* perspectives that agreed of those asked, or NULL */
};

struct cert_proof_list {
	struct cert_proof *v;
	size_t n;
};

struct cert_shown {
	const char *serial;
	const char *status;
	struct bytes der; /* empty: it was never signed */
	struct text_list names;
	struct id account_id;
	struct id order_id;
	struct id certificate_id;
	const char *issuer;
	const char *profile;
	struct timestamp not_before;
	struct timestamp not_after;
	struct timestamp signed_at;
	const char *spki_sha256;
	int64_t crl_shard;
	int64_t reason;
	struct timestamp revoked_at; /* none: it is not */
	const char *revoked_by;
	struct id incident;
	const char *replaced_by; /* serial, or NULL */
	const char *chain;
	struct bytes issuer_certificate;
	struct bytes precertificate; /* empty: there is none */
	struct timestamp logged_at;  /* when a transparency log took the certificate; none: none has it yet */
	struct cert_proof_list validations;
};
extern const struct fields cert_proof_fields;

/* NOT_FOUND. */
int cert_show(struct ctx *c, struct bytes serial, struct cert_shown *ret) MUST_CHECK;

extern const struct statement *const cert_statements[];
extern const size_t cert_statements_n;

#endif
