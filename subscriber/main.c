/* cairn-subscriber: keeps what is known about subscribers. Today it keeps the log able to grow and tells how it stands.
 */
#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "subscriber/keeper.h"
#include "subscriber/status.h"

#define STATEMENT_TIMEOUT_MS 30000
#define OWN_THREADS 3

#define RPC_SERVE subscriber
#include "lib/rpc/serve.h"

static const struct statement *const statements[] = {
	&subscriber_take_lease_statement,
	&subscriber_make_partitions_statement,
	&subscriber_forget_limits_statement,
	&subscriber_log_status_statement,
};

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->subscriber.process;
	db_statements(statements, COUNT_OF(statements));
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(db_check(c));
	TRY(keeper_start(c, arena_printf(config->arena, "cairn-subscriber@%s", own->rpc_listen.v[0])));
	return service_rpc_start(c, config, &(struct service_rpc) { own, subscriber_methods, subscriber_n_methods, NULL });
}

static void stop(int64_t deadline_ms)
{
	service_rpc_stop(deadline_ms);
	keeper_stop();
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) { .name = "cairn-subscriber",
	        .start = start,
	        .not_ready = db_not_ready,
	        .reload = service_rpc_reload,
	        .stop = stop });
}
