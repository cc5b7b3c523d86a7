#include "ca/activations.h"

#include "ca/ca.h"
#include "ca/signer.h"

/* What is on record of this run. */
static struct signer_keys_state recorded;

struct activation {
	const char *issuer;
	const char *kept_in; /* "file", or the token */
};
struct activation_list {
	struct activation *v;
	size_t n;
};
static const struct field activation_field[] = {
	FIELD(struct activation, issuer),
	FIELD(struct activation, kept_in),
};
static const struct fields activation_fields = FIELDS(struct activation, activation_field);

struct record_params {
	const char *process;
	struct activation_list opened;
	struct activation_list closed;
	const char *why; /* they were lost */
};
static const struct field record_param[] = {
	FIELD(struct record_params, process),
	FIELD_STRUCTS(struct record_params, opened, &activation_fields),
	FIELD_STRUCTS(struct record_params, closed, &activation_fields),
	FIELD(struct record_params, why),
};
static const struct fields record_fields = FIELDS(struct record_params, record_param);

const struct statement activations_statement = {
	.name = "record_activations",
	.sql = "SELECT ca.record_activations($1, $2, $3, $4)",
	.params = &record_fields,
};

static const char *kept_in(struct arena *a, const struct config_issuer *issuer)
{
	const struct config_token *token = &ca.config->ca.token;
	return issuer->key_file != NULL ? "file"
	                                : arena_printf(a, "token %s", token->label != NULL ? token->label : token->serial);
}

static bool is_set(uint32_t bits, size_t i)
{
	return (bits >> i & 1) != 0;
}

int activations_record(struct ctx *c)
{
	const struct signer_keys_state now = signer_keys_state();
	const char *why = signer_keys_fault();
	const size_t n = ca.issuers.n;
	struct record_params params = { .process = ca.process, .why = why == NULL ? "" : why };
	params.opened.v = ARENA_ARRAY(c->arena, n, struct activation);
	params.closed.v = ARENA_ARRAY(c->arena, n, struct activation);
	for (size_t i = 0; i < n; i++) {
		const struct config_issuer *issuer = ca.issuers.v[i].config;
		const struct activation one = { issuer->name, kept_in(c->arena, issuer) };
		/* a token that went and came back between two looks opened its keys anew */
		bool again = issuer->key_file == NULL && now.returns != recorded.returns;
		if (is_set(now.ready, i) && (again || !is_set(recorded.ready, i))) {
			params.opened.v[params.opened.n++] = one;
		} else if (!is_set(now.ready, i) && is_set(recorded.ready, i)) {
			params.closed.v[params.closed.n++] = one;
		}
	}
	if (params.opened.n + params.closed.n > 0) {
		TRY(db_run(c, &activations_statement, &params));
	}
	recorded = now;
	return 0;
}
