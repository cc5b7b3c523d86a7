/* cairn-va: the validation authority. No database, no key but that of its RPC certificate. */
#define RPC_SERVE va
#include "lib/rpc/serve.h"

#include "lib/base/log.h"
#include "lib/service/service.h"
#include "va/engine.h"

static struct engine *engine;
static struct rpc_server *server;

static void on_validated(void *arg, const struct validation_result *result)
{
	rpc_call_end(arg, 0, result);
}

void va_validate_serve_later(struct rpc_call *call, const struct validate_request *in)
{
	struct ctx *c = rpc_call_ctx(call);
	if (engine_submit(c, engine, in, on_validated, call) != 0) {
		rpc_call_end(call, -1, NULL);
	}
}

/* The resolver's configuration is read from /proc, which the sandbox closes. */
static int va_open(struct ctx *c, const struct config *config)
{
	return engine_new(c, &config->va, &engine);
}

static int va_begin(struct ctx *c, const struct config *config)
{
	const struct config_process *p = &config->va.process;
	TRY(engine_start(c, engine));
	return rpc_server_start(c,
	    &(struct rpc_server_options) { .methods = va_methods,
	        .n_methods = va_n_methods,
	        .listen = p->rpc_listen.v[0],
	        .cert_file = p->rpc_cert_file,
	        .key_file = p->rpc_key_file,
	        .ca_file = config->rpc.ca_file,
	        .workers = (unsigned) p->workers,
	        .queue = (unsigned) p->queue },
	    &server);
}

static void va_reload(const struct config *config)
{
	struct ctx c;
	(void) config;
	ctx_init(&c);
	if (rpc_server_reload(&c, server) != 0) {
		log_error(&c, LOG_ERROR, "certificates could not be read again");
	}
	ctx_done(&c);
}

/* The engine first: every call that it holds is answered by the server that is still there. */
static void va_stop(int64_t deadline_ms)
{
	engine_drain(engine, deadline_ms * 3 / 4);
	rpc_server_stop(server, deadline_ms / 4);
	engine_free(engine);
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-va", .open = va_open, .start = va_begin, .reload = va_reload, .stop = va_stop });
}
