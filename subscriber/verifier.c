#include "subscriber/verifier.h"

#include <string.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/seal/audit_check.h"
#include "lib/seal/audit_seal_rows.h"
#include "subscriber/keeper.h"

#define LEASE_S 300
#define PAUSE_MS 1000
#define PIECE_S 30
#define PAGE_ROWS INT64_C(50000) /* of a page of a table, when leaves are done (audit_read_strays) */
#define PAGE_MAX_US 1000000
#define NAP_US 100000
#define LOOKS 3
#define RENEW_US 60000000
#define ROUND_LIMIT_MS 86400000 /* the end of a pass looks at all tables */

static struct verifier own;
static struct verifying own_state;
static int64_t own_idle_until_us;
static int64_t own_interval_s;
static struct rounds *own_thread;

struct next_params {
	int64_t every_s;
};
static const struct field next_param[] = { FIELD(struct next_params, every_s) };
static const struct fields next_params_fields = FIELDS(struct next_params, next_param);

struct place {
	int64_t size;
	struct bytes root;
	bool whole;
};
static const struct field place_field[] = {
	FIELD(struct place, size),
	FIELD(struct place, root),
	FIELD(struct place, whole),
};
static const struct fields place_fields = FIELDS(struct place, place_field);

static const struct statement next_statement = {
	.name = "next_seal_check",
	.sql = "SELECT * FROM log.next_seal_check($1)",
	.params = &next_params_fields,
	.row = &place_fields,
	.repeatable = true,
};

struct record_params {
	const char *holder;
	int64_t before;
	int64_t size;
	struct bytes root;
	bool whole;
	int64_t found;
	const char *what;
};
static const struct field record_param[] = {
	FIELD(struct record_params, holder),
	FIELD(struct record_params, before),
	FIELD(struct record_params, size),
	FIELD(struct record_params, root),
	FIELD(struct record_params, whole),
	FIELD(struct record_params, found),
	FIELD(struct record_params, what),
};
static const struct fields record_params_fields = FIELDS(struct record_params, record_param);

struct recorded {
	int64_t differences;
};
static const struct field recorded_field[] = { FIELD(struct recorded, differences) };
static const struct fields recorded_fields = FIELDS(struct recorded, recorded_field);

/* Not repeatable: a second run finds another place on record. The next round goes on from there. */
static const struct statement record_statement = {
	.name = "record_seal_check",
	.sql = "SELECT differences FROM log.record_seal_check($1, $2, $3, $4, $5, $6, $7)",
	.params = &record_params_fields,
	.row = &recorded_fields,
};

const struct statement *const verifier_statements[] = { &next_statement, &record_statement };
const size_t verifier_n_statements = COUNT_OF(verifier_statements);

static int take_lease(struct ctx *c, const struct verifier *v, bool *ret_taken)
{
	const struct lease_params lease = { "verify", v->instance, LEASE_S };
	struct lease_row taken;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &taken, &found));
	*ret_taken = taken.taken;
	return 0;
}

/* What a round remembers on its way. */
struct pacing {
	const struct verifier *v;
	uint64_t from;
	int64_t begun_us;
	int64_t leased_us;
};

static bool keep_lease(struct pacing *p)
{
	bool taken = false;
	if (clock_monotonic_us() - p->leased_us < RENEW_US) {
		return true;
	}
	struct ctx c;
	ctx_init(&c);
	bool kept = take_lease(&c, p->v, &taken) == 0 && taken;
	ctx_done(&c);
	p->leased_us = clock_monotonic_us();
	return kept;
}

static bool is_wanted(const struct verifier *v)
{
	return v->thread == NULL || rounds_go_on(v->thread);
}

/* When the next piece may be begun. */
static int64_t due_us(const struct pacing *p, const struct audit_step *step)
{
	int64_t now_us = clock_monotonic_us();
	int64_t page_us = PAGE_ROWS * 1000000 / p->v->per_s;
	return step->doing == AUDIT_LEAVES ? p->begun_us + (int64_t) (step->done - p->from) * 1000000 / p->v->per_s
	                                   : now_us + (page_us < PAGE_MAX_US ? page_us : PAGE_MAX_US);
}

/* Waits as long as it was faster than it may be. */
static bool go_on(void *arg, const struct audit_step *step)
{
	struct pacing *p = arg;
	int64_t until_us = due_us(p, step);
	for (int64_t us = until_us - clock_monotonic_us(); us > 0 && is_wanted(p->v);
	     us = until_us - clock_monotonic_us()) {
		const struct timespec nap = { 0, (us < NAP_US ? us : NAP_US) * 1000 };
		(void) nanosleep(&nap, NULL);
	}
	return is_wanted(p->v) && keep_lease(p);
}

/* The first finding, for people. */
static const char *first_of(struct arena *a, const struct audit_report *r)
{
	if (r->findings.n == 0) {
		return NULL;
	}
	const struct audit_finding *f = &r->findings.v[0];
	const char *at = f->table == NULL ? "" : arena_printf(a, " %s %s", f->table, f->row == NULL ? "" : f->row);
	return arena_printf(a, "%s%s: %s", f->what, at, f->text);
}

/* Of the leaves up to there. Where something was found, the tiles above them may tell of other leaves; to go on from there, what they tell. */
static struct bytes root_of(struct ctx *c, const struct audit_reached *reached, bool found)
{
	struct tile_source tiles = audit_tiles();
	struct merkle_hash root = reached->head.root;
	tiles.size = reached->head.size;
	if (found && tiles.size > 0 && tiles_root(c, &tiles, tiles.size, &root) != 0) {
		ctx_forgive(c);
		root = reached->head.root;
	}
	return arena_bytes(c->arena, root.b, tiles.size == 0 ? 0 : SHA256_SIZE);
}

static int record(struct ctx *c, const struct verifier *v, const struct place *place,
    const struct audit_reached *reached, const struct audit_report *report)
{
	struct recorded row;
	bool found = false;
	const struct record_params params = {
		.holder = v->instance,
		.before = place->size,
		.size = (int64_t) reached->head.size,
		.root = root_of(c, reached, report->found > 0),
		.whole = (int64_t) reached->head.size >= place->size && (place->whole || reached->end),
		.found = report->found,
		.what = first_of(c->arena, report),
	};
	TRY(db_row(c, &record_statement, &params, &row, &found));
	metric_set(METRIC_log_verified, "", params.size);
	metric_set(METRIC_log_differs, "", row.differences);
	if (report->found > 0) {
		log_event(c, LOG_ERROR, "the log is not as it was sealed", "what", params.what, NULL);
	}
	return 0;
}

int verifier_round(struct ctx *c, const struct verifier *v, struct verifying *state)
{
	const struct next_params next = { v->every_s };
	struct pacing pacing = { .v = v, .begun_us = clock_monotonic_us(), .leased_us = clock_monotonic_us() };
	struct audit_report report;
	struct audit_reached reached = { .end = false };
	struct place place;
	bool taken = false;
	bool found = false;
	state->done = 0;
	TRY(take_lease(c, v, &taken));
	if (!taken) {
		return 0;
	}
	TRY(db_row(c, &next_statement, &next, &place, &found));
	if (!found) {
		return ctx_fault(c, "cairn.seal_check has no row: somebody deleted it");
	}
	pacing.from = (uint64_t) place.size;
	struct audit_trust trust = {
		.key = v->key,
		.from = { .size = place.root.n == SHA256_SIZE ? (uint64_t) place.size : 0 },
		.pace = { go_on, &pacing, (uint64_t) v->piece, true, true, place.whole },
	};
	if (trust.from.size > 0) {
		memcpy(trust.from.root.b, place.root.p, SHA256_SIZE);
	}
	audit_report_init(&report, c->arena);
	TRY(audit_check_database(c, &trust, &report, &reached));
	state->done = report.entries;
	state->found = report.found > 0 ? state->found + 1 : 0;
	if (report.stopped || (state->found > 0 && state->found < LOOKS)) {
		return 0;
	}
	state->found = 0;
	return record(c, v, &place, &reached, &report);
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	struct verifier v = own;
	v.thread = self;
	if (clock_monotonic_us() < own_idle_until_us) {
		return 0;
	}
	int result = verifier_round(c, &v, &own_state);
	if (result != 0 || (own_state.done < v.piece && own_state.found == 0)) {
		own_idle_until_us = clock_monotonic_us() + own_interval_s * 1000000;
	}
	return result;
}

int verifier_start(struct ctx *c, const struct config *config, const char *instance, const struct note_key *key)
{
	own = (struct verifier) {
		.instance = instance,
		.key = key,
		.per_s = config->subscriber.verify_per_s,
		.piece = config->subscriber.verify_per_s * PIECE_S,
		.every_s = config->subscriber.verify_every_s,
	};
	own_interval_s = config->subscriber.verify_interval_s;
	const struct rounds_of of = { round_of_thread, "the log could not be compared with its seal", PAUSE_MS,
		ROUND_LIMIT_MS };
	own_thread = rounds_start(c, &of);
	return own_thread == NULL ? -1 : 0;
}

void verifier_stop(void)
{
	rounds_stop(own_thread);
	own_thread = NULL;
}
