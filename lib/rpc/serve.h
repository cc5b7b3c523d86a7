/* Defines the table of a service's methods from methods.def; see server.h. Included once by each process, with
 *         #define RPC_SERVE ra
 * before it: gives `const struct rpc_method ra_methods[]` and `const size_t ra_n_methods`. */
#ifndef RPC_SERVE
#error "define RPC_SERVE as the short name of the service"
#endif

#include "lib/base/config.h"
#include "lib/rpc/handlers.h"

#define SERVICE(name, path, certificate_name) \
	__attribute__((unused)) static const char rpc_service_path_##name[] = path;
#include "lib/rpc/services.def"
#undef SERVICE

/* RPC_PICK_a_b(text) is the text when a and b are the same service, else nothing. */
#define RPC_PICK_wfe_wfe(...) __VA_ARGS__
#define RPC_PICK_wfe_ra(...)
#define RPC_PICK_wfe_va(...)
#define RPC_PICK_wfe_ca(...)
#define RPC_PICK_wfe_subscriber(...)
#define RPC_PICK_ra_wfe(...)
#define RPC_PICK_ra_ra(...) __VA_ARGS__
#define RPC_PICK_ra_va(...)
#define RPC_PICK_ra_ca(...)
#define RPC_PICK_ra_subscriber(...)
#define RPC_PICK_va_wfe(...)
#define RPC_PICK_va_ra(...)
#define RPC_PICK_va_va(...) __VA_ARGS__
#define RPC_PICK_va_ca(...)
#define RPC_PICK_va_subscriber(...)
#define RPC_PICK_ca_wfe(...)
#define RPC_PICK_ca_ra(...)
#define RPC_PICK_ca_va(...)
#define RPC_PICK_ca_ca(...) __VA_ARGS__
#define RPC_PICK_ca_subscriber(...)
#define RPC_PICK_subscriber_wfe(...)
#define RPC_PICK_subscriber_ra(...)
#define RPC_PICK_subscriber_va(...)
#define RPC_PICK_subscriber_ca(...)
#define RPC_PICK_subscriber_subscriber(...) __VA_ARGS__
#define RPC_JOIN2(a, b) RPC_PICK_##a##_##b
#define RPC_JOIN(a, b) RPC_JOIN2(a, b)
#define RPC_TABLE2(name) name##_methods
#define RPC_TABLE(name) RPC_TABLE2(name)
#define RPC_COUNT2(name) name##_n_methods
#define RPC_COUNT(name) RPC_COUNT2(name)

/* The handlers are typed, the table is not. */
#define RPC(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	RPC_JOIN(RPC_SERVE, service) \
	(static int rpc_run_##service##_##verb( \
	    struct ctx *c, const void *in, void *ret) { return service##_##verb##_serve(c, in, ret); })
#define RPC_LATER(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	RPC_JOIN(RPC_SERVE, service) \
	(static void rpc_run_##service##_##verb( \
	    struct rpc_call *call, const void *in) { service##_##verb##_serve_later(call, in); })
#define RPC_AT RPC
#include "lib/rpc/methods.def"
#undef RPC
#undef RPC_LATER

#define RPC_ROW(name_of, Method, verb, request_type, response_type, caller_names, limit_ms, how) \
	RPC_JOIN(RPC_SERVE, name_of) \
	({ .service = rpc_service_path_##name_of, \
	     .method = #Method, \
	     .name = #name_of "." #Method, \
	     .callers = (caller_names), \
	     .deadline_ms = (limit_ms), \
	     .request = &request_type##_fields, \
	     .response = &response_type##_fields, \
	     .how = rpc_run_##name_of##_##verb }, )
#define RPC(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	RPC_ROW(service, Method, verb, request, response, callers, deadline_ms, serve)
#define RPC_LATER(service, Method, verb, request, response, callers, deadline_ms, repeat) \
	RPC_ROW(service, Method, verb, request, response, callers, deadline_ms, serve_later)
extern const struct rpc_method RPC_TABLE(RPC_SERVE)[];
extern const size_t RPC_COUNT(RPC_SERVE);
const struct rpc_method RPC_TABLE(RPC_SERVE)[] = {
#include "lib/rpc/methods.def"
};
const size_t RPC_COUNT(RPC_SERVE) = COUNT_OF(RPC_TABLE(RPC_SERVE));
#undef RPC
#undef RPC_LATER
#undef RPC_AT
