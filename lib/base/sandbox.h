/* What a process may do once it has started, as one table in sandbox.c that a reviewer can read: paths (landlock), system
 * calls (seccomp, by libseccomp), limits, no new privileges, not dumpable. Style 28. */
#ifndef CAIRN_BASE_SANDBOX_H
#define CAIRN_BASE_SANDBOX_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

/* Enters the sandbox of the process named ("cairn-ra", "cairn-ca-signer" ...) for good; call it before threads start. A
 * kernel without landlock is logged as a warning; a filter that can't be installed is a FAIL. */
int sandbox_enter(struct ctx *c, const char *process, const struct config *config) MUST_CHECK;

#endif
