/* One CRL for each issuer: when none stands, each crl_period_s, and as soon as a revocation is recorded. */
#include "lib/crypto/crl.h"

#include <stdatomic.h>
#include <string.h>

#include "ca/ca.h"
#include "ca/signer.h"
#include "ca/statements.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "policy/lints.h"

#define SHARD 0
#define CRL_LEASE_S 30

struct shard_params {
	const char *issuer;
	int64_t shard;
};
static const struct field shard_field[] = { FIELD(struct shard_params, issuer), FIELD(struct shard_params, shard) };
static const struct fields shard_fields = FIELDS(struct shard_params, shard_field);

struct crl_state_row {
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	bool changed;
};
static const struct field crl_state_field[] = {
	FIELD(struct crl_state_row, number),
	FIELD(struct crl_state_row, this_update),
	FIELD(struct crl_state_row, next_update),
	FIELD(struct crl_state_row, changed),
};
static const struct fields crl_state_fields = FIELDS(struct crl_state_row, crl_state_field);

const struct statement crl_state = {
	.name = "crl_state",
	.sql = "SELECT number, this_update, next_update, changed FROM ca.crl_state($1, $2)",
	.params = &shard_fields,
	.row = &crl_state_fields,
	.repeatable = true,
};

struct lease_params {
	const char *duty;
	const char *holder;
	int64_t seconds;
};
static const struct field lease_field[] = {
	FIELD(struct lease_params, duty),
	FIELD(struct lease_params, holder),
	FIELD(struct lease_params, seconds),
};
static const struct fields lease_fields = FIELDS(struct lease_params, lease_field);

struct taken_row {
	bool taken;
};
static const struct field taken_field[] = { FIELD(struct taken_row, taken) };
static const struct fields taken_fields = FIELDS(struct taken_row, taken_field);

const struct statement take_crl_lease = {
	.name = "take_crl_lease",
	.sql = "SELECT cairn.take_lease($1, $2, $3) AS taken",
	.params = &lease_fields,
	.row = &taken_fields,
	.repeatable = true,
};

struct revoked {
	int64_t previous;
	struct timestamp covers_until;
	struct bytes_list serials;
	struct int_list revoked_at; /* seconds since 1970 */
	struct int_list reasons;
};
static const struct field revoked_field[] = {
	FIELD(struct revoked, previous),
	FIELD(struct revoked, covers_until),
	FIELD(struct revoked, serials),
	FIELD(struct revoked, revoked_at),
	FIELD(struct revoked, reasons),
};
static const struct fields revoked_fields = FIELDS(struct revoked, revoked_field);

const struct statement read_revoked = {
	.name = "read_revoked",
	.sql = "SELECT previous, covers_until, serials, revoked_at, reasons FROM ca.read_revoked($1, $2)",
	.params = &shard_fields,
	.row = &revoked_fields,
	.repeatable = true,
};

struct publish_params {
	const char *issuer;
	int64_t shard;
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	struct bytes_list serials;
	struct timestamp covers_until;
	struct bytes der;
	const char *holder;
	const char *process;
};
static const struct field publish_field[] = {
	FIELD(struct publish_params, issuer),
	FIELD(struct publish_params, shard),
	FIELD(struct publish_params, number),
	FIELD(struct publish_params, this_update),
	FIELD(struct publish_params, next_update),
	FIELD(struct publish_params, serials),
	FIELD(struct publish_params, covers_until),
	FIELD(struct publish_params, der),
	FIELD(struct publish_params, holder),
	FIELD(struct publish_params, process),
};
static const struct fields publish_fields = FIELDS(struct publish_params, publish_field);

/* Not repeatable: a second run would find the first one's number taken. The next look at the state shows what is. */
const struct statement publish_crl = {
	.name = "publish_crl",
	.sql = "SELECT ca.publish_crl($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.params = &publish_fields,
};

/* When the first of the newest CRLs ends, in microseconds; 0: an issuer has none. */
static _Atomic int64_t stand_until_us;

bool ca_crls_stand(void)
{
	return atomic_load(&stand_until_us) > clock_now().us;
}

static int to_entries(struct ctx *c, const struct revoked *revoked, struct crl_entries *ret)
{
	size_t n = revoked->serials.n;
	if (revoked->revoked_at.n != n || revoked->reasons.n != n) {
		return ctx_fault(c, "the lists of revoked certificates differ in length");
	}
	struct crl_entries entries = { ARENA_ARRAY(c->arena, n, struct crl_entry), n };
	for (size_t i = 0; i < n; i++) {
		entries.v[i] = (struct crl_entry) {
			.serial = revoked->serials.v[i],
			.revoked_at = { revoked->revoked_at.v[i] * 1000000 },
			.reason = revoked->reasons.v[i],
		};
	}
	*ret = entries;
	return 0;
}

static int build(struct ctx *c, const struct issuer *issuer, const struct revoked *revoked, struct bytes *ret_tbs)
{
	struct timestamp now = clock_now();
	now.us -= now.us % 1000000;
	struct crl_template t = {
		.sigalg = sigalg_of_key(issuer->public_key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.this_update = now,
		.next_update = timestamp_add_s(now, ca.config->ca.crl_life_s - 1),
		.number = (uint64_t) revoked->previous + 1,
		.url = issuer->config->crl_url,
	};
	TRY(to_entries(c, revoked, &t.entries));
	TRY(crl_build_tbs(c, &t, ret_tbs));
	const struct lint_options options = { .mode = ca.mode, .now = clock_now(), .issuer = &issuer->info };
	return lint_crl(c, *ret_tbs, &options);
}

/* E-29: what is stored is what was asked for, signed by the issuer, under the URL of its certificates. */
static int check_made(
    struct ctx *c, const struct issuer *issuer, const struct revoked *revoked, struct bytes der, struct crl_info *ret)
{
	TRY(crl_parse(c, der, ret));
	TRY(crl_verify_signature(c, ret, issuer->public_key));
	if (ret->number != (uint64_t) revoked->previous + 1 || ret->entries.n != revoked->serials.n || ret->url == NULL ||
	    strcmp(ret->url, issuer->config->crl_url) != 0) {
		return ctx_fault(c, "the CRL of %s is not the one that was to be made", issuer->config->name);
	}
	return 0;
}

static int make(struct ctx *c, const struct issuer *issuer)
{
	const struct shard_params shard = { issuer->config->name, SHARD };
	struct revoked revoked;
	struct bytes tbs;
	struct bytes der;
	struct crl_info info;
	bool found = false;
	TRY(db_row(c, &read_revoked, &shard, &revoked, &found));
	TRY(build(c, issuer, &revoked, &tbs));
	TRY(signer_sign_crl(c, issuer, tbs, &der));
	TRY(check_made(c, issuer, &revoked, der, &info));
	const struct publish_params params = {
		.issuer = issuer->config->name,
		.shard = SHARD,
		.number = (int64_t) info.number,
		.this_update = info.this_update,
		.next_update = info.next_update,
		.serials = revoked.serials,
		.covers_until = revoked.covers_until,
		.der = der,
		.holder = ca.instance,
		.process = ca.process,
	};
	TRY(db_run(c, &publish_crl, &params));
	metric_add(METRIC_crls_published, issuer->config->name, 1);
	return 0;
}

static bool is_due(const struct crl_state_row *state, bool found)
{
	struct timestamp next = timestamp_add_s(state->this_update, ca.config->ca.crl_period_s); /* E-22 */
	return !found || state->changed || clock_now().us >= next.us;
}

/* Makes the CRL of one issuer when it is due and no other instance does; ret_ends: when the newest one ends, 0: none. */
static int look_after(struct ctx *c, const struct issuer *issuer, int64_t *ret_ends)
{
	const char *name = issuer->config->name;
	const struct shard_params shard = { name, SHARD };
	struct crl_state_row state;
	struct taken_row lease;
	bool found = false;
	TRY(db_row(c, &crl_state, &shard, &state, &found));
	if (is_due(&state, found)) {
		const struct lease_params params = { arena_printf(c->arena, "crl/%s", name), ca.instance, CRL_LEASE_S };
		bool answered = false;
		TRY(db_row(c, &take_crl_lease, &params, &lease, &answered));
		if (lease.taken) {
			TRY(make(c, issuer));
			TRY(db_row(c, &crl_state, &shard, &state, &found));
		}
	}
	metric_set(METRIC_crl_next_update_seconds, name, (state.next_update.us - clock_now().us) / 1000000);
	*ret_ends = found ? state.next_update.us : 0;
	return 0;
}

int ca_make_crls(struct ctx *c)
{
	int64_t first_end = INT64_MAX;
	size_t failed = 0;
	for (size_t i = 0; i < ca.issuers.n; i++) {
		struct ctx own; /* the trouble of one issuer must not keep the others' revocations from being seen */
		int64_t ends = 0;
		ctx_init(&own);
		if (look_after(&own, &ca.issuers.v[i], &ends) != 0) {
			log_error(&own, LOG_ERROR, "a CRL can't be made");
			failed++;
		} else if (ends < first_end) {
			first_end = ends;
		}
		ctx_done(&own);
	}
	if (failed > 0) {
		return ctx_fault(c, "%zu CRLs can't be made", failed);
	}
	atomic_store(&stand_until_us, first_end);
	return 0;
}
