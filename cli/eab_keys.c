#include "cli/eab_keys.h"

#include "cli/eab.h"
#include "lib/base/base64.h"

struct create_params {
	struct id id;
	struct bytes mac_key;
	const char *label;
	int64_t max_accounts;
	struct text_list names;
	struct text_list networks;
	struct text_list profiles;
	struct timestamp expires_at;
	const char *actor;
};
static const struct field create_param[] = {
	FIELD(struct create_params, id),
	FIELD(struct create_params, mac_key),
	FIELD(struct create_params, label),
	FIELD(struct create_params, max_accounts, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct create_params, names),
	FIELD(struct create_params, networks),
	FIELD(struct create_params, profiles),
	FIELD(struct create_params, expires_at),
	FIELD(struct create_params, actor),
};
static const struct fields create_params_fields = FIELDS(struct create_params, create_param);

static const struct statement create_statement = {
	.name = "create_eab_key",
	.sql = "SELECT acme.create_eab_key($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	.params = &create_params_fields,
};

static const struct field eab_key_field[] = {
	FIELD(struct eab_key, id),
	FIELD(struct eab_key, label),
	FIELD(struct eab_key, state),
	FIELD(struct eab_key, accounts),
	FIELD(struct eab_key, max_accounts),
	FIELD(struct eab_key, names),
	FIELD(struct eab_key, networks),
	FIELD(struct eab_key, profiles),
	FIELD(struct eab_key, created_at),
	FIELD(struct eab_key, expires_at),
	FIELD(struct eab_key, disabled_at),
	FIELD(struct eab_key, lineage),
};
const struct fields eab_key_fields = FIELDS(struct eab_key, eab_key_field);

static const struct statement list_statement = {
	.name = "list_eab_keys",
	.sql = "SELECT id, label, state, accounts, max_accounts, names, networks, profiles, created_at, expires_at, "
	       "disabled_at, lineage FROM acme.list_eab_keys()",
	.row = &eab_key_fields,
	.repeatable = true,
};

struct disable_params {
	struct id id;
	const char *actor;
};
static const struct field disable_param[] = {
	FIELD(struct disable_params, id),
	FIELD(struct disable_params, actor),
};
static const struct fields disable_params_fields = FIELDS(struct disable_params, disable_param);

struct disable_row {
	bool changed;
};
static const struct field disable_row_field[] = { FIELD(struct disable_row, changed) };
static const struct fields disable_row_fields = FIELDS(struct disable_row, disable_row_field);

static const struct statement disable_statement = {
	.name = "disable_eab_key",
	.sql = "SELECT acme.disable_eab_key($1, $2) AS changed",
	.params = &disable_params_fields,
	.row = &disable_row_fields,
};

struct rotate_params {
	struct id old;
	struct id id;
	struct bytes mac_key;
	struct timestamp expires_at;
	struct timestamp old_until;
	const char *actor;
};
static const struct field rotate_param[] = {
	FIELD(struct rotate_params, old),
	FIELD(struct rotate_params, id),
	FIELD(struct rotate_params, mac_key),
	FIELD(struct rotate_params, expires_at),
	FIELD(struct rotate_params, old_until),
	FIELD(struct rotate_params, actor),
};
static const struct fields rotate_params_fields = FIELDS(struct rotate_params, rotate_param);

static const struct statement rotate_statement = {
	.name = "rotate_eab_key",
	.sql = "SELECT acme.rotate_eab_key($1, $2, $3, $4, $5, $6)",
	.params = &rotate_params_fields,
};

const struct statement *const eab_statements[] = {
	&create_statement,
	&list_statement,
	&disable_statement,
	&rotate_statement,
};
const size_t eab_statements_n = COUNT_OF(eab_statements);

/* A text that begins with "-" would be an option to the clients whose command line it is given to. */
#define BASE64URL_HYPHEN 62

/* A fresh id and secret; the arena is wiped when it is freed (style 16). */
static struct eab_made make_key(struct arena *a, struct id *ret_id, struct bytes *ret_mac_key)
{
	char text[ID_TEXT_SIZE];
	uint8_t *secret = arena_alloc(a, EAB_MAC_KEY_SIZE);
	*ret_id = id_new();
	id_encode(*ret_id, text);
	do {
		random_bytes(secret, EAB_MAC_KEY_SIZE);
	} while (secret[0] >> 2 == BASE64URL_HYPHEN);
	*ret_mac_key = (struct bytes) { secret, EAB_MAC_KEY_SIZE };
	return (struct eab_made) { .key_id = arena_text(a, text), .mac_key = base64url_encode(a, *ret_mac_key) };
}

int eab_create(struct ctx *c, const struct eab_wish *wish, const char *actor, struct eab_made *ret)
{
	struct create_params params = {
		.label = wish->label,
		.max_accounts = wish->max_accounts,
		.names = wish->names.names,
		.networks = wish->names.networks,
		.profiles = wish->profiles,
		.expires_at = wish->expires_at,
		.actor = actor,
	};
	struct eab_made made = make_key(c->arena, &params.id, &params.mac_key);
	TRY(db_run(c, &create_statement, &params));
	made.expires_at = wish->expires_at;
	*ret = made;
	return 0;
}

int eab_list(struct ctx *c, struct eab_key_list *ret)
{
	return db_rows(c, &list_statement, NULL, &ret->v, &ret->n);
}

int eab_disable(struct ctx *c, struct id key, const char *actor, bool *ret_changed)
{
	const struct disable_params params = { key, actor };
	struct disable_row row;
	bool found = false;
	TRY(db_row(c, &disable_statement, &params, &row, &found));
	*ret_changed = found && row.changed;
	return 0;
}

int eab_rotate(struct ctx *c, const struct eab_rotation *in, const char *actor, struct eab_made *ret)
{
	struct rotate_params params = {
		.old = in->old, .expires_at = in->expires_at, .old_until = in->old_until, .actor = actor
	};
	struct eab_made made = make_key(c->arena, &params.id, &params.mac_key);
	TRY(db_run(c, &rotate_statement, &params));
	made.expires_at = in->expires_at;
	*ret = made;
	return 0;
}
