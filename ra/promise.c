#include "ra/promise.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "lib/ct/log_file.h"
#include "lib/ct/precert.h"
#include "lib/rpc/client.h"
#include "ra/logs.h"
#include "ra/promise_job.h"
#include "ra/ra.h"

struct note_params {
	struct id certificate_id;
	bool final;
	bool logged;
	bool tried;
	struct submission_list submissions;
	const char *process;
};
static const struct field note_field[] = {
	FIELD(struct note_params, certificate_id),
	FIELD(struct note_params, final),
	FIELD(struct note_params, logged),
	FIELD(struct note_params, tried),
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

/* What logs are asked, and what they sign. */
struct promise {
	struct bytes_list chain; /* leaf first */
	uint8_t key_hash[SHA256_SIZE];
	struct ct_case o;
};

/* Leaf first, then its issuer, which a log has to know or find the way to a root of its own from. */
static int read_chain(struct ctx *c, const struct unlogged *in, struct bytes_list *ret)
{
	struct bytes_list above = { NULL, 0 };
	if (in->issuer.n == 0) {
		return ctx_fault(c, "the issuer of a precertificate is not known");
	}
	if (in->chain != NULL && in->chain[0] != '\0') { /* there is none behind a root */
		TRY(cert_chain_of_pem(c, bytes_of_text(in->chain), &above));
	}
	struct bytes_list chain = { ARENA_ARRAY(c->arena, above.n + 2, struct bytes), 0 };
	chain.v[chain.n++] = in->der;
	chain.v[chain.n++] = in->issuer;
	for (size_t i = 0; i < above.n; i++) {
		if (!bytes_equal(above.v[i], in->issuer)) {
			chain.v[chain.n++] = above.v[i];
		}
	}
	*ret = chain;
	return 0;
}

static int read_promise(struct ctx *c, const struct unlogged *in, struct promise *p)
{
	struct cert_info leaf;
	struct cert_info issuer;
	struct precert_parts parts;
	TRY(read_chain(c, in, &p->chain));
	TRY(cert_parse(c, in->der, &leaf));
	TRY(cert_parse(c, in->issuer, &issuer));
	TRY(precert_split(c, leaf.tbs, &parts));
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
		.tried = !logs_ending() && done != NULL,
		.submissions = done == NULL ? (struct submission_list) { NULL, 0 } : *done,
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

/* Calls that wait for logs at this moment, at most half of those that this process serves at once: the others go on. */
static atomic_llong waiting;

static int keep_or_leave(struct ctx *c, const struct unlogged *in, struct issue_certificate_response *ret)
{
	int result = -1;
	if (atomic_fetch_add(&waiting, 1) < ra_get()->config->ra.process.workers / 2) {
		result = keep(c, in, ret);
	} else {
		(void) ctx_cause(c, "many wait for transparency logs; the job takes it");
		note(c, in, false, NULL);
		promise_job_wake();
	}
	atomic_fetch_sub(&waiting, 1);
	return result;
}

int promise_keep(struct ctx *c, struct issue_certificate_response *answer)
{
	const struct unlogged in = {
		.certificate_id = answer->certificate_id,
		.der = answer->precertificate,
		.issuer = answer->issuer,
		.chain = answer->chain,
	};
	if (keep_or_leave(c, &in, answer) == 0) {
		return 0;
	}
	/* Whatever it was: the precertificate stands, and the job goes on with it. */
	const char *why = c->err.cause == NULL ? c->err.detail : c->err.cause;
	ctx_forgive(c);
	(void) ctx_cause(c, "%s", why == NULL ? "it is not known why" : why);
	return FAIL(c, UNAVAILABLE, "The certificate waits for transparency logs");
}

/* H-13. One that has ended is not shown any more; its row says so. */
static int show_certificate(struct ctx *c, const struct unlogged *in)
{
	struct submission_list done;
	struct sct_list scts;
	int result = ask(c, in, &done, &scts);
	note(c, in, result == 0, &done);
	return result;
}

int promise_work(struct ctx *c, const struct unlogged *in)
{
	struct issue_certificate_response answer;
	return in->final ? show_certificate(c, in) : keep(c, in, &answer);
}
