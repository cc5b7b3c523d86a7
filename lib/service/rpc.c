#include "lib/service/rpc.h"

#include "lib/base/log.h"

static struct rpc_server *server;

int service_rpc_start(struct ctx *c, const struct config *config, const struct service_rpc *rpc)
{
	const struct config_process *own = rpc->process;
	return rpc_server_start(c,
	    &(struct rpc_server_options) {
	        .methods = rpc->methods,
	        .n_methods = rpc->n_methods,
	        .listen = own->rpc_listen,
	        .cert_file = own->rpc_cert_file,
	        .key_file = own->rpc_key_file,
	        .ca_file = config->rpc.ca_file,
	        .workers = (unsigned) own->workers,
	        .queue = (unsigned) own->queue,
	        .max_connections = (unsigned) config->rpc.max_connections,
	        .release = rpc->release,
	    },
	    &server);
}

void service_rpc_reload(const struct config *config)
{
	(void) config;
	struct ctx c;
	ctx_init(&c);
	if (rpc_server_reload(&c, server) != 0) {
		log_error(&c, LOG_ERROR, "the certificate could not be read again; the old one stays in use");
	}
	ctx_done(&c);
}

void service_rpc_stop(int64_t deadline_ms)
{
	rpc_server_stop(server, deadline_ms);
	server = NULL;
}
