/* The prototypes of all handlers, made from methods.def; a process defines those of its own service:
 *   int <service>_<verb>_serve(struct ctx *c, const struct <request> *in, struct <response> *ret);
 *   void <service>_<verb>_serve_later(struct rpc_call *call, const struct <request> *in);   (rows RPC_LATER)
 * in and what it points to live as long as c. */
#ifndef CAIRN_RPC_HANDLERS_H
#define CAIRN_RPC_HANDLERS_H

#include "lib/rpc/server.h"

#define RPC(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	int service##_##verb##_serve(struct ctx *c, const struct request *in, struct response *ret) MUST_CHECK;
#define RPC_LATER(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	void service##_##verb##_serve_later(struct rpc_call *call, const struct request *in);
#define RPC_AT RPC
#include "lib/rpc/methods.def"
#undef RPC
#undef RPC_AT
#undef RPC_LATER

#endif
