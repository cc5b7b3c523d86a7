/* What ca/crl.c reads and writes of CRLs; the steps stand in db/functions/ca_crl.sql. */
#ifndef CAIRN_CA_CRL_ROWS_H
#define CAIRN_CA_CRL_ROWS_H

#include "lib/base/fields.h"

/* A shard with its newest CRL, if it has one. */
struct crl_state {
	const char *issuer;
	int64_t shard;
	const char *url;
	int64_t number; /* 0: it has none */
	struct timestamp this_update;
	struct timestamp next_update;
	struct timestamp regular_update; /* thisUpdate of the newest on schedule */
	int64_t entries;
	int64_t made_ms;
	bool changed; /* a revocation was recorded since */
	bool asked;   /* an operator asked for a new one since */
};

struct crl_state_list {
	struct crl_state *v;
	size_t n;
};

/* One that is being made. */
struct crl_begun {
	int64_t number;
	struct timestamp covers_until; /* all revocations recorded up to then are listed */
};

struct revoked {
	struct bytes_list serials;
	struct int_list revoked_at; /* seconds since 1970 */
	struct int_list reasons;
};

/* What is put on record before the signature, and with the signed one. */
struct crl_record {
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	int64_t entries;
	struct timestamp covers_until;
	const char *why;
	struct bytes tbs_sha256;
	int64_t made_ms;
	struct bytes der;
	int64_t tbs_at; /* where the TBSCertList lies in it */
	int64_t tbs_n;
};

/* The shards of these issuers. */
int crl_states_read(struct ctx *c, const struct text_list *issuers, struct crl_state_list *ret) MUST_CHECK;

/* Takes the duty and the next number; false: another instance has it. */
int crl_begin(struct ctx *c, const struct crl_state *shard, struct crl_begun *ret, bool *ret_taken) MUST_CHECK;

/* What it lists, in the order of serials, read in pieces that each take a fraction of a statement's time. */
int crl_read_revoked(struct ctx *c, const struct crl_state *shard, struct revoked *ret) MUST_CHECK;
int crl_fix(struct ctx *c, const struct crl_state *shard, const struct crl_record *record) MUST_CHECK;
int crl_publish(struct ctx *c, const struct crl_state *shard, const struct crl_record *record) MUST_CHECK;

#endif
