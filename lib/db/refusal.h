/* A refusal that SQL raised (cairn.refuse, cairn.refuse_with) becomes the error of the request. */
#ifndef CAIRN_DB_REFUSAL_H
#define CAIRN_DB_REFUSAL_H

#include "lib/base/ctx.h"

/* detail: the sentence. more: "" or a JSON object with any of
 *     rule            name of the rule that refused, for log and record
 *     retry_after_s   when it makes sense to come again
 *     ticket          what a person's URL ends in: err.instance, for the caller to make a URL of
 *     identifiers     [{type, value, reason}]: each becomes a subproblem of the same kind
 * Always -1. */
int refusal_fail(struct ctx *c, enum problem problem, const char *detail, const char *more);

#endif
