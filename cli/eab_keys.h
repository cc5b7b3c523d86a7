/* External account keys in the database: one function an act, each a statement that also writes its record. */
#ifndef CAIRN_CLI_EAB_KEYS_H
#define CAIRN_CLI_EAB_KEYS_H

#include "lib/db/db.h"
#include "policy/grants.h"

#define EAB_MAC_KEY_SIZE 64 /* enough for HS512 too (RFC 7518 3.2, A-67) */

/* A key that is to be made. */
struct eab_wish {
	const char *label;
	int64_t max_accounts; /* 0: any number */
	struct grants_names names;
	struct text_list profiles;
	struct timestamp expires_at; /* none: never */
};

/* A key that was made; the only moment at which its secret is seen. */
struct eab_made {
	const char *key_id;  /* the kid: 22 characters */
	const char *mac_key; /* base64url, as clients want it */
	struct timestamp expires_at;
};

struct eab_key {
	struct id id;
	const char *label;
	const char *state; /* active, disabled, expired, used */
	int64_t accounts;
	int64_t max_accounts; /* 0: any number */
	struct text_list names;
	struct text_list networks;
	struct text_list profiles;
	struct timestamp created_at;
	struct timestamp expires_at;
	struct timestamp disabled_at;
	struct id lineage; /* the first of those that came of it by rotation */
};
extern const struct fields eab_key_fields;

struct eab_key_list {
	struct eab_key *v;
	size_t n;
};

int eab_create(struct ctx *c, const struct eab_wish *wish, const char *actor, struct eab_made *ret) MUST_CHECK;
int eab_list(struct ctx *c, struct eab_key_list *ret) MUST_CHECK;

/* ret_changed false: it was disabled before. FAIL: NOT_FOUND. */
int eab_disable(struct ctx *c, struct id key, const char *actor, bool *ret_changed) MUST_CHECK;

/* A new key in the place of `old`, which makes accounts until old_until still, or (none) no more. FAIL: NOT_FOUND,
 * CONFLICT for a disabled one. */
struct eab_rotation {
	struct id old;
	struct timestamp expires_at;
	struct timestamp old_until;
};
int eab_rotate(struct ctx *c, const struct eab_rotation *in, const char *actor, struct eab_made *ret) MUST_CHECK;

#endif
