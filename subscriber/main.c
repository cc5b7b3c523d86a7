/* cairn-subscriber: keeps what is known about subscribers. It keeps the log able to grow, seals it, purges what has come to its
 * end, and tells how it stands; it seals recovery contacts into the vault, and gives accounts
 * back by them. */
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/http/smtp.h"
#include "lib/seal/audit_seal_rows.h"
#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "policy/limits.h"
#include "subscriber/alarms.h"
#include "subscriber/entries.h"
#include "subscriber/issued.h"
#include "subscriber/journal.h"
#include "subscriber/keeper.h"
#include "subscriber/purger.h"
#include "subscriber/recovery.h"
#include "subscriber/sealer.h"
#include "subscriber/split.h"
#include "subscriber/status.h"
#include "subscriber/subject.h"
#include "subscriber/vault.h"
#include "subscriber/verifier.h"
#include "subscriber/witness.h"
#include "subscriber/witnesses.h"

#define STATEMENT_TIMEOUT_MS 30000
#define OWN_THREADS \
	11 /* start, keeper, sealer, purger, comparing, verifying, witnesses, recoveries, alarms, journal and readiness */
#define STATEMENTS_MAX 128

#define RPC_SERVE subscriber
#include "lib/rpc/serve.h"

static const struct statement *const own_statements[] = {
	&subscriber_overdue_statement,
	&subscriber_take_lease_statement,
	&subscriber_make_partitions_statement,
	&subscriber_note_roles_statement,
	&subscriber_forget_limits_statement,
	&subscriber_learn_sets_statement,
	&subscriber_log_status_statement,
	&subject_statement,
};

static struct checkpoint_signer signer;
static struct sealer *sealer; /* NULL: there is no key for it */

static void list_statements(struct arena *a)
{
	const struct statement **all = ARENA_ARRAY(a, STATEMENTS_MAX, const struct statement *);
	size_t n = 0;
	for (size_t i = 0; i < COUNT_OF(own_statements); i++) {
		all[n++] = own_statements[i];
	}
	for (size_t i = 0; i < sealer_n_statements; i++) {
		all[n++] = sealer_statements[i];
	}
	for (size_t i = 0; i < purger_n_statements; i++) {
		all[n++] = purger_statements[i];
	}
	for (size_t i = 0; i < issued_n_statements; i++) {
		all[n++] = issued_statements[i];
	}
	for (size_t i = 0; i < vault_n_statements; i++) {
		all[n++] = vault_statements[i];
	}
	for (size_t i = 0; i < recovery_n_statements; i++) {
		all[n++] = recovery_statements[i];
	}
	for (size_t i = 0; i < recovery_job_n_statements; i++) {
		all[n++] = recovery_job_statements[i];
	}
	for (size_t i = 0; i < witnesses_n_statements; i++) {
		all[n++] = witnesses_statements[i];
	}
	for (size_t i = 0; i < split_n_statements; i++) {
		all[n++] = split_statements[i];
	}
	for (size_t i = 0; i < witness_n_statements; i++) {
		all[n++] = witness_statements[i];
	}
	for (size_t i = 0; i < alarms_n_statements; i++) {
		all[n++] = alarms_statements[i];
	}
	for (size_t i = 0; i < journal_n_statements; i++) {
		all[n++] = journal_statements[i];
	}
	for (size_t i = 0; i < verifier_n_statements; i++) {
		all[n++] = verifier_statements[i];
	}
	for (size_t i = 0; i < audit_facts_statements_n; i++) {
		all[n++] = audit_facts_statements[i];
	}
	db_statements(all, n);
}

static int open_files(struct ctx *c, const struct config *config)
{
	TRY(witness_open(c, config));
	TRY(witnesses_open(c, config));
	if (config->subscriber.secret_file != NULL) {
		TRY(checkpoint_signer_open(c, config, &signer));
	}
	TRY(vault_open(c, config));
	TRY(alarms_open(c, config));
	return recovery_read_server(c, config);
}

/* The same after a restart, so that the lease is still this instance's. */
static const char *place(const struct config *config)
{
	return config_instance(config->arena, config, "cairn-subscriber");
}

static int start_sealer(struct ctx *c, const struct config *config)
{
	if (signer.key == NULL) {
		log_event(c, LOG_WARN, "the log is not sealed: subscriber.secret_file names no key", NULL);
		return 0;
	}
	log_event(c, LOG_INFO, "the log is sealed", "key", note_key_encode(c->arena, &signer.name), NULL);
	TRY(verifier_start(c, config, place(config), &signer.name));
	sealer = sealer_new(&signer, place(config));
	return sealer_start(c, sealer, config->subscriber.seal_interval_ms);
}

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->subscriber.process;
	list_statements(config->arena);
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(db_check(c));
	const struct limits limits = limits_of_config(&config->policy);
	TRY(keeper_start(c, place(config), limits_know_renewals(&limits)));
	TRY(split_start(c, place(config)));
	TRY(start_sealer(c, config));
	TRY(purger_start(c, config, place(config)));
	TRY(issued_start(c, config, place(config)));
	TRY(witnesses_start(c, config, place(config)));
	entries_publish(config->subscriber.publish_entries);
	subject_configure(config, place(config));
	TRY(vault_start(c, config, place(config)));
	TRY(recovery_start(c, config, place(config)));
	TRY(alarms_start(c, config, place(config)));
	TRY(journal_start(c, config, place(config)));
	return service_rpc_start(c, config, &(struct service_rpc) { own, subscriber_methods, subscriber_n_methods, NULL });
}

static const char *not_ready(void)
{
	const char *why = db_not_ready();
	return why == NULL && sealer != NULL ? sealer_trouble(sealer) : why;
}

static void stop(int64_t deadline_ms)
{
	service_rpc_stop(deadline_ms);
	keeper_stop();
	purger_stop();
	issued_stop();
	verifier_stop();
	witnesses_stop();
	recovery_stop();
	alarms_stop();
	journal_stop();
	if (sealer != NULL) {
		sealer_stop(sealer);
		sealer_free(sealer);
		sealer = NULL;
	}
}

int main(int argc, char **argv)
{
	smtp_wipe();
	return service_main(argc, argv,
	    &(struct service) { .name = "cairn-subscriber",
	        .open = open_files,
	        .start = start,
	        .not_ready = not_ready,
	        .reload = service_rpc_reload,
	        .stop = stop });
}
