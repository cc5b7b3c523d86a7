/* The policy on names in the database, as an operator reads and replaces it. */
#ifndef CAIRN_CLI_POLICY_ROWS_H
#define CAIRN_CLI_POLICY_ROWS_H

#include "lib/db/db.h"
#include "policy/grants_file.h"

/* One policy as it was applied. */
struct policy_row {
	int64_t version; /* 0: none was ever applied */
	const char *source;
	struct timestamp applied_at;
	const char *applied_by;
	bool in_force;
};
extern const struct fields policy_row_fields;

/* version 0: the one in force. FAIL: NOT_FOUND for a version that there is not. */
int policy_read(struct ctx *c, int64_t version, struct policy_row *ret) MUST_CHECK;

/* Makes it the policy in force. FAIL: MALFORMED for an account or a key that there is not. */
int policy_apply(
    struct ctx *c, const char *source, const struct grants *grants, const char *actor, int64_t *ret_version) MUST_CHECK;

/* A valid certificate with names that a policy refuses to its account. */
struct policy_difference {
	struct id certificate_id;
	const char *serial;
	struct id account_id;
	const char *profile;
	struct timestamp not_after;
	struct timestamp renews_at; /* at two thirds of its life */
	bool newest;                /* its account has none with the same names that is newer: its renewal is to come */
	bool refused_now;           /* the policy in force refuses it too */
	struct text_list names;     /* that are refused; an empty one stands for the whole */
	struct text_list reasons;   /* one for each */
};
extern const struct fields policy_difference_fields;

struct policy_difference_list {
	struct policy_difference *v;
	size_t n;
};

/* What this policy would refuse of what is valid today. Nothing is changed. */
int policy_diff(
    struct ctx *c, const char *source, const struct grants *grants, struct policy_difference_list *ret) MUST_CHECK;

/* Who would ask for what. */
struct policy_question {
	struct id account; /* or none: an account made with `eab_key`, or any that is not named */
	struct id eab_key;
	struct text_list types;
	struct text_list values;
	const char *profile;
	int64_t version; /* 0: the policy in force */
};

struct policy_answer {
	int64_t place;       /* from 1; 0: the whole order */
	const char *verdict; /* challenge, granted, refused */
	const char *rule;    /* or NULL */
	const char *reason;
};

struct policy_answer_list {
	struct policy_answer *v;
	size_t n;
};

/* What newOrder would say, by the same function. FAIL: NOT_FOUND. */
int policy_ask(struct ctx *c, const struct policy_question *question, struct policy_answer_list *ret) MUST_CHECK;

/* Whether the account, or one made with eab_key where that is not none, has one of these external account keys or a successor. */
int policy_has_key(
    struct ctx *c, struct id account, struct id eab_key, const struct text_list *keys, bool *ret_has_key) MUST_CHECK;

#endif
