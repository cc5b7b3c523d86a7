/* Cases of disclosure in the database, as role cairn_officer; officers are added as cairn_operator (db/functions/disclosure.sql). */
#ifndef CAIRN_CLI_DISCLOSE_ROWS_H
#define CAIRN_CLI_DISCLOSE_ROWS_H

#include "lib/db/db.h"

struct disclose_step {
	int64_t n;
	const char *state; /* that the case is in then */
	struct bytes digest;
	json_t *facts;
};
extern const struct fields disclose_step_fields;

/* One step in the name of whoever sits at the terminal; dry: what it would lead to. What the case does not allow is refused with a
 * sentence: MALFORMED, CONFLICT, UNAUTHORIZED, NOT_FOUND. `facts` is borrowed. */
int disclose_add_step(
    struct ctx *c, struct id case_id, const char *act, json_t *facts, bool dry, struct disclose_step *ret) MUST_CHECK;

struct disclose_case {
	struct id id;
	struct timestamp received_at;
	const char *kind;
	const char *requester;
	const char *reference;
	bool emergency;
	const char *state;
	struct timestamp since;
	const char *ground;
	const char *notice;
	const char *silent_because;
	struct timestamp silent_until;
	struct timestamp notified_at;
	int64_t objections;
	struct text_list approved_by;
	const char *review;
	struct timestamp released_at;
	json_t *files;
	json_t *scope;
	struct text_list consenting; /* accounts, as they are typed */
};
struct disclose_case_list {
	struct disclose_case *v;
	size_t n;
};
extern const struct fields disclose_case_fields;

/* Newest first; with `all`, those that have ended too; with an id, that one. */
int disclose_read_cases(struct ctx *c, struct id only, bool all, struct disclose_case_list *ret) MUST_CHECK;

struct disclose_past {
	int64_t n;
	const char *act;
	const char *state;
	struct timestamp at;
	const char *actor;
	bool intact; /* as the sealed log has its digest */
	json_t *facts;
};
struct disclose_past_list {
	struct disclose_past *v;
	size_t n;
};
extern const struct fields disclose_past_fields;
int disclose_read_past(struct ctx *c, struct id case_id, struct disclose_past_list *ret) MUST_CHECK;

struct disclose_duty {
	struct id id;
	const char *duty;
	struct timestamp due_at;
	bool overdue;
};
struct disclose_duty_list {
	struct disclose_duty *v;
	size_t n;
};
extern const struct fields disclose_duty_fields;
int disclose_read_duties(struct ctx *c, struct disclose_duty_list *ret) MUST_CHECK;

/* What the scope comes to, item by item. */
struct disclose_item {
	int64_t item;
	const char *view;
	struct text_list columns;
	const char *query;
};
struct disclose_item_list {
	struct disclose_item *v;
	size_t n;
};
extern const struct fields disclose_item_fields;
int disclose_read_items(struct ctx *c, struct id case_id, struct disclose_item_list *ret) MUST_CHECK;

/* Accounts whose data it is and who have not been told. */
int disclose_read_untold(struct ctx *c, struct id case_id, struct id_list *ret) MUST_CHECK;

/* What an officer signs. NOT_FOUND: nothing is to be decided so. */
int disclose_read_statement(struct ctx *c, struct id case_id, const char *decision, const char **ret) MUST_CHECK;

/* Lines of JSON of an approved item while it is being released, from the one behind `after` on. */
int disclose_read_lines(
    struct ctx *c, struct id case_id, int64_t item, int64_t after, int64_t most, struct text_list *ret) MUST_CHECK;

/* The sealed recovery contacts of an account, which is a step of its own. p NULL: it has none. */
int disclose_take(struct ctx *c, struct id case_id, struct id account, struct bytes *ret) MUST_CHECK;

struct disclose_count {
	const char *kind;
	int64_t received; /* -1: withheld, as are the others */
	int64_t disclosed;
	int64_t refused;
	int64_t withdrawn;
	int64_t open;
	int64_t told;
};
struct disclose_count_list {
	struct disclose_count *v;
	size_t n;
};
extern const struct fields disclose_count_fields;
int disclose_read_report(struct ctx *c, int64_t year, int64_t least, struct disclose_count_list *ret) MUST_CHECK;

struct disclose_officer {
	const char *fingerprint;
	const char *name;
	struct timestamp added_at;
	const char *added_by;
	struct timestamp ended_at;
	const char *ended_by;
	const char *end_reason;
};
struct disclose_officer_list {
	struct disclose_officer *v;
	size_t n;
};
extern const struct fields disclose_officer_fields;
int disclose_read_officers(struct ctx *c, struct disclose_officer_list *ret) MUST_CHECK;
int disclose_add_officer(struct ctx *c, const char *name, struct bytes certificate, struct bytes modulus) MUST_CHECK;
int disclose_end_officer(struct ctx *c, struct bytes fingerprint, const char *reason) MUST_CHECK;

extern const struct statement *const disclose_statements[]; /* of role cairn_officer */
extern const size_t disclose_statements_n;
extern const struct statement *const disclose_operator_statements[];
extern const size_t disclose_operator_statements_n;

#endif
