/* cairn-va: the validation authority. No database, no key but that of its RPC certificate. */
#define RPC_SERVE va
#include "lib/rpc/serve.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "va/engine.h"
#include "va/remotes.h"

static struct engine *engine;
static struct remotes *remotes;
static bool is_remote;
static struct validator_run run; /* this one */

/* One call, with what it asks. */
struct asked {
	struct rpc_call *call;
	const struct validate_request *in;
	struct validation_result own;
};

static void on_decided(void *arg, const struct validation_result *result)
{
	rpc_call_end(arg, 0, result);
}

static void on_validated(void *arg, const struct validation_result *result)
{
	struct asked *asked = arg;
	struct rpc_call *call = asked->call;
	struct validation_result *own = &asked->own;
	*own = *result;
	own->run = run;
	own->basis.webpki = remotes_required(remotes, asked->in);
	if (!remotes_wanted(remotes, asked->in, own)) {
		rpc_call_end(call, 0, own);
		return;
	}
	if (remotes_ask(remotes, rpc_call_ctx(call), &(struct remotes_question) { asked->in, own, on_decided, call }) !=
	    0) {
		rpc_call_end(call, -1, NULL);
	}
}

/* C-55: the first perspective is asked by the registration authority, a remote one by the first perspective. */
static int check_caller(struct ctx *c)
{
	const char *wanted = is_remote ? "cairn-va" : "cairn-ra";
	bool right = strcmp(c->caller, wanted) == 0;
	return right ? 0 : FAIL(c, NOT_PERMITTED, "Only %s may ask this validation authority", wanted);
}

void va_validate_serve_later(struct rpc_call *call, const struct validate_request *in)
{
	struct ctx *c = rpc_call_ctx(call);
	struct asked *asked = ARENA_NEW(c->arena, struct asked);
	*asked = (struct asked) { .call = call, .in = in };
	if (check_caller(c) != 0 || engine_submit(c, engine, in, on_validated, asked) != 0) {
		rpc_call_end(call, -1, NULL);
	}
}

/* The resolver's configuration is read from /proc, which the sandbox closes. */
static int va_open(struct ctx *c, const struct config *config)
{
	is_remote = config->va.remote;
	TRY(remotes_new(c, config, &remotes));
	return engine_new(c, &config->va, &engine);
}

static int va_begin(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->va.process;
	rpc_client_configure(&(struct rpc_client_options) {
	    .cert_file = own->rpc_cert_file,
	    .key_file = own->rpc_key_file,
	    .ca_file = config->rpc.ca_file,
	    .addresses = { [RPC_SERVICE_ra] = config->rpc.ra },
	});
	const char *place = strchr(config_instance(config->arena, config, "cairn-va"), '@') + 1;
	run = (struct validator_run) { place, CAIRN_VERSION, service_config_sha256(), clock_now() };
	remotes_start(remotes);
	TRY(engine_start(c, engine));
	return service_rpc_start(c, config, &(struct service_rpc) { own, va_methods, va_n_methods, NULL });
}

static void va_reload(const struct config *config)
{
	service_rpc_reload(config);
	rpc_client_reload();
}

/* The engine first: every call that it holds is answered by the server that is still there. */
static void va_stop(int64_t deadline_ms)
{
	engine_drain(engine, deadline_ms / 2);
	remotes_stop(remotes, deadline_ms / 4);
	service_rpc_stop(deadline_ms / 4);
	engine_free(engine);
	remotes_free(remotes);
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-va", .open = va_open, .start = va_begin, .reload = va_reload, .stop = va_stop });
}
