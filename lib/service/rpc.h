/* The RPC server of a process, made from the process's section of the configuration. One for each process. */
#ifndef CAIRN_SERVICE_RPC_H
#define CAIRN_SERVICE_RPC_H

#include "lib/base/config.h"
#include "lib/rpc/server.h"

/* methods: what lib/rpc/serve.h defined. release: as in rpc_server_options; may be NULL. */
struct service_rpc {
	const struct config_process *process;
	const struct rpc_method *methods;
	size_t n_methods;
	void (*release)(void);
};

int service_rpc_start(struct ctx *c, const struct config *config, const struct service_rpc *rpc) MUST_CHECK;

/* At SIGHUP: reads the certificates again; when that fails the old ones stay and the log says so. */
void service_rpc_reload(const struct config *config);

/* Drains as http_server_stop does. */
void service_rpc_stop(int64_t deadline_ms);

#endif
