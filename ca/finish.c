#include "ca/finish.h"

#include "ca/ca.h"
#include "ca/linters.h"
#include "ca/promise.h"
#include "ca/refuse.h"
#include "ca/signer.h"
#include "ca/statements.h"
#include "ca/steady.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/ct/precert.h"
#include "policy/lints.h"

#define AT_ONCE 20

static const struct field begun_field[] = {
	FIELD(struct begun, certificate_id, .flags = FIELD_REQUIRED),
	FIELD(struct begun, issuer, .flags = FIELD_REQUIRED),
	FIELD(struct begun, profile, .flags = FIELD_REQUIRED),
	FIELD(struct begun, serial, .flags = FIELD_REQUIRED),
	FIELD(struct begun, not_before, .flags = FIELD_REQUIRED),
	FIELD(struct begun, not_after, .flags = FIELD_REQUIRED),
	FIELD(struct begun, tbs),
	FIELD(struct begun, der),
	FIELD(struct begun, mine),
	FIELD(struct begun, precertificate),
};
const struct fields begun_fields = FIELDS(struct begun, begun_field);

/* What the event says beside what the database knows itself (F-41). */
struct facts {
	const char *software;
	int64_t lints;
	const char *mode;
	const char *linters; /* the set on record (F-31) */
};

static const struct field facts_field[] = {
	FIELD(struct facts, software),
	FIELD(struct facts, lints),
	FIELD(struct facts, mode),
	FIELD(struct facts, linters),
};
static const struct fields facts_fields = FIELDS(struct facts, facts_field);

struct complete_params {
	struct id id;
	struct bytes der;
	struct facts facts;
	const char *process;
	struct id event_id;
};

static const struct field complete_field[] = {
	FIELD(struct complete_params, id),
	FIELD(struct complete_params, der),
	FIELD_STRUCT(struct complete_params, facts, &facts_fields),
	FIELD(struct complete_params, process),
	FIELD(struct complete_params, event_id),
};
static const struct fields complete_fields = FIELDS(struct complete_params, complete_field);

struct der_row {
	struct bytes der;
};
static const struct field der_field[] = { FIELD(struct der_row, der) };
static const struct fields der_fields = FIELDS(struct der_row, der_field);

/* Repeatable: the certificate that was recorded first is the answer. */
const struct statement complete_issuance = {
	.name = "complete_issuance",
	.sql = "SELECT ca.complete_issuance($1, $2, $3, $4, $5) AS der",
	.params = &complete_fields,
	.row = &der_fields,
	.repeatable = true,
};

struct abandon_params {
	struct id id;
	const char *why;
	int64_t after_s;
	const char *process;
};
static const struct field abandon_field[] = {
	FIELD(struct abandon_params, id),
	FIELD(struct abandon_params, why),
	FIELD(struct abandon_params, after_s),
	FIELD(struct abandon_params, process),
};
static const struct fields abandon_fields = FIELDS(struct abandon_params, abandon_field);

const struct statement abandon_issuance = {
	.name = "abandon_issuance",
	.sql = "SELECT ca.abandon_issuance($1, $2, $3, $4)",
	.params = &abandon_fields,
	.repeatable = true,
};

struct take_params {
	const char *place;
	const char *holder;
	int64_t lease_s;
	int64_t limit;
};
static const struct field take_field[] = {
	FIELD(struct take_params, place),
	FIELD(struct take_params, holder),
	FIELD(struct take_params, lease_s),
	FIELD(struct take_params, limit),
};
static const struct fields take_fields = FIELDS(struct take_params, take_field);

const struct statement take_issuances = {
	.name = "take_issuances",
	.sql = "SELECT * FROM ca.take_issuances($1, $2, $3, $4)",
	.params = &take_fields,
	.row = &begun_fields,
};

/* Unless it was begun less than after_s ago. With a context of its own: the error in c is the caller's. */
static void abandon(const struct ctx *c, const struct begun *begun, int64_t after_s)
{
	struct ctx own;
	ctx_init(&own);
	own.request_id = c->request_id;
	const struct abandon_params params = {
		.id = begun->certificate_id,
		.why = c->err.cause == NULL ? c->err.detail : c->err.cause,
		.after_s = after_s,
		.process = ca.process,
	};
	if (db_run(&own, &abandon_issuance, &params) != 0) {
		log_error(&own, LOG_ERROR, "an issuance that is given up can't be closed");
	}
	ctx_done(&own);
}

static int record(struct ctx *c, const struct begun *begun, struct bytes der, struct bytes *ret_der)
{
	struct der_row row;
	bool found = false;
	const struct complete_params params = {
		.id = begun->certificate_id,
		.der = der,
		.facts = { "cairn " CAIRN_VERSION, (int64_t) lint_count(), ca.config->policy.mode, linters_set(c->arena) },
		.process = ca.process,
		.event_id = id_new(),
	};
	TRY(db_row(c, &complete_issuance, &params, &row, &found));
	if (!found) {
		return ctx_fault(c, "complete_issuance gave no row");
	}
	metric_add(METRIC_certificates_issued, begun->issuer, 1);
	*ret_der = row.der.n == 0 ? der : row.der;
	return 0;
}

bool issuance_is_precertificate(struct ctx *c, const struct begun *begun)
{
	struct precert_parts parts;
	if (precert_split(c, begun->tbs, &parts) != 0) {
		ctx_forgive(c);
		return false; /* the signer says what is wrong with it */
	}
	return parts.poisoned;
}

struct issue_certificate_response issuance_response(const struct begun *begun)
{
	const struct issuer *issuer = begun->der.n == 0 ? issuer_find(&ca.issuers, begun->issuer) : NULL;
	return (struct issue_certificate_response) {
		.certificate_id = begun->certificate_id,
		.serial = begun->serial,
		.not_before = begun->not_before,
		.not_after = begun->not_after,
		.certificate = begun->der,
		.precertificate = begun->der.n == 0 ? begun->precertificate : (struct bytes) { NULL, 0 },
		.issuer = issuer != NULL ? issuer->info.der : (struct bytes) { NULL, 0 },
		.chain = issuer != NULL ? issuer->chain : NULL,
	};
}

static int sign(struct ctx *c, const struct begun *begun, const struct issuer *issuer, struct bytes *ret_der)
{
	if (issuance_is_precertificate(c, begun)) {
		return signer_sign_precertificate(c, issuer, begun->profile, begun->tbs, ret_der);
	}
	if (begun->precertificate.n > 0) {
		const struct bytes object[] = { begun->precertificate, begun->tbs };
		return signer_sign_promised(c, issuer, begun->profile, object, ret_der);
	}
	return signer_sign_certificate(c, issuer, begun->profile, begun->tbs, ret_der);
}

/* Why it can't be signed any more, or NULL. */
static const char *too_late(struct ctx *c, const struct begun *begun)
{
	if (timestamp_add_s(id_time(begun->certificate_id), SIGN_WITHIN_S).us <= clock_now().us) {
		return "it was begun over an hour ago"; /* C-36: its id was made just before its bytes were fixed */
	}
	if (begun->precertificate.n > 0 && issuance_is_precertificate(c, begun)) {
		return "the logs gave too few SCTs for an hour"; /* D-57, H-12 */
	}
	return NULL;
}

int issuance_finish(struct ctx *c, struct begun *begun)
{
	const struct issuer *issuer = issuer_find(&ca.issuers, begun->issuer);
	TRY(steady_check(c)); /* F-47; the octets wait for a clock that is right */
	const char *late = too_late(c, begun);
	if (late != NULL) {
		(void) ctx_fault(c, "%s", late);
		abandon(c, begun, 0);
		return -1;
	}
	if (issuer == NULL) {
		(void) ctx_fault(c, "the issuer %s is not in this configuration", begun->issuer);
		abandon(c, begun, SIGN_WITHIN_S);
		return -1;
	}
	struct bytes der;
	if (sign(c, begun, issuer, &der) != 0) {
		if (c->err.type != PROBLEM_UNAVAILABLE) { /* a token that is away comes back, and these bytes wait for it */
			refuse_signature(c, begun->certificate_id);
		}
		return -1;
	}
	return issuance_is_precertificate(c, begun) ? promise_record(c, begun, der) : record(c, begun, der, &begun->der);
}

/* Of those that are due first; gives how many there were, and adds those that are complete now. */
static int complete_some(struct ctx *c, size_t *ret_n, size_t *completed)
{
	const struct take_params params = { ca.place, ca.instance, CA_LEASE_S, AT_ONCE };
	struct begun *rows = NULL;
	TRY(db_rows(c, &take_issuances, &params, &rows, ret_n));
	for (size_t i = 0; i < *ret_n; i++) {
		struct ctx own; /* one that fails must not hold up the others */
		ctx_init(&own);
		if (issuance_finish(&own, &rows[i]) == 0) {
			(*completed)++;
			log_event(&own, LOG_WARN, "an issuance was completed that another run had begun", NULL);
		} else {
			log_error(&own, LOG_ERROR, "an issuance can't be completed");
		}
		ctx_done(&own);
	}
	return 0;
}

int ca_complete_lapsed(struct ctx *c, size_t *ret_completed)
{
	size_t completed = 0;
	size_t n = AT_ONCE;
	while (n == AT_ONCE && !atomic_load(&ca.stopping) && clock_monotonic_us() < c->deadline_us) {
		TRY(complete_some(c, &n, &completed));
	}
	*ret_completed = completed;
	return 0;
}
