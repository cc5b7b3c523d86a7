/* What an order for a name would meet, in plain sentences, drawn from trial validations that nobody answers: their tokens are
 * known to no client, so the last step of each has to fail, and what stands before it is what a person wants to know. Pure. */
#ifndef CAIRN_POLICY_DIAGNOSE_H
#define CAIRN_POLICY_DIAGNOSE_H

#include "lib/rpc/messages.h"

#define FINDING_OK "ok"
#define FINDING_NOTE "note"       /* worth a look; does not stop an order */
#define FINDING_PROBLEM "problem" /* what it is about would fail */

struct diagnosing {
	struct arena *a;
	bool inside; /* for an operator: addresses inside, and what answered, may be shown */
	struct finding_list *findings;
};

/* One more sentence, unless it stands there; the list grows in the arena. */
void diagnose_add(const struct diagnosing *d, const char *about, const char *level, const char *text);

/* The trial by the method that `result` names, as far as there is one to make: whether an order could use it. */
bool diagnose_method(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *result);

/* A CAA check alone: whether it permits. */
bool diagnose_caa(
    const struct diagnosing *d, const struct validate_request *asked, const struct validation_result *result);

#endif
