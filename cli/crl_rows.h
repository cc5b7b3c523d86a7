/* CRLs as an operator sees them (db/functions/ca_crl.sql). */
#ifndef CAIRN_CLI_CRL_ROWS_H
#define CAIRN_CLI_CRL_ROWS_H

#include "lib/db/db.h"

/* A shard and its newest CRL; number 0: it has none. */
struct crl_stand {
	const char *issuer;
	int64_t shard;
	const char *url;
	bool open; /* new certificates name it */
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	int64_t entries;
	int64_t octets;
	const char *why;
	int64_t made_ms;
	bool pending;  /* the next one is due: something was revoked, or it was asked for */
	int64_t age_s; /* filled in here */
};
extern const struct fields crl_stand_fields;

struct crl_stand_list {
	struct crl_stand *v;
	size_t n;
};

/* Which are meant; issuer NULL: of all, shard -1: all. */
struct crl_choice {
	const char *issuer;
	int64_t shard;
};

int crl_list(struct ctx *c, const struct crl_choice *choice, struct crl_stand_list *ret) MUST_CHECK;

/* The CRL of this number, 0: the newest. NOT_FOUND. */
int crl_read(struct ctx *c, const struct crl_choice *choice, int64_t number, struct bytes *ret) MUST_CHECK;

/* Asks for new ones, and gives how many. NOT_FOUND: there are none such. */
int crl_ask(struct ctx *c, const struct crl_choice *choice, const char *actor, int64_t *ret_n) MUST_CHECK;

extern const struct statement *const crl_statements[];
extern const size_t crl_statements_n;

#endif
