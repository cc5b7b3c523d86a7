#include "ca/promise.h"

#include "ca/ca.h"
#include "ca/statements.h"
#include "lib/crypto/digest.h"
#include "lib/ct/log_file.h"
#include "lib/ct/precert.h"
#include "lib/rpc/handlers.h"
#include "policy/ct.h"

/* Who asked for the precertificate has the logs to itself for so long; then a job takes over, at once when it is its own next run. */
#define ASKED_S 30

struct record_params {
	struct id id;
	struct bytes der;
	int64_t within_s;
	int64_t asked_s;
	const char *process;
	const char *asked_by;
};
static const struct field record_field[] = {
	FIELD(struct record_params, id),
	FIELD(struct record_params, der),
	FIELD(struct record_params, within_s),
	FIELD(struct record_params, asked_s),
	FIELD(struct record_params, process),
	FIELD(struct record_params, asked_by),
};
static const struct fields record_fields = FIELDS(struct record_params, record_field);

struct recorded_row {
	struct bytes der;
};
static const struct field recorded_field[] = { FIELD(struct recorded_row, der) };
static const struct fields recorded_fields = FIELDS(struct recorded_row, recorded_field);

/* Repeatable: the precertificate that was recorded first is the answer. */
const struct statement record_precertificate = {
	.name = "record_precertificate",
	.sql = "SELECT ca.record_precertificate($1, $2, $3, $4, $5, $6) AS der",
	.params = &record_fields,
	.row = &recorded_fields,
	.repeatable = true,
};

struct fix_params {
	struct id id;
	struct bytes precertificate;
	struct bytes tbs;
	struct bytes sct_list;
	const char *holder;
	int64_t lease_s;
	struct submission_list submissions;
	bool watched;
	const char *process;
};
static const struct field fix_field[] = {
	FIELD(struct fix_params, id),
	FIELD(struct fix_params, precertificate),
	FIELD(struct fix_params, tbs),
	FIELD(struct fix_params, sct_list),
	FIELD(struct fix_params, holder),
	FIELD(struct fix_params, lease_s),
	FIELD_STRUCTS(struct fix_params, submissions, &submission_fields),
	FIELD(struct fix_params, watched),
	FIELD(struct fix_params, process),
};
static const struct fields fix_fields = FIELDS(struct fix_params, fix_field);

/* Repeatable: what was fixed first stays; who fixed it by a call whose answer is lost waits until its lease lapses. */
const struct statement fix_certificate = {
	.name = "fix_certificate",
	.sql = "SELECT * FROM ca.fix_certificate($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	.params = &fix_fields,
	.row = &begun_fields,
	.repeatable = true,
};

int promise_record(struct ctx *c, struct begun *begun, struct bytes der)
{
	const struct record_params params = { begun->certificate_id, der, SIGN_WITHIN_S, ASKED_S, ca.process,
		begun->asker };
	struct recorded_row row;
	bool found = false;
	TRY(db_row(c, &record_precertificate, &params, &row, &found));
	if (!found || row.der.n == 0) {
		return FAIL(c, UNAVAILABLE, "The certificate is being signed");
	}
	begun->precertificate = row.der;
	return 0;
}

/* The issuer of ours that signed it. */
static const struct issuer *issuer_of(struct ctx *c, const struct cert_info *info)
{
	for (size_t i = 0; i < ca.issuers.n; i++) {
		const struct issuer *one = &ca.issuers.v[i];
		if (bytes_equal(one->info.subject_key_id, info->authority_key_id) &&
		    cert_verify_signature(c, info, one->public_key) == 0) {
			return one;
		}
		ctx_forgive(c);
	}
	return NULL;
}

/* H-3, H-10, H-12, D-57: looked at here once more, where the signature is. */
static int check_scts(struct ctx *c, const struct cert_info *info, struct bytes plain, struct bytes sct_list)
{
	const struct ct_log_list *logs = log_file_list();
	const struct issuer *issuer = issuer_of(c, info);
	uint8_t key_hash[SHA256_SIZE];
	if (logs == NULL) {
		return FAIL(c, UNAVAILABLE, "There is no list of logs");
	}
	if (issuer == NULL) {
		return ctx_fault(c, "the precertificate is of no issuer in this configuration");
	}
	const char *stale = ct_list_refusal(logs, clock_now());
	if (stale != NULL) {
		ctx_cause(c, "%s", stale);
		return FAIL(c, UNAVAILABLE, "The list of logs can't be used");
	}
	sha256_of(issuer->info.spki, key_hash);
	const struct ct_case o = {
		.logs = logs,
		.not_before = info->not_before,
		.not_after = info->not_after,
		.now = clock_now(),
		.entry = { true, plain, { key_hash, sizeof(key_hash) } },
	};
	return ct_check_list(c, &o, sct_list);
}

int ca_embed_scts_serve(struct ctx *c, const struct embed_scts_request *in, struct issue_certificate_response *ret)
{
	struct cert_info info;
	struct precert_parts parts;
	struct begun begun;
	bool found = false;
	struct fix_params params = {
		.id = in->certificate_id,
		.precertificate = in->precertificate,
		.sct_list = in->sct_list,
		.holder = ca.instance,
		.lease_s = CA_LEASE_S,
		.submissions = in->submissions,
		.watched = ca.config->ct.monitor,
		.process = ca.process,
	};
	TRY(cert_parse(c, in->precertificate, &info));
	TRY(precert_split(c, info.tbs, &parts));
	if (!parts.poisoned) {
		return ctx_fault(c, "it is no precertificate");
	}
	TRY(check_scts(c, &info, parts.plain, in->sct_list));
	TRY(precert_embed(c, parts.plain, in->sct_list, &params.tbs));
	TRY(db_row(c, &fix_certificate, &params, &begun, &found));
	if (!found) {
		return ctx_fault(c, "fix_certificate gave no row");
	}
	if (begun.mine) {
		TRY(issuance_finish(c, &begun));
	}
	if (begun.der.n == 0) {
		return FAIL(c, UNAVAILABLE, "The certificate is being signed");
	}
	*ret = issuance_response(&begun);
	return 0;
}
