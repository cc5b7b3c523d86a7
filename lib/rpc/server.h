/* Serving RPC (design 3, F-63): methods.def gives dispatch and rights; the handlers are plain functions.
 *
 * A process that serves the service `ra` has one file with
 *         #define RPC_SERVE ra
 *         #include "lib/rpc/serve.h"
 * which defines the table `ra_methods[]` and its length `ra_n_methods` for rpc_server_start; the files with the handlers
 * include "lib/rpc/handlers.h". c->caller is the name in the client's certificate, c->request_id came with the call, c's
 * deadline is the smaller of the row's and the caller's.
 *
 * Each connection has a thread, in which its calls run, `workers` of all at once. A service with an RPC_LATER row has one
 * thread for all connections instead, and none of its handlers may block.
 *
 * On the wire it is the unary Connect protocol with JSON, so that curl can speak it:
 *         curl --cacert ca.pem --cert cairn-wfe.pem --key cairn-wfe.key --connect-to ::127.0.0.1:14101 \
 *              -H 'Content-Type: application/json' -d '{"account_id":"..."}' \
 *              https://cairn-ra/cairn.ra.v1.RegistrationAuthority/UpdateAccount
 * Headers that a caller may add: Connect-Protocol-Version: 1, Connect-Timeout-Ms, Cairn-Request-Id (22 characters). An
 * error in c travels as {"code","message","details":[{"type":"cairn.v1.Problem","value","debug"}]} with the HTTP status
 * that Connect gives to its code: debug is the problem_record as JSON, value the same in base64. */
#ifndef CAIRN_RPC_SERVER_H
#define CAIRN_RPC_SERVER_H

#include "lib/http/server.h"
#include "lib/rpc/messages.h"

struct rpc_call; /* one asynchronous call under way */

struct rpc_method {
	const char *service; /* "cairn.ra.v1.RegistrationAuthority" */
	const char *method;  /* "NewOrder" */
	const char *name;    /* "ra.NewOrder", for metrics and logs */
	const char *callers; /* "cairn-wfe|cairn-command" */
	int64_t deadline_ms;
	const struct fields *request;
	const struct fields *response;
	int (*serve)(struct ctx *c, const void *in, void *ret); /* or */
	void (*serve_later)(struct rpc_call *call, const void *in);
};

/* Texts and the table are borrowed for the server's life. */
struct rpc_server_options {
	const struct rpc_method *methods;
	size_t n_methods;
	struct text_list listen; /* "127.0.0.1:14101" */
	const char *cert_file;
	const char *key_file;
	const char *ca_file;
	unsigned workers;
	unsigned queue;
	unsigned max_connections;
	/* Runs behind each call, in its thread, to give back what that holds: rpc_client_thread_park. A thread
	 * belongs to a caller's connection, so there are more of them than calls at once. May be NULL. */
	void (*release)(void);
};

struct rpc_server;

int rpc_server_start(struct ctx *c, const struct rpc_server_options *options, struct rpc_server **ret) MUST_CHECK;
/* Of the first address. */
uint16_t rpc_server_port(const struct rpc_server *s);
/* Reads the certificates again; the old ones stay when that fails. */
int rpc_server_reload(struct ctx *c, struct rpc_server *s) MUST_CHECK;
/* Drains as http_server_stop does. NULL is fine. */
void rpc_server_stop(struct rpc_server *s, int64_t deadline_ms);

/* The context of a call that is served later; it lives until rpc_call_end. */
struct ctx *rpc_call_ctx(struct rpc_call *call);
/* Ends it from any thread: response (of the method's struct) when result is 0, else the error in its ctx. */
void rpc_call_end(struct rpc_call *call, int result, const void *response);

#endif
