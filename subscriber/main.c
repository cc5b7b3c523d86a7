/* cairn-subscriber: keeps what is known about subscribers. Today it keeps the log able to grow and tells how it stands.
 */
#include "lib/base/log.h"
#include "lib/rpc/client.h"
#include "lib/service/service.h"
#include "subscriber/keeper.h"
#include "lib/rpc/server.h"
#include "subscriber/status.h"

#define STATEMENT_TIMEOUT_MS 30000
#define OWN_THREADS 3

#define RPC_SERVE subscriber
#include "lib/rpc/serve.h"

static struct rpc_server *server;

static const struct statement *const statements[] = {
	&subscriber_take_lease_statement,
	&subscriber_make_partitions_statement,
	&subscriber_log_status_statement,
};

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->subscriber.process;
	db_statements(statements, COUNT_OF(statements));
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(db_check(c));
	TRY(keeper_start(c, arena_printf(config->arena, "cairn-subscriber@%s", own->rpc_listen.v[0])));
	return rpc_server_start(c,
	    &(struct rpc_server_options) {
	        .methods = subscriber_methods,
	        .n_methods = subscriber_n_methods,
	        .listen = own->rpc_listen.v[0],
	        .cert_file = own->rpc_cert_file,
	        .key_file = own->rpc_key_file,
	        .ca_file = config->rpc.ca_file,
	        .workers = (unsigned) own->workers,
	        .queue = (unsigned) own->queue,
	        .worker_end = db_thread_end,
	    },
	    &server);
}

static void reload(const struct config *config)
{
	(void) config;
	struct ctx c;
	ctx_init(&c);
	if (rpc_server_reload(&c, server) != 0) {
		log_error(&c, LOG_ERROR, "the certificate could not be read again; the old one stays in use");
	}
	ctx_done(&c);
}

static void stop(int64_t deadline_ms)
{
	rpc_server_stop(server, deadline_ms);
	keeper_stop();
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-subscriber", .start = start, .not_ready = db_not_ready, .reload = reload, .stop = stop });
}
