/* The remote perspectives, asked by the first one once it saw control and CAA itself: one call to each, all at once (C-56). The
 * answer goes out as soon as the quorum is decided (policy/quorum.h); what comes later is reported to the registration
 * authority (C-59). Each round stands alone (C-57). */
#ifndef CAIRN_VA_REMOTES_H
#define CAIRN_VA_REMOTES_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"

struct remotes;

/* Judges what the configuration says of perspectives as of now; makes no thread. config must outlive it. FAIL: MALFORMED. */
int remotes_new(struct ctx *c, const struct config *config, struct remotes **ret) MUST_CHECK;
/* Behind rpc_client_configure. */
void remotes_start(struct remotes *r);

/* Whether nothing of this may pass without them, as by the rules of mode webpki (C-50). */
bool remotes_required(const struct remotes *r, const struct validate_request *in);

/* Whether anybody is to be asked about this result of the first perspective. */
bool remotes_wanted(const struct remotes *r, const struct validate_request *in, const struct validation_result *own);

typedef void remotes_done(void *arg, const struct validation_result *result);

/* Asks all. done runs once, from another thread, with the verdict of all together; until then c, `in` and own belong to
 * the round. FAIL: UNAVAILABLE (too many rounds); then done does not run. */
struct remotes_question {
	const struct validate_request *in;
	const struct validation_result *own;
	remotes_done *done;
	void *arg;
};
int remotes_ask(struct remotes *r, struct ctx *c, const struct remotes_question *question) MUST_CHECK;

/* Waits for half of deadline_ms for rounds under way, then counts who has not answered as not answering, and reports what is left to be
 * reported in the other half. Nothing may be asked any more. */
void remotes_stop(struct remotes *r, int64_t deadline_ms);
/* Behind remotes_stop, or if it was never started. NULL is fine. */
void remotes_free(struct remotes *r);

#endif
