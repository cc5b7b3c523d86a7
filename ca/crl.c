/* The CRLs of all shards: when one has none, each crl_period_s, as soon as a revocation is recorded, and when an operator asks. */
#include "lib/crypto/crl.h"

#include <stdatomic.h>
#include <string.h>

#include "ca/ca.h"
#include "ca/crl_rows.h"
#include "ca/refuse.h"
#include "ca/signer.h"
#include "ca/steady.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/digest.h"
#include "policy/lints.h"

/* Between CRLs that are made out of turn: so many times as long as the last one took, but far below the two minutes in which a revocation is
 * to arrive (E-22). */
#define PAUSE_TIMES 20
#define PAUSE_MAX_MS 60000
#define LINT_TWICE_MAX 100000 /* entries; of more, a look takes a second, and the signer's is enough */

/* When the first of the newest CRLs ends, in microseconds; 0: a shard has none. */
static _Atomic int64_t stand_until_us;

bool ca_crls_stand(void)
{
	return atomic_load(&stand_until_us) > clock_now().us;
}

static struct crl_entries to_entries(struct ctx *c, const struct revoked *revoked)
{
	size_t n = revoked->serials.n;
	struct crl_entries entries = { ARENA_ARRAY(c->arena, n, struct crl_entry), n };
	for (size_t i = 0; i < n; i++) {
		entries.v[i] = (struct crl_entry) {
			.serial = revoked->serials.v[i],
			.revoked_at = { revoked->revoked_at.v[i] * 1000000 },
			.reason = revoked->reasons.v[i],
		};
	}
	return entries;
}

/* What is to be signed, all but its octets. */
static int plan(struct ctx *c, const struct issuer *issuer, const struct crl_state *shard,
    const struct crl_begun *begun, struct crl_template *ret)
{
	struct timestamp now = clock_now();
	struct revoked revoked;
	now.us -= now.us % 1000000;
	*ret = (struct crl_template) {
		.sigalg = sigalg_of_key(issuer->public_key),
		.issuer_name = issuer->info.subject,
		.issuer_key_id = issuer->info.subject_key_id,
		.this_update = now,
		.next_update = timestamp_add_s(now, ca.config->ca.crl_life_s - 1),
		.number = (uint64_t) begun->number,
		.url = shard->url, /* E-24: that of its certificates, octet for octet */
	};
	TRY(crl_read_revoked(c, shard, &revoked));
	ret->entries = to_entries(c, &revoked);
	return 0;
}

static bool same_entries(const struct crl_entries *a, const struct crl_entries *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		same = bytes_equal(a->v[i].serial, b->v[i].serial) && a->v[i].reason == b->v[i].reason &&
		       a->v[i].revoked_at.us == b->v[i].revoked_at.us;
	}
	return same;
}

/* E-29: what was signed is what was asked for, entry by entry, signed by the issuer, under the URL of its certificates. */
static int check_made(
    struct ctx *c, const struct issuer *issuer, const struct crl_template *t, struct bytes tbs, struct crl_info *made)
{
	TRY(crl_verify_signature(c, made, issuer->public_key));
	if (!bytes_equal(made->tbs, tbs) || made->number != t->number || made->url == NULL ||
	    strcmp(made->url, t->url) != 0 || !same_entries(&made->entries, &t->entries)) {
		return ctx_fault(c, "the CRL of %s is not the one that was to be made", issuer->config->name);
	}
	return 0;
}

static int refused(struct ctx *c, const struct crl_state *shard)
{
	if (c->err.type == PROBLEM_SERVER_INTERNAL) { /* a token that is away comes back */
		refuse_crl(c, shard->issuer, shard->shard);
	}
	return -1;
}

static int sign(struct ctx *c, const struct issuer *issuer, const struct crl_state *shard, const struct crl_template *t,
    struct crl_record *record)
{
	uint8_t *tbs_sha256 = arena_alloc(c->arena, SHA256_SIZE);
	struct bytes tbs;
	struct crl_info made;
	const struct lint_options options = { .mode = ca.mode, .now = clock_now(), .issuer = &issuer->info };
	TRY(crl_build_tbs(c, t, &tbs));
	/* the signer does this again (F-33); here it keeps bad octets off the record */
	if (t->entries.n <= LINT_TWICE_MAX && lint_crl(c, tbs, &options) != 0) {
		return refused(c, shard);
	}
	sha256_of(tbs, tbs_sha256);
	record->tbs_sha256 = (struct bytes) { tbs_sha256, SHA256_SIZE };
	TRY(crl_fix(c, shard, record));
	if (signer_sign_crl(c, issuer, tbs, &record->der) != 0 || crl_parse(c, record->der, &made) != 0 ||
	    check_made(c, issuer, t, tbs, &made) != 0) {
		return refused(c, shard);
	}
	record->tbs_at = made.tbs.p - record->der.p;
	record->tbs_n = (int64_t) made.tbs.n;
	return 0;
}

static int make(
    struct ctx *c, const struct issuer *issuer, const struct crl_state *shard, const char *why, bool *ret_made)
{
	int64_t since_us = clock_monotonic_us();
	struct crl_begun begun;
	struct crl_template t;
	bool taken = false;
	TRY(steady_check(c));
	TRY(crl_begin(c, shard, &begun, &taken));
	if (!taken) {
		return 0;
	}
	TRY(plan(c, issuer, shard, &begun, &t));
	struct crl_record record = {
		.number = begun.number,
		.this_update = t.this_update,
		.next_update = t.next_update,
		.entries = (int64_t) t.entries.n,
		.covers_until = begun.covers_until,
		.why = why,
	};
	TRY(sign(c, issuer, shard, &t, &record));
	record.made_ms = (clock_monotonic_us() - since_us) / 1000;
	TRY(crl_publish(c, shard, &record));
	metric_add(METRIC_crls_published, shard->issuer, 1);
	if (record.der.n >= CRL_LARGE) {
		log_event(c, LOG_WARN, "a CRL is larger than root programs take, and wants more shards", "crl", shard->url,
		    "octets", arena_printf(c->arena, "%zu", record.der.n), NULL);
	}
	metric_observe_us(METRIC_crl_seconds, shard->issuer, clock_monotonic_us() - since_us);
	*ret_made = true;
	return 0;
}

static bool pause_is_over(const struct crl_state *shard)
{
	int64_t pause_ms = shard->made_ms * PAUSE_TIMES;
	pause_ms = pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms;
	int64_t age_us = clock_now().us - shard->this_update.us;
	return age_us < 0 || age_us >= pause_ms * 1000;
}

/* Why a CRL is to be made now, or NULL. A clock that was set back makes one at once. */
static const char *why_due(const struct crl_state *shard)
{
	int64_t now_us = clock_now().us;
	if (shard->number == 0) {
		return "first";
	}
	if (now_us >= timestamp_add_s(shard->regular_update, ca.config->ca.crl_period_s).us || /* E-22 */
	    now_us < shard->this_update.us - (int64_t) PAUSE_MAX_MS * 1000) {
		return "schedule";
	}
	return !pause_is_over(shard) ? NULL : shard->changed ? "revocation" : shard->asked ? "asked" : NULL;
}

/* Makes the CRL of one shard when it is due and no other instance is at it (a run that follows another of the same instance need not
 * wait for the end of its lease, or a revocation would). */
static int look_after(const struct crl_state *shard, bool *ret_made)
{
	struct ctx own; /* the trouble of one must not keep the others' revocations from being seen */
	const char *why = why_due(shard);
	int result = 0;
	ctx_init(&own);
	if (why != NULL) {
		result = make(&own, issuer_find(&ca.issuers, shard->issuer), shard, why, ret_made);
	}
	if (result != 0) {
		log_error(&own, LOG_ERROR, "a CRL can't be made");
		metric_add(METRIC_crls_failed, shard->issuer, 1);
	}
	ctx_done(&own);
	return result;
}

/* How the CRLs of each issuer stand, for /metrics; gives when the first of all ends, 0: one is lacking. */
static int64_t tell(const struct crl_state_list *shards)
{
	int64_t first_end_us = INT64_MAX;
	int64_t now_us = clock_now().us;
	for (size_t i = 0; i < ca.issuers.n; i++) {
		const char *name = ca.issuers.v[i].config->name;
		int64_t ends_us = INT64_MAX;
		int64_t oldest_us = now_us;
		int64_t entries = 0;
		for (size_t k = 0; k < shards->n; k++) {
			const struct crl_state *one = &shards->v[k];
			if (strcmp(one->issuer, name) == 0) {
				ends_us = one->next_update.us < ends_us ? one->next_update.us : ends_us;
				oldest_us = one->this_update.us < oldest_us ? one->this_update.us : oldest_us;
				entries += one->entries;
			}
		}
		metric_set(METRIC_crl_next_update_seconds, name, (ends_us - now_us) / 1000000);
		metric_set(METRIC_crl_age_seconds, name, (now_us - oldest_us) / 1000000);
		metric_set(METRIC_crl_entries, name, entries);
		first_end_us = ends_us < first_end_us ? ends_us : first_end_us;
	}
	return first_end_us;
}

static struct text_list names_of_issuers(struct arena *a)
{
	struct text_list names = { ARENA_ARRAY(a, ca.issuers.n, const char *), ca.issuers.n };
	for (size_t i = 0; i < names.n; i++) {
		names.v[i] = ca.issuers.v[i].config->name;
	}
	return names;
}

int ca_make_crls(struct ctx *c)
{
	const struct text_list names = names_of_issuers(c->arena);
	struct crl_state_list shards;
	size_t failed = 0;
	bool made = false;
	TRY(crl_states_read(c, &names, &shards));
	for (size_t i = 0; i < shards.n; i++) {
		failed += look_after(&shards.v[i], &made) != 0 ? 1 : 0;
	}
	if (made) {
		TRY(crl_states_read(c, &names, &shards));
	}
	int64_t first_end_us = tell(&shards);
	if (failed > 0) {
		return ctx_fault(c, "%zu CRLs can't be made", failed);
	}
	atomic_store(&stand_until_us, first_end_us);
	return 0;
}
