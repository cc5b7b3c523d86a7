/* Keys that nobody may use any more, as somebody else has them (E-13, F-24). */
#include "ra/blocked.h"

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/rpc/handlers.h"
#include "ra/ra.h"

#define REASON "keyCompromise"
#define SWEEP_LIMIT_MS 10000

struct block_params {
	struct bytes spki_sha256;
	struct bytes thumbprint;
	const char *form;
	const char *process;
	struct id request_id;
};
static const struct field block_param[] = {
	FIELD(struct block_params, spki_sha256),
	FIELD(struct block_params, thumbprint),
	FIELD(struct block_params, form),
	FIELD(struct block_params, process),
	FIELD(struct block_params, request_id),
};
static const struct fields block_params_fields = FIELDS(struct block_params, block_param);

const struct statement ra_block_key_statement = {
	.name = "block_key",
	.sql = "SELECT blocked, certificates FROM acme.block_key($1, $2, $3, $4, $5)",
	.params = &block_params_fields,
	.row = &block_key_response_fields,
	.repeatable = true,
};

int ra_block_key_serve(struct ctx *c, const struct block_key_request *in, struct block_key_response *ret)
{
	bool found = false;
	const struct block_params params = { in->spki_sha256, in->thumbprint, in->form, ra_get()->instance, c->request_id };
	TRY(db_row(c, &ra_block_key_statement, &params, ret, &found));
	metric_add(METRIC_certificates_revoked, REASON, ret->certificates);
	return 0;
}

struct sweep_params {
	const char *process;
};
static const struct field sweep_param[] = { FIELD(struct sweep_params, process) };
static const struct fields sweep_params_fields = FIELDS(struct sweep_params, sweep_param);

struct sweep_row {
	int64_t revoked;
	int64_t due;
	int64_t keys;
};
static const struct field sweep_row_field[] = {
	FIELD(struct sweep_row, revoked),
	FIELD(struct sweep_row, due),
	FIELD(struct sweep_row, keys),
};
static const struct fields sweep_row_fields = FIELDS(struct sweep_row, sweep_row_field);

const struct statement ra_sweep_keys_statement = {
	.name = "sweep_keys",
	.sql = "SELECT revoked, due, keys FROM acme.sweep_keys($1)",
	.params = &sweep_params_fields,
	.row = &sweep_row_fields,
};

bool blocked_sweep(void)
{
	const struct sweep_params params = { ra_get()->instance };
	struct sweep_row row;
	struct ctx c;
	bool found = false;
	ctx_init(&c);
	ctx_limit_ms(&c, SWEEP_LIMIT_MS);
	int result = db_row(&c, &ra_sweep_keys_statement, &params, &row, &found);
	if (result != 0) {
		log_error(&c, LOG_WARN, "certificates whose key is blocked could not be looked for");
	} else {
		metric_set(METRIC_blocked_keys, NULL, row.keys);
		metric_set(METRIC_blocked_keys_due, NULL, row.due);
		metric_add(METRIC_certificates_revoked, REASON, row.revoked);
	}
	ctx_done(&c);
	return result == 0 && row.due > 0;
}
