/* cairn-ra, the registration authority. */
#include "lib/base/log.h"
#include "lib/rpc/client.h"
#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "policy/perspectives.h"
#include "ra/jobs.h"
#include "ra/kept.h"
#include "ra/lists.h"
#include "ra/monitor_job.h"
#include "ra/promise_job.h"
#include "ra/profiles.h"
#include "ra/ra.h"
#include "ra/waves.h"

#define STATEMENT_TIMEOUT_MS 10000
/* recorders, taker, waves, the job of promises, the monitor of logs and the readiness check have connections of their own */
#define OWN_THREADS (6 + PROMISE_WORKERS + MONITOR_THREADS)

#define RPC_SERVE ra
#include "lib/rpc/serve.h"

static struct ra state;

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->ra.process;
	state = (struct ra) {
		.config = config,
		.instance = config_instance(config->arena, config, "cairn-ra"),
		.limits = limits_of_config(&config->policy),
	};
	ra_set(&state);
	TRY(perspectives_check(c, config, clock_now())); /* C-50, C-53 */
	db_statements(ra_statements, ra_statements_n);
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(lists_load(c, config));
	TRY(db_check(c));
	TRY(profiles_record(c, state.instance, &config->policy.profiles)); /* no record, no act (F-45) */
	/* A validation, and the one of the perspectives behind it. */
	int64_t validation_ms =
	    config->va.timeout_s * (config->va.perspectives.n > 0 ? 2000 : 1000) + VALIDATION_RESERVE_S * 1000;
	rpc_client_configure(&(struct rpc_client_options) {
	    .attempt_ms = { [RPC_SERVICE_va] = validation_ms },
	    .cert_file = own->rpc_cert_file,
	    .key_file = own->rpc_key_file,
	    .ca_file = config->rpc.ca_file,
	    .addresses = { [RPC_SERVICE_va] = config->rpc.va,
	        [RPC_SERVICE_ca] = config->rpc.ca,
	        [RPC_SERVICE_subscriber] = config->rpc.subscriber },
	});
	TRY(jobs_start(c));
	TRY(waves_start(c));
	TRY(promise_start(c, config));
	TRY(monitor_start(c, config));
	return service_rpc_start(
	    c, config, &(struct service_rpc) { own, ra_methods, ra_n_methods, rpc_client_thread_park });
}

/* Before the sandbox. */
static int open_files(struct ctx *c, const struct config *config)
{
	TRY(kept_open(c, config));
	return lists_open(c, config);
}

static void reload(const struct config *config)
{
	struct ctx c;
	ctx_init(&c);
	if (lists_load(&c, config) != 0) {
		log_error(&c, LOG_ERROR, "the new lists of the policy are not taken; the old ones stay in force");
	}
	ctx_done(&c);
	service_rpc_reload(config);
	rpc_client_reload();
}

static void stop(int64_t deadline_ms)
{
	promise_end();
	service_rpc_stop(deadline_ms * 6 / 10);
	waves_stop();
	jobs_stop(deadline_ms * 3 / 10);
	monitor_stop();
	promise_stop(); /* last: nothing of it is lost if the time is over */
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) { .name = "cairn-ra",
	        .open = open_files,
	        .start = start,
	        .not_ready = db_not_ready,
	        .reload = reload,
	        .stop = stop });
}
