#include "ra/promise.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "lib/ct/log_file.h"
#include "lib/ct/precert.h"
#include "lib/rpc/client.h"
#include "ra/logs.h"
#include "ra/ra.h"

#define ROUND_MS 2000
#define STOP_MS 200
#define STATE_ROUNDS 15 /* of look() */
#define LEASE_S 60
#define TAKE_MAX 10
#define AGAIN_PROMISE_S 5
#define AGAIN_FINAL_S 300

struct take_params {
	const char *holder;
	int64_t lease_s;
	int64_t limit;
};
static const struct field take_field[] = {
	FIELD(struct take_params, holder),
	FIELD(struct take_params, lease_s),
	FIELD(struct take_params, limit),
};
static const struct fields take_fields = FIELDS(struct take_params, take_field);

struct unlogged {
	struct id certificate_id;
	struct bytes der;
	bool final; /* a certificate; else a precertificate */
	const char *chain;
};
static const struct field unlogged_field[] = {
	FIELD(struct unlogged, certificate_id),
	FIELD(struct unlogged, der),
	FIELD(struct unlogged, final),
	FIELD(struct unlogged, chain),
};
static const struct fields unlogged_fields = FIELDS(struct unlogged, unlogged_field);

const struct statement ra_take_unlogged_statement = {
	.name = "take_unlogged",
	.sql = "SELECT * FROM ca.take_unlogged($1, $2, $3)",
	.params = &take_fields,
	.row = &unlogged_fields,
};

struct note_params {
	struct id certificate_id;
	bool final;
	bool logged;
	int64_t again_s;
	struct submission_list submissions;
	const char *process;
};
static const struct field note_field[] = {
	FIELD(struct note_params, certificate_id),
	FIELD(struct note_params, final),
	FIELD(struct note_params, logged),
	FIELD(struct note_params, again_s),
	FIELD_STRUCTS(struct note_params, submissions, &submission_fields),
	FIELD(struct note_params, process),
};
static const struct fields note_fields = FIELDS(struct note_params, note_field);

/* Repeatable: a second event says the same of the same submissions. */
const struct statement ra_note_submissions_statement = {
	.name = "note_submissions",
	.sql = "SELECT ca.note_submissions($1, $2, $3, $4, $5, $6)",
	.params = &note_fields,
	.repeatable = true,
};

struct state_row {
	int64_t waiting;
	int64_t unlogged;
	int64_t overdue;
};
static const struct field state_field[] = {
	FIELD(struct state_row, waiting),
	FIELD(struct state_row, unlogged),
	FIELD(struct state_row, overdue),
};
static const struct fields state_fields = FIELDS(struct state_row, state_field);

const struct statement ra_logs_state_statement = {
	.name = "logs_state",
	.sql = "SELECT waiting, unlogged, overdue FROM ca.logs_state()",
	.row = &state_fields,
	.repeatable = true,
};

/* What logs are asked, and what they sign. */
struct promise {
	struct bytes_list chain; /* leaf first */
	uint8_t key_hash[SHA256_SIZE];
	struct ct_case o;
};

static int read_promise(struct ctx *c, const struct unlogged *in, struct promise *p)
{
	struct bytes_list above;
	struct cert_info leaf;
	struct cert_info issuer;
	struct precert_parts parts;
	TRY(cert_chain_of_pem(c, bytes_of_text(in->chain), &above));
	TRY(cert_parse(c, in->der, &leaf));
	TRY(cert_parse(c, above.v[0], &issuer));
	TRY(precert_split(c, leaf.tbs, &parts));
	p->chain = (struct bytes_list) { ARENA_ARRAY(c->arena, above.n + 1, struct bytes), above.n + 1 };
	p->chain.v[0] = in->der;
	memcpy(&p->chain.v[1], above.v, above.n * sizeof(above.v[0]));
	sha256_of(issuer.spki, p->key_hash);
	p->o = (struct ct_case) {
		.logs = log_file_list(),
		.not_before = leaf.not_before,
		.not_after = leaf.not_after,
		.now = clock_now(),
		.entry = { true, parts.plain, { p->key_hash, sizeof(p->key_hash) } },
	};
	if (in->final) {
		p->o.entry = (struct ct_entry) { .precertificate = false, .body = in->der };
	}
	return 0;
}

/* The logs of the configuration; none: all of the list. */
static struct text_list log_names(struct ctx *c)
{
	const struct config_ct_log_list *logs = &ra_get()->config->ct.logs;
	struct text_list names = { ARENA_ARRAY(c->arena, logs->n, const char *), logs->n };
	for (size_t i = 0; i < logs->n; i++) {
		names.v[i] = logs->v[i].description;
	}
	return names;
}

static int ask(struct ctx *c, const struct unlogged *in, struct submission_list *ret_done, struct sct_list *ret)
{
	struct promise p;
	const struct ct_log_list *logs = log_file_list();
	*ret_done = (struct submission_list) { NULL, 0 };
	if (logs == NULL || ct_list_refusal(logs, clock_now()) != NULL) { /* H-8 */
		ctx_cause(c, "%s", logs == NULL ? "there is none" : ct_list_refusal(logs, clock_now()));
		return FAIL(c, UNAVAILABLE, "The list of transparency logs can't be used");
	}
	TRY(read_promise(c, in, &p));
	const struct text_list names = log_names(c);
	const struct logs_question q = {
		.o = &p.o,
		.names = &names,
		.path = in->final ? "ct/v1/add-chain" : "ct/v1/add-pre-chain",
		.body = sct_question(c->arena, &p.chain),
		.wanted = in->final ? 1 : 0,
		.timeout_ms = ctx_left_ms(c, ra_get()->config->ct.timeout_ms),
		.ca_file = ra_get()->config->ct.ca_file,
	};
	return logs_ask(c, &q, ret_done, ret);
}

/* With a context of its own: the error in c is the caller's. */
static void note(const struct ctx *c, const struct unlogged *in, bool logged, const struct submission_list *done)
{
	struct ctx own;
	ctx_init(&own);
	own.request_id = c->request_id;
	const struct note_params params = {
		.certificate_id = in->certificate_id,
		.final = in->final,
		.logged = logged,
		.again_s = in->final ? AGAIN_FINAL_S : AGAIN_PROMISE_S,
		.submissions = *done,
		.process = ra_get()->instance,
	};
	if (db_run(&own, &ra_note_submissions_statement, &params) != 0) {
		log_error(&own, LOG_ERROR, "what transparency logs said can't be recorded");
	}
	ctx_done(&own);
}

static int keep(struct ctx *c, const struct unlogged *in, struct issue_certificate_response *ret)
{
	struct submission_list done;
	struct sct_list scts;
	if (ask(c, in, &done, &scts) != 0) {
		note(c, in, false, &done);
		return -1;
	}
	const struct embed_scts_request request = {
		.certificate_id = in->certificate_id,
		.precertificate = in->der,
		.sct_list = sct_list_encode(c->arena, &scts),
		.submissions = done,
	};
	if (rpc_ca_embed_scts(c, &request, ret) != 0) {
		note(c, in, false, &done); /* nothing where the CA has fixed the certificate */
		return -1;
	}
	return 0;
}

int promise_keep(struct ctx *c, struct issue_certificate_response *answer)
{
	const struct unlogged in = {
		.certificate_id = answer->certificate_id, .der = answer->precertificate, .chain = answer->chain
	};
	return keep(c, &in, answer);
}

/* H-13 */
static int show_certificate(struct ctx *c, const struct unlogged *in)
{
	struct submission_list done;
	struct sct_list scts;
	int result = ask(c, in, &done, &scts);
	note(c, in, result == 0, &done);
	return result;
}

static void work_on(const struct unlogged *in)
{
	struct ctx own; /* one that fails must not hold up the others */
	struct issue_certificate_response answer;
	ctx_init(&own);
	ctx_limit_ms(&own, LEASE_S * 1000 / 2);
	if ((in->final ? show_certificate(&own, in) : keep(&own, in, &answer)) != 0) {
		log_error(&own, LOG_WARN,
		    in->final ? "no transparency log takes a certificate" : "a precertificate still lacks SCTs");
	}
	ctx_done(&own);
}

static pthread_t thread;
static bool started;
static atomic_bool stopping;

/* H-13 */
static void tell_state(struct ctx *c)
{
	struct state_row row;
	bool found = false;
	if (db_row(c, &ra_logs_state_statement, NULL, &row, &found) != 0 || !found) {
		log_error(c, LOG_WARN, "how many certificates are in no transparency log can't be looked up");
		ctx_forgive(c);
		return;
	}
	if (row.overdue > 0) {
		log_event(c, LOG_ERROR, "certificates are in no transparency log a day after they were issued", "certificates",
		    arena_printf(c->arena, "%lld", (long long) row.overdue), NULL);
	}
	metric_set(METRIC_log_promises_waiting, NULL, row.waiting);
	metric_set(METRIC_log_unlogged, NULL, row.unlogged);
	metric_set(METRIC_log_overdue, NULL, row.overdue);
}

static void look(bool tells)
{
	struct ctx c;
	struct unlogged *rows = NULL;
	size_t n = 0;
	const struct take_params params = { ra_get()->instance, LEASE_S, 1 };
	ctx_init(&c);
	if (log_file_refresh(&c, ra_get()->config->ct.log_list_file) != 0) {
		log_error(&c, LOG_WARN, "the new list of transparency logs is not taken; the old one stays in force");
		ctx_forgive(&c);
	}
	if (log_file_list() != NULL) {
		metric_set(METRIC_log_list_age_seconds, NULL, (clock_now().us - log_file_list()->made_at.us) / 1000000);
	}
	if (tells) {
		tell_state(&c);
	}
	for (size_t i = 0; i < TAKE_MAX && !atomic_load(&stopping); i++) {
		if (db_rows(&c, &ra_take_unlogged_statement, &params, &rows, &n) != 0) {
			log_error(&c, LOG_WARN, "what waits for transparency logs can't be looked up");
			break;
		}
		if (n == 0) {
			break;
		}
		work_on(&rows[0]);
	}
	ctx_done(&c);
}

static void *run(void *unused)
{
	(void) unused;
	for (unsigned n = 0; !atomic_load(&stopping); n++) {
		look(n % STATE_ROUNDS == 0);
		for (int ms = 0; ms < ROUND_MS && !atomic_load(&stopping); ms += STOP_MS) {
			nanosleep(&(struct timespec) { .tv_nsec = STOP_MS * 1000000L }, NULL);
		}
	}
	rpc_client_thread_end();
	db_thread_end();
	return NULL;
}

int promise_start(struct ctx *c, const struct config *config)
{
	if (config->ct.log_list_file == NULL) {
		return 0;
	}
	TRY(logs_init(c));
	TRY(log_file_refresh(c, config->ct.log_list_file));
	const char *stale = ct_list_refusal(log_file_list(), clock_now());
	if (stale != NULL) {
		log_event(
		    c, LOG_ERROR, "nothing is issued before there is a newer list of transparency logs", "why", stale, NULL);
	}
	atomic_store(&stopping, false);
	if (pthread_create(&thread, NULL, run, NULL) != 0) {
		return FAIL(c, SERVER_INTERNAL, "A thread could not be started");
	}
	started = true;
	return 0;
}

void promise_stop(void)
{
	atomic_store(&stopping, true);
	if (started) {
		pthread_join(thread, NULL);
		started = false;
	}
}
