#include "ca/duties.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "ca/activations.h"
#include "ca/ca.h"
#include "ca/linters.h"
#include "ca/signer.h"
#include "ca/steady.h"
#include "lib/base/log.h"
#include "lib/ct/log_file.h"

#define LOOK_MS 2000
#define STOP_MS 200 /* for so long the end of the process may have to wait for this thread: nobody signs meanwhile */
#define ROUND_LIMIT_MS 60000
#define LAPSED_LIMIT_MS 20000 /* CRLs come between, which are to be there within two minutes (E-22) */

static pthread_t thread;
static bool started;

static void wait_for_revocation(void)
{
	struct ctx c;
	bool notified = false;
	ctx_init(&c);
	for (int64_t ms = 0; ms < LOOK_MS && !notified && !atomic_load(&ca.stopping); ms += STOP_MS) {
		if (db_wait_notify(&c, "cairn_revoked", STOP_MS, &notified) != 0) {
			log_error(&c, LOG_WARN, "revocations are not announced");
			nanosleep(&(struct timespec) { .tv_sec = 1 }, NULL);
			break;
		}
	}
	ctx_done(&c);
}

static void look_after_keys(void)
{
	struct ctx c;
	ctx_init(&c);
	signer_look(&c);
	if (activations_record(&c) != 0) {
		log_error(&c, LOG_WARN, "what became of the signing keys is recorded soon");
	}
	ctx_done(&c);
}

/* Also when nobody asks for a certificate: /readyz tells of a wrong clock, and forgets it. */
static void look_after_clock(void)
{
	struct ctx c;
	ctx_init(&c);
	if (steady_check(&c) != 0 && steady_fault() == NULL) {
		log_error(&c, LOG_WARN, "the clock can't be held against the database's");
	}
	ctx_done(&c);
}

static void look_after_logs(void)
{
	struct ctx c;
	if (ca.config->ct.log_list_file == NULL) {
		return;
	}
	ctx_init(&c);
	if (log_file_refresh(&c, &ca.config->ct) != 0) {
		log_error(&c, LOG_WARN, "the new list of transparency logs is not taken; the old one stays in force");
	}
	ctx_done(&c);
}

static void look_after_crls(void)
{
	struct ctx c;
	ctx_init(&c);
	ctx_limit_ms(&c, ROUND_LIMIT_MS);
	if (ca_make_crls(&c) != 0) {
		log_error(&c, LOG_WARN, "the CRLs are looked after again soon");
	}
	ctx_done(&c);
}

static void look_after_ocsp(void)
{
	struct ctx c;
	ctx_init(&c);
	if (ca_sign_ocsp(&c) != 0) {
		log_error(&c, LOG_WARN, "the OCSP answers are looked after again soon");
	}
	ctx_done(&c);
}

static void look_after_lapsed(void)
{
	struct ctx c;
	size_t completed = 0;
	ctx_init(&c);
	ctx_limit_ms(&c, LAPSED_LIMIT_MS);
	if (ca_complete_lapsed(&c, &completed) != 0) {
		log_error(&c, LOG_WARN, "lapsed issuances can't be looked up");
	}
	ctx_done(&c);
}

static void *run(void *arg)
{
	(void) arg;
	while (!atomic_load(&ca.stopping)) {
		look_after_keys();
		look_after_clock();
		look_after_logs();
		linters_refresh(&ca.config->ca, ca.process);
		linters_tell(&ca.config->ca, ca.process);
		look_after_crls();
		look_after_ocsp();
		look_after_lapsed();
		wait_for_revocation();
	}
	db_thread_end();
	return NULL;
}

int duties_start(struct ctx *c)
{
	atomic_store(&ca.stopping, false);
	int result = pthread_create(&thread, NULL, run, NULL);
	if (result != 0) {
		return ctx_fault(c, "pthread_create: %s", strerror(result));
	}
	started = true;
	return 0;
}

void duties_stop(void)
{
	atomic_store(&ca.stopping, true);
	if (started) {
		pthread_join(thread, NULL);
		started = false;
	}
}
