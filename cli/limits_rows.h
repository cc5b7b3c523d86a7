/* Rate limits in the database: one function an act, each a statement that also writes its record. */
#ifndef CAIRN_CLI_LIMITS_ROWS_H
#define CAIRN_CLI_LIMITS_ROWS_H

#include "lib/db/db.h"
#include "policy/limits.h"

struct limit_override {
	const char *name;
	const char *key;
	int64_t count; /* 0: no limit */
	int64_t period_s;
	int64_t burst;
	const char *reason;
	struct timestamp set_at;
	const char *set_by;
};
struct limit_override_list {
	struct limit_override *v;
	size_t n;
};
extern const struct fields limit_override_fields;

/* One bucket now. */
struct limit_state {
	const char *name;
	const char *key;
	int64_t count; /* 0: no limit */
	int64_t period_s;
	int64_t burst;
	bool overridden;
	int64_t remaining;
	struct timestamp next_at; /* when one use more is there; none: it is whole */
	struct timestamp whole_at;
};
extern const struct fields limit_state_fields;

struct paused_name {
	struct id account_id;
	const char *identifier;
	struct timestamp paused_at;
};
struct paused_name_list {
	struct paused_name *v;
	size_t n;
};
extern const struct fields paused_name_fields;

int limits_list_overrides(struct ctx *c, struct limit_override_list *ret) MUST_CHECK;
/* use: with the numbers of the configuration, which an override takes the place of. */
int limits_show(struct ctx *c, const struct limit_use *use, struct limit_state *ret) MUST_CHECK;
int limits_set_override(struct ctx *c, const struct limit_override *override, const char *actor) MUST_CHECK;
/* ret_changed false: there was none. */
int limits_drop_override(
    struct ctx *c, const char *name, const char *key, const char *actor, bool *ret_changed) MUST_CHECK;
int limits_reset(struct ctx *c, const char *name, const char *key, const char *actor, bool *ret_changed) MUST_CHECK;
/* account none: of all. */
int limits_list_paused(struct ctx *c, struct id account, struct paused_name_list *ret) MUST_CHECK;
/* names empty: all of the account. ret_freed: those that were paused. */
int limits_unpause(struct ctx *c, struct id account, const struct text_list *names, const char *actor,
    struct text_list *ret_freed) MUST_CHECK;

extern const struct statement *const limits_statements[];
extern const size_t limits_statements_n;

#endif
