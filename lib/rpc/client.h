/* Calling RPC (design 3): unary Connect protocol, JSON, HTTPS with both sides' certificates. The typed stubs are
 *   int rpc_<service>_<verb>(struct ctx *c, const struct <request> *in, struct <response> *ret) MUST_CHECK;
 * one for each row of methods.def. They send the request id and what is left of the deadline, use kept connections of
 * the calling thread, try other addresses of the service (those that answer before those that do not: reach.h), and repeat
 * what is safe to repeat. An error of the server
 * arrives as the same problem in c. FAIL of their own: UNAVAILABLE (nobody answered; it did not run), DEADLINE,
 * WRITE_UNCERTAIN (it may have run and must not be repeated). */
#ifndef CAIRN_RPC_CLIENT_H
#define CAIRN_RPC_CLIENT_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"

#define RPC_REPLY_MAX (16 * 1024 * 1024) /* octets of an answer, unless the call says less */

enum rpc_service {
#define SERVICE(name, path, certificate_name) RPC_SERVICE_##name,
#include "lib/rpc/services.def"
#undef SERVICE
	RPC_SERVICE_COUNT
};

struct rpc_client_options {
	const char *cert_file;
	const char *key_file;
	const char *ca_file;
	struct text_list addresses[RPC_SERVICE_COUNT]; /* "host:port" each */
	/* How long one address may take before another one is asked, for what is safe to repeat; 0: half of the method's
	 * deadline. */
	int64_t attempt_ms[RPC_SERVICE_COUNT];
};

/* Once, before the first call. */
void rpc_client_configure(const struct rpc_client_options *options);
/* SIGHUP: connections made from now on use the certificates as they are in the files. */
void rpc_client_reload(void);
/* Threads that called stubs free their connections at their end. */
void rpc_client_thread_end(void);
/* Leaves the connections of the calling thread to the next thread that calls. */
void rpc_client_thread_park(void);

#define RPC(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	int rpc_##service##_##verb(struct ctx *c, const struct request *in, struct response *ret) MUST_CHECK;
#define RPC_LATER RPC
#define RPC_AT(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	int rpc_##service##_##verb(struct ctx *c, const char *address, const struct request *in, struct response *ret) \
	    MUST_CHECK;
#include "lib/rpc/methods.def"
#undef RPC
#undef RPC_LATER
#undef RPC_AT

/* Calls that do not hold a thread while they wait: one loop thread, many calls. */
struct rpc_loop;
/* The outcome: result 0 with the response in c's arena, or -1 with the error in c. c belongs to the call and is freed
 * after `done` returns. Runs in the loop thread: it must not block; hand the work to a queue. */
typedef void rpc_va_validate_done(void *arg, struct ctx *c, int result, const struct validation_result *response);

struct rpc_loop *rpc_loop_new(void);
/* Calls under way, and those that come, end with UNAVAILABLE: this process has no time left for those who hang. */
void rpc_loop_cut(struct rpc_loop *loop);
void rpc_loop_free(struct rpc_loop *loop); /* waits for calls under way to end or time out */
void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg);
/* The same to one given address (a remote perspective), whose certificate has to have this name; address NULL: the configured
 * ones, certificate_name NULL: the service's own, max_reply 0: as for all calls. Texts are copied. */
struct rpc_va_validate_start {
	const char *address;
	const char *certificate_name;
	struct id request_id;
	int64_t deadline_ms;
	size_t max_reply;
	rpc_va_validate_done *done;
	void *arg;
};
void rpc_va_validate_start_at(
    struct rpc_loop *loop, const struct rpc_va_validate_start *start, const struct validate_request *in);

#endif
