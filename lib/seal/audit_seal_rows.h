/* The sealed log in the database, as an auditor reads it. */
#ifndef CAIRN_SEAL_AUDIT_SEAL_ROWS_H
#define CAIRN_SEAL_AUDIT_SEAL_ROWS_H

#include "lib/db/db.h"
#include "lib/seal/tiles.h"

#define AUDIT_VALUES 7

struct audit_state {
	int64_t size;
	struct bytes root;
	int64_t checkpoints; /* 0: there is none; 1: there are some */
	int64_t signed_size;
	const char *note; /* of the newest checkpoint, or NULL */
	const char *key;
	struct id unsigned_id; /* row of the first leaf that no checkpoint covers; none: there is no such leaf */
};
int audit_read_state(struct ctx *c, struct audit_state *ret) MUST_CHECK;

/* Rows that have this leaf number, with what is committed to; line NULL: there is no such row. */
struct audit_leaf {
	int64_t leaf;
	int64_t kind;
	struct id id;
	const char *line;
	struct bytes commitments;
	struct bytes salt; /* p NULL: the personal fields are gone */
	struct bytes v1;
	struct bytes v2;
	struct bytes v3;
	struct bytes v4;
	struct bytes v5;
	struct bytes v6;
	struct bytes v7;
};
struct audit_leaf_list {
	struct audit_leaf *v;
	size_t n;
};
/* From and including the first up to the other. */
struct audit_numbers {
	int64_t from;
	int64_t to;
};
/* facts_only: personal fields are not read; salt tells by p whether they are there. */
int audit_read_leaves(
    struct ctx *c, const struct audit_numbers *range, bool facts_only, struct audit_leaf_list *ret) MUST_CHECK;

struct audit_checkpoint {
	int64_t size;
	struct bytes root;
	const char *note;
	const char *key;
};
struct audit_checkpoint_list {
	struct audit_checkpoint *v;
	size_t n;
};
/* Those of more than `above` leaves, smallest first, `most` of them. */
int audit_read_checkpoints(struct ctx *c, int64_t above, int64_t most, struct audit_checkpoint_list *ret) MUST_CHECK;

/* A row that no leaf and no recorded wait accounts for, or one that waits. */
struct audit_stray {
	const char *what; /* inserted, waiting, orphan, beyond */
	int64_t kind;
	struct id id;
	int64_t leaf;
};
struct audit_stray_list {
	struct audit_stray *v;
	size_t n;
};
/* One page of one kind of look, from the id `after` on, which then is the page's last one; ret_more: there are more behind it. */
#define AUDIT_STRAY_KINDS 6
int audit_read_strays(
    struct ctx *c, size_t kind, struct id *after, struct audit_stray_list *ret, bool *ret_more) MUST_CHECK;
/* Whether the first leaf that no checkpoint covers is older than ten minutes. */
bool audit_is_late(const struct audit_state *state);
int audit_count_waiting(struct ctx *c, int64_t *ret) MUST_CHECK;

/* The leaf of a row; none: -1. */
int audit_find_leaf(struct ctx *c, int64_t kind, const char *row, int64_t *ret) MUST_CHECK;

/* A tile_source over the database; set its size. A tile that is gone is MALFORMED. */
struct tile_source audit_tiles(void);

/* For who reads no personal fields: those of audit_check_database with facts_only. */
extern const struct statement *const audit_facts_statements[];
extern const size_t audit_facts_statements_n;

extern const struct statement *const audit_seal_statements[];
extern const size_t audit_seal_statements_n;

#endif
