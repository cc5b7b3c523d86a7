/* Errors as they cross RPC: Connect's {code, message, details} with the ACME problem as a detail. */
#ifndef CAIRN_RPC_ERROR_H
#define CAIRN_RPC_ERROR_H

#include "lib/base/ctx.h"

#define RPC_PROBLEM_TYPE "cairn.v1.Problem"

/* The error of c as JSON, and the HTTP status for its code. */
struct bytes rpc_error_encode(const struct ctx *c, unsigned *ret_status);

/* Reads an answer that is not 200: always -1 with the error in c. What is about the call itself and not about the
 * subscriber's request (no right, not such a method) becomes SERVER_INTERNAL, with the cause for the log. */
int rpc_error_parse(struct ctx *c, unsigned status, struct bytes json);

#endif
