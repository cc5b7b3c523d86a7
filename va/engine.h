/* The validation engine (design 6): one thread, one epoll loop over libunbound and libcurl's multi interface, that holds
 * thousands of slow validations, at some 10 kB each beside the caller's connection. */
#ifndef CAIRN_VA_ENGINE_H
#define CAIRN_VA_ENGINE_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"
#include "va/validation.h"

struct engine;

/* Reads the networks and sets the resolver up; makes no thread, so it may run before the sandbox. config must outlive it.
 * FAIL: MALFORMED, SERVER_INTERNAL. */
int engine_new(struct ctx *c, const struct config_va *config, struct engine **ret) MUST_CHECK;
int engine_start(struct ctx *c, struct engine *e) MUST_CHECK;

/* How many validations may run, and rounds of perspectives (va/remotes.h) beside them, by the limit of open files. */
size_t engine_capacity(const struct config_va *config);
/* Open files without which not even the least of them is sure; engine_start logs it when fewer are allowed. */
size_t engine_files_min(const struct config_va *config);

/* From any thread. done runs once, in the loop thread, and must not block; until then c and `in` stay as they are and
 * belong to the engine; the result lives in c's arena. FAIL: UNAVAILABLE (full, or draining), MALFORMED; then done does
 * not run. */
int engine_submit(
    struct ctx *c, struct engine *e, const struct validate_request *in, validation_done *done, void *arg) MUST_CHECK;

/* No new work from now on; what is under way may take deadline_ms, then it ends as a fault. Returns when all has ended. */
void engine_drain(struct engine *e, int64_t deadline_ms);
/* After engine_drain, or if it was never started. NULL is fine. */
void engine_free(struct engine *e);

#endif
