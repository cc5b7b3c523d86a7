#include "ca/refuse.h"

#include "ca/ca.h"
#include "ca/linters.h"
#include "lib/base/log.h"

struct certificate_params {
	struct id order_id;
	struct id account_id;
	struct id request_id;
	const char *issuer;
	const char *profile;
	struct bytes serial;
	struct bytes tbs;
	const char *why;
	const char *linters;
	const char *process;
};
static const struct field certificate_param[] = {
	FIELD(struct certificate_params, order_id),
	FIELD(struct certificate_params, account_id),
	FIELD(struct certificate_params, request_id),
	FIELD(struct certificate_params, issuer),
	FIELD(struct certificate_params, profile),
	FIELD(struct certificate_params, serial),
	FIELD(struct certificate_params, tbs),
	FIELD(struct certificate_params, why),
	FIELD(struct certificate_params, linters),
	FIELD(struct certificate_params, process),
};
static const struct fields certificate_fields = FIELDS(struct certificate_params, certificate_param);

/* Repeatable: an order that ended does not end again. */
const struct statement refuse_certificate_statement = {
	.name = "refuse_certificate",
	.sql = "SELECT ca.refuse_certificate($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.params = &certificate_fields,
	.repeatable = true,
};

struct signature_params {
	struct id id;
	const char *why;
	const char *process;
};
static const struct field signature_param[] = {
	FIELD(struct signature_params, id),
	FIELD(struct signature_params, why),
	FIELD(struct signature_params, process),
};
static const struct fields signature_fields = FIELDS(struct signature_params, signature_param);

const struct statement refuse_signature_statement = {
	.name = "refuse_signature",
	.sql = "SELECT ca.refuse_signature($1, $2, $3)",
	.params = &signature_fields,
	.repeatable = true,
};

struct crl_params {
	const char *crl;
	const char *why;
	const char *process;
};
static const struct field crl_param[] = {
	FIELD(struct crl_params, crl),
	FIELD(struct crl_params, why),
	FIELD(struct crl_params, process),
};
static const struct fields crl_fields = FIELDS(struct crl_params, crl_param);

const struct statement refuse_crl_statement = {
	.name = "refuse_crl",
	.sql = "SELECT log.raise_alarm('crl-refused', $1, $2, $3, false)",
	.params = &crl_fields,
	.repeatable = true,
};

static const char *why(const struct ctx *c)
{
	return c->err.cause == NULL ? c->err.detail : c->err.cause;
}

/* With a context of its own: the error in c is the caller's. */
static void run(const struct ctx *c, const struct statement *statement, const void *params)
{
	struct ctx own;
	ctx_init(&own);
	own.request_id = c->request_id;
	if (db_run(&own, statement, params) != 0) {
		log_error(&own, LOG_ERROR, "what is refused can't be put on record");
	}
	ctx_done(&own);
}

void refuse_certificate(const struct ctx *c, const struct refused *refused)
{
	const struct certificate_params params = {
		.order_id = refused->order_id,
		.account_id = refused->account_id,
		.request_id = c->request_id,
		.issuer = refused->issuer,
		.profile = refused->profile,
		.serial = refused->serial,
		.tbs = refused->tbs,
		.why = why(c),
		.linters = linters_set(c->arena),
		.process = ca.process,
	};
	run(c, &refuse_certificate_statement, &params);
}

void refuse_signature(const struct ctx *c, struct id certificate_id)
{
	const struct signature_params params = { certificate_id, why(c), ca.process };
	run(c, &refuse_signature_statement, &params);
}

void refuse_crl(const struct ctx *c, const char *issuer, int64_t shard)
{
	const struct crl_params params = { arena_printf(c->arena, "%s/%lld", issuer, (long long) shard), why(c),
		ca.process };
	run(c, &refuse_crl_statement, &params);
}
