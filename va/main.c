/* cairn-va: the validation authority. No database, no key but that of its RPC certificate. */
#define RPC_SERVE va
#include "lib/rpc/serve.h"

#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "va/engine.h"

static struct engine *engine;

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
	TRY(engine_start(c, engine));
	return service_rpc_start(c, config, &(struct service_rpc) { &config->va.process, va_methods, va_n_methods, NULL });
}

/* The engine first: every call that it holds is answered by the server that is still there. */
static void va_stop(int64_t deadline_ms)
{
	engine_drain(engine, deadline_ms * 3 / 4);
	service_rpc_stop(deadline_ms / 4);
	engine_free(engine);
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-va", .open = va_open, .start = va_begin, .reload = service_rpc_reload, .stop = va_stop });
}
