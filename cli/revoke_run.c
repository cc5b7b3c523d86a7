#include "cli/revoke_run.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/operator.h"

#define BATCH 500
#define SHOW_EVERY 10000 /* where no terminal is */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void) signal;
	interrupted = 1;
}

void revoke_catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };
	(void) sigaction(SIGINT, &action, NULL);
}

static void show(int64_t n, size_t of)
{
	if (isatty(STDERR_FILENO) == 1) {
		fprintf(stderr, "\r%lld of %zu revoked%s", (long long) n, of, (size_t) n >= of ? "\n" : "");
	} else if (n % SHOW_EVERY < BATCH && n >= SHOW_EVERY) {
		fprintf(stderr, "%lld of %zu revoked\n", (long long) n, of);
	}
}

int revoke_run_batches(struct ctx *c, const struct id_list *certificates, int64_t reason,
    const struct revoke_facts *facts, struct revoke_done *ret)
{
	const char *actor = operator_name(c->arena);
	bool many = certificates->n > 1;
	*ret = (struct revoke_done) { 0 };
	if (many) {
		TRY(revoke_note(c, "revocation.begun", actor, facts, reason, (int64_t) certificates->n));
	}
	size_t at = 0;
	while (at < certificates->n && interrupted == 0) {
		size_t left = certificates->n - at;
		const struct id_list batch = { certificates->v + at, left < BATCH ? left : BATCH };
		int64_t n = 0;
		TRY(revoke_batch(c, &batch, reason, actor, facts, &n));
		ret->revoked += n;
		at += batch.n;
		if (many) {
			show((int64_t) at, certificates->n);
		}
	}
	ret->stopped = at < certificates->n;
	const char *end = ret->stopped ? "revocation.stopped" : "revocation.ended";
	return many ? revoke_note(c, end, actor, facts, reason, ret->revoked) : 0;
}

int revoke_run_blocks(
    struct ctx *c, const struct id_list *certificates, struct timestamp until, const struct revoke_facts *facts)
{
	for (size_t at = 0; at < certificates->n; at += BATCH) {
		size_t left = certificates->n - at;
		const struct id_list batch = { certificates->v + at, left < BATCH ? left : BATCH };
		TRY(revoke_block_ahead(c, &batch, until, operator_name(c->arena), facts));
	}
	return 0;
}

int revoke_run_key(struct ctx *c, struct bytes spki_sha256, const struct revoke_facts *facts, struct revoke_done *ret)
{
	bool blocked = false;
	int64_t n = 0;
	*ret = (struct revoke_done) { 0 };
	do {
		TRY(revoke_key(c, spki_sha256, operator_name(c->arena), facts, &blocked, &n));
		ret->revoked += n;
	} while (n > 0 && interrupted == 0);
	ret->stopped = n > 0;
	return 0;
}

/* A second, or less. */
static void doze(void)
{
	(void) nanosleep(&(struct timespec) { .tv_sec = 1 }, NULL);
}

int revoke_run_waves(struct ctx *c, struct id id, bool wait, struct revoke_done *ret, struct revoke_state *ret_state)
{
	*ret = (struct revoke_done) { 0 };
	for (bool more = true; more && interrupted == 0;) {
		TRY(revoke_waves(c, id, operator_name(c->arena), ret_state));
		ret->revoked += ret_state->revoked;
		if (ret_state->revoked > 0) {
			show(ret->revoked, (size_t) (ret->revoked + ret_state->due));
		}
		more = ret_state->due > 0 || (wait && ret_state->waiting > 0);
		while (ret_state->due == 0 && more && interrupted == 0 && clock_now().us < ret_state->next_at.us) {
			doze();
		}
	}
	ret->stopped = interrupted != 0 && ret_state->due + ret_state->waiting > 0;
	return 0;
}
