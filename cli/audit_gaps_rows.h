/* What should be on record and is not, as the database tells it (db/functions/audit_gaps.sql), and what the CRLs list. */
#ifndef CAIRN_CLI_AUDIT_GAPS_ROWS_H
#define CAIRN_CLI_AUDIT_GAPS_ROWS_H

#include "lib/seal/audit_erased.h"

#define GAPS_SHOWN_MAX 1000 /* of each kind */

struct gap_range {
	struct timestamp since; /* none: from the beginning */
	struct timestamp until; /* none: up to now */
};

struct gap {
	const char *kind;
	const char *record; /* a serial, an id, a CRL */
	struct timestamp at;
	const char *detail;
	int64_t total; /* of this kind; the first GAPS_SHOWN_MAX are given */
};
extern const struct fields gap_fields;
struct gap_list {
	struct gap *v;
	size_t n;
};

/* A kind of gaps, and the table whose rows may have been erased by record; NULL: none. */
struct gap_kind {
	const char *name;
	const char *table;
};

/* Gaps of one kind that SQL can see. */
int gaps_read(struct ctx *c, const struct gap_kind *kind, const struct gap_range *range,
    const struct audit_erasure_list *erasures, struct gap_list *ret) MUST_CHECK;

/* The newest CRL of each shard. */
struct gap_crl {
	const char *issuer;
	int64_t shard;
	int64_t number;
	struct timestamp covers_until;
	struct timestamp this_update;
	struct bytes der;
};
struct gap_crl_list {
	struct gap_crl *v;
	size_t n;
};
int gaps_read_crls(struct ctx *c, struct gap_crl_list *ret) MUST_CHECK;

/* What a CRL lists that is not so on record, and what is on record that it should list. A CRL that can't be read is one gap. */
int gaps_compare_crl(
    struct ctx *c, const struct gap_crl *crl, const struct gap_range *range, struct gap_list *ret) MUST_CHECK;

extern const struct statement *const gaps_statements[];
extern const size_t gaps_statements_n;

#endif
