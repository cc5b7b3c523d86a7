/* cairn-ra, the registration authority. */
#include "lib/base/log.h"
#include "lib/rpc/client.h"
#include "lib/service/service.h"
#include "ra/jobs.h"
#include "lib/rpc/server.h"
#include "ra/ra.h"

#define STATEMENT_TIMEOUT_MS 10000
#define OWN_THREADS 4 /* recorders, taker and the readiness check have connections of their own */

#define RPC_SERVE ra
#include "lib/rpc/serve.h"

static struct rpc_server *server;
static struct ra state;

static void worker_end(void)
{
	db_thread_end();
	rpc_client_thread_end();
}

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->ra.process;
	state = (struct ra) {
		.config = config,
		.instance = arena_printf(config->arena, "cairn-ra@%s", own->rpc_listen.v[0]),
	};
	ra_set(&state);
	db_statements(ra_statements, ra_statements_n);
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(db_check(c));
	rpc_client_configure(&(struct rpc_client_options) {
	    .cert_file = own->rpc_cert_file,
	    .key_file = own->rpc_key_file,
	    .ca_file = config->rpc.ca_file,
	    .addresses = { [RPC_SERVICE_va] = config->rpc.va,
	        [RPC_SERVICE_ca] = config->rpc.ca,
	        [RPC_SERVICE_subscriber] = config->rpc.subscriber },
	});
	TRY(jobs_start(c));
	return rpc_server_start(c,
	    &(struct rpc_server_options) {
	        .methods = ra_methods,
	        .n_methods = ra_n_methods,
	        .listen = own->rpc_listen.v[0],
	        .cert_file = own->rpc_cert_file,
	        .key_file = own->rpc_key_file,
	        .ca_file = config->rpc.ca_file,
	        .workers = (unsigned) own->workers,
	        .queue = (unsigned) own->queue,
	        .worker_end = worker_end,
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
	rpc_client_reload();
	ctx_done(&c);
}

static void stop(int64_t deadline_ms)
{
	rpc_server_stop(server, deadline_ms);
	jobs_stop();
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-ra", .start = start, .not_ready = db_not_ready, .reload = reload, .stop = stop });
}
