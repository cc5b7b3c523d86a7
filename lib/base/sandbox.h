/* What a process may do once it has started, as tables that a reviewer can read: paths and system calls in sandbox.c, how
 * they are enforced (landlock, seccomp) in sandbox_enter.c; also limits, no new privileges, no powers of root, not dumpable.
 * Style 28, F-64. */
#ifndef CAIRN_BASE_SANDBOX_H
#define CAIRN_BASE_SANDBOX_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

/* The memory gets into no core dump and no debugger (G-6): a part of sandbox_enter, and for who holds a key before or without it.
 * FAIL: SERVER_INTERNAL. */
int sandbox_no_dump(struct ctx *c) MUST_CHECK;

/* Enters the sandbox of the process named ("cairn-ra", "cairn-ca-signer" ...) for good; call it before threads start. A
 * kernel without landlock is logged as a warning; a filter that can't be installed is a FAIL.
 *
 * Inside, files are readable in the folders of the process's own certificates and keys (so that a renewed one can be read
 * at SIGHUP), rpc.ca_file, what libraries need of /etc, /usr and /proc, and nothing else of the state: read keys and
 * lists that lie elsewhere in `open`, and keep no foreign secret in or below the folder of a certificate. No process
 * starts another one; cairn-ca forks its signer before and ends it by closing its socket. The signer has no files and no
 * sockets but those that it holds already: a file that it opens gets EACCES, so that it must load its keys and warm up
 * OpenSSL before. All else that is not in the tables ends the process with SIGSYS. */
int sandbox_enter(struct ctx *c, const char *process, const struct config *config) MUST_CHECK;

#endif
