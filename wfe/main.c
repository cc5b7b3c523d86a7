/* cairn-wfe: the web front end. HTTPS for ACME, plain HTTP for issuer certificates and CRLs. */
#include "lib/base/log.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "lib/rpc/client.h"
#include "lib/service/rpc.h"
#include "lib/service/service.h"
#include "wfe/flusher.h"
#include "wfe/front.h"
#include "wfe/nonces.h"
#include "wfe/public.h"
#include "wfe/request.h"
#include "wfe/sealed.h"
#include "wfe/statements.h"

#define STATEMENT_LIMIT_MS 5000
#define REQUEST_LIMIT_MS 40000 /* more than the longest RPC */
#define IDLE_TIMEOUT_S 30
#define CONNECTIONS_MAX 10000
#define PUBLIC_WORKERS 4
#define PUBLIC_QUEUE 256
#define PUBLIC_LIMIT_MS 10000
#define SERVERS_MAX 16 /* of config.c: 8 addresses of each kind */

#define RPC_SERVE wfe
#include "lib/rpc/serve.h"

static struct front front;
static struct flusher *flusher;
static struct http_server *servers[SERVERS_MAX];
static size_t n_servers;

/* Nonces carry the name that follows from the address, so that a copy of the state is another front end. */
static int open_nonces(struct ctx *c, const struct config *config)
{
	const struct config_wfe *wfe = &config->wfe;
	const char *own = wfe->rpc_address == NULL ? wfe->process.rpc_listen.v[0] : wfe->rpc_address;
	struct bytes_list ca;
	uint8_t salt[SHA256_SIZE];
	TRY(cert_read_file(c, config->rpc.ca_file, &ca));
	sha256_of(ca.v[0], salt);
	TRY(peers_make(c, front.arena, &config->rpc.wfe, own, (struct bytes) { salt, sizeof(salt) }, &front.peers));
	const char *path = arena_printf(c->arena, "%s/nonces", wfe->spool_dir);
	TRY(nonce_box_open(c, path, peers_own(front.peers), &front.nonces));
	nonces_answer(front.nonces);
	return 0;
}

static int wfe_open(struct ctx *c, const struct config *config)
{
	const struct spool_options options = {
		.dir = config->wfe.spool_dir, .segment_octets = SPOOL_SEGMENT_OCTETS, .limit_octets = SPOOL_LIMIT_OCTETS
	};
	front.config = config;
	front.arena = arena_new();
	front.trial = trial_new(front.arena, config);
	front.visits = visits_new(front.arena, &config->wfe);
	if (config->wfe.doctor_per_hour > 0) {
		front.doctor_visits = visits_new_for_doctor(front.arena, config->wfe.doctor_per_hour);
	}
	TRY(spool_open(c, &options, &front.spool));
	TRY(open_nonces(c, config));
	return public_read_root(c, &config->wfe, &front);
}

static void configure_clients(const struct config *config)
{
	const struct config_process *process = &config->wfe.process;
	size_t connections = (size_t) process->workers * config->wfe.listen.n + PUBLIC_WORKERS * config->wfe.http_listen.n +
	                     2; /* and the flusher's and that of readiness */
	db_statements(wfe_statements, wfe_n_statements);
	db_configure(process->database, (unsigned) connections, STATEMENT_LIMIT_MS);
	accounts_want_terms(config->acme.terms_again ? config->acme.terms_of_service : NULL);
	rpc_client_configure(&(struct rpc_client_options) {
	    .cert_file = process->rpc_cert_file,
	    .key_file = process->rpc_key_file,
	    .ca_file = config->rpc.ca_file,
	    .addresses = { [RPC_SERVICE_wfe] = config->rpc.wfe,
	        [RPC_SERVICE_ra] = config->rpc.ra,
	        [RPC_SERVICE_subscriber] = config->rpc.subscriber },
	});
}

static void end_worker(void)
{
	db_thread_end();
	rpc_client_thread_end();
}

static int start_server(struct ctx *c, const char *listen, struct http_server_options options)
{
	struct address address;
	if (address_parse(c->arena, listen, &address) != 0) {
		return FAIL(c, SERVER_INTERNAL, "%s is no address to listen on", listen);
	}
	options.address = address.host;
	options.port = address.port;
	TRY(http_server_start(c, &options, &servers[n_servers]));
	n_servers++;
	return 0;
}

static int start_api(struct ctx *c, const struct config *config, const char *listen)
{
	return start_server(c, listen,
	    (struct http_server_options) {
	        .name = "acme",
	        .cert_file = config->wfe.cert_file,
	        .key_file = config->wfe.key_file,
	        .max_body = REQUEST_BODY_MAX,
	        .workers = (unsigned) config->wfe.process.workers,
	        .queue = (unsigned) config->wfe.process.queue,
	        .max_connections = CONNECTIONS_MAX,
	        .idle_timeout_s = IDLE_TIMEOUT_S,
	        .request_limit_ms = REQUEST_LIMIT_MS,
	        .handler = front_serve,
	        .refuse = front_refuse,
	        .worker_end = end_worker,
	        .arg = &front,
	    });
}

static int start_public(struct ctx *c, const char *listen)
{
	return start_server(c, listen,
	    (struct http_server_options) {
	        .name = "http",
	        .max_body = SEALED_ASK_MAX,
	        .workers = PUBLIC_WORKERS,
	        .queue = PUBLIC_QUEUE,
	        .max_connections = CONNECTIONS_MAX,
	        .idle_timeout_s = IDLE_TIMEOUT_S,
	        .request_limit_ms = PUBLIC_LIMIT_MS,
	        .handler = public_serve,
	        .worker_end = end_worker,
	        .arg = &front,
	    });
}

static int wfe_start(struct ctx *c, const struct config *config)
{
	configure_clients(config);
	flusher = flusher_new(front.spool);
	flusher_start(flusher);
	TRY(service_rpc_start(c, config,
	    &(struct service_rpc) { .process = &config->wfe.process, .methods = wfe_methods, .n_methods = wfe_n_methods }));
	for (size_t i = 0; i < config->wfe.http_listen.n; i++) {
		TRY(start_public(c, config->wfe.http_listen.v[i]));
	}
	for (size_t i = 0; i < config->wfe.listen.n; i++) {
		TRY(start_api(c, config, config->wfe.listen.v[i]));
	}
	return 0;
}

static const char *wfe_not_ready(void)
{
	const char *why = spool_refusal(front.spool);
	if (why == NULL && !flusher_healthy(flusher)) {
		why = "the database does not take the request log";
	}
	if (why == NULL) {
		why = db_not_ready();
	}
	return why;
}

static void wfe_reload(const struct config *config)
{
	service_rpc_reload(config);
	rpc_client_reload();
	for (size_t i = 0; i < n_servers; i++) {
		struct ctx c;
		ctx_init(&c);
		if (http_server_reload(&c, servers[i]) != 0) {
			log_error(&c, LOG_ERROR, "the old certificate stays");
		}
		ctx_done(&c);
	}
}

static int64_t left_ms(int64_t until_us)
{
	int64_t left_us = until_us - clock_monotonic_us();
	return left_us < 0 ? 0 : left_us / 1000;
}

static void wfe_stop(int64_t deadline_ms)
{
	int64_t until_us = clock_monotonic_us() + deadline_ms * 1000;
	for (size_t i = 0; i < n_servers; i++) {
		http_server_stop(servers[i], left_ms(until_us));
	}
	service_rpc_stop(left_ms(until_us)); /* the others may ask up to the end */
	flusher_stop(flusher);
	flusher_free(flusher);
	nonce_box_free(front.nonces);
	spool_close(front.spool);
	arena_free(front.arena);
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) {
	        .name = "cairn-wfe",
	        .open = wfe_open,
	        .start = wfe_start,
	        .not_ready = wfe_not_ready,
	        .reload = wfe_reload,
	        .stop = wfe_stop,
	    });
}
