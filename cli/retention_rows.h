/* Rules of retention and legal holds in the database, as role cairn_operator or cairn_officer (db/functions/cairn_retention.sql). */
#ifndef CAIRN_CLI_RETENTION_ROWS_H
#define CAIRN_CLI_RETENTION_ROWS_H

#include "lib/db/db.h"

struct retention_rule {
	const char *class;
	int64_t version;
	int64_t clear_s; /* 0: as long as the row is there */
	int64_t keep_s;  /* 0: without end */
	struct text_list held_by;
	struct timestamp changed_at;
	const char *changed_by;
	const char *reason;
};
struct retention_rule_list {
	struct retention_rule *v;
	size_t n;
};
extern const struct fields retention_rule_fields;

/* Those in force; with `all`, those of before too. */
int retention_read_rules(struct ctx *c, bool all, struct retention_rule_list *ret) MUST_CHECK;

/* A table with a term. */
struct retention_line {
	const char *name;
	const char *part; /* all, or web: requests for pages only */
	struct text_list classes;
	const char *term;           /* clear: personal fields; keep: facts */
	int64_t term_s;             /* 0: without end */
	struct timestamp oldest_at; /* of the oldest row that there is */
	int64_t due;                /* rows whose time has come, held ones among them; counted up to RETENTION_COUNT_MAX */
	int64_t held;               /* of these, what a hold keeps */
	int64_t purged;             /* so far */
	struct timestamp purged_at; /* the last time */
	struct timestamp next_at;   /* when the oldest row is due */
};
struct retention_line_list {
	struct retention_line *v;
	size_t n;
};
extern const struct fields retention_line_fields;

#define RETENTION_COUNT_MAX 100000

/* As things stand; with a rule (or NULL), as they would stand by it. */
int retention_read_report(
    struct ctx *c, int64_t floor_s, const struct retention_rule *rule, struct retention_line_list *ret) MUST_CHECK;

/* Only class, clear_s, keep_s, changed_by and reason of the rule count. ret_version: of the rule then in force, 0 when it says what
 * the last one says. MALFORMED: it can't be. */
int retention_set(
    struct ctx *c, const struct retention_rule *rule, int64_t floor_s, bool dry, int64_t *ret_version) MUST_CHECK;

struct hold {
	struct id id;
	const char *ground;
	struct id account_id;
	struct bytes serial;
	const char *name;
	const char *network;
	struct timestamp since;
	struct timestamp until;
	struct timestamp ends_at;
	struct timestamp created_at;
	const char *created_by;
	struct timestamp ended_at;
	const char *ended_by;
	const char *end_reason;
};
struct hold_list {
	struct hold *v;
	size_t n;
};
extern const struct fields hold_fields;

/* Newest first; with `all`, those that have ended too. */
int hold_read(struct ctx *c, bool all, struct hold_list *ret) MUST_CHECK;

/* All members up to ends_at, and created_by. */
int hold_add(struct ctx *c, const struct hold *hold) MUST_CHECK;

/* ret_changed false: it had ended before. NOT_FOUND. */
int hold_end(struct ctx *c, struct id id, const char *actor, const char *reason, bool *ret_changed) MUST_CHECK;

/* The holder of the account may know of it from now on. ret_changed: he might not before. */
int hold_tell(struct ctx *c, struct id id, const char *actor, bool *ret_changed) MUST_CHECK;

extern const struct statement *const retention_statements[];
extern const size_t retention_statements_n;

#endif
