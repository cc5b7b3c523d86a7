/* A precertificate's way to its certificate: logs are asked for SCTs, the CA embeds them; and the certificate's way into a log. What was
 * left, by a crash, or as the logs did not answer, a job takes up: promise_job.h (H-11..H-14). */
#ifndef CAIRN_RA_PROMISE_H
#define CAIRN_RA_PROMISE_H

#include "lib/rpc/messages.h"

/* What waits for logs. */
struct unlogged {
	struct id certificate_id;
	struct bytes der;
	bool final; /* a certificate; else a precertificate */
	struct bytes issuer;
	const char *chain; /* PEM of what stands behind der, without a root; may begin with the issuer */
};

/* answer->precertificate becomes answer->certificate. UNAVAILABLE when it does not for now, whatever the reason: the job goes on with
 * it. At most half of the process's workers wait for logs; to more than these it says so at once. */
int promise_keep(struct ctx *c, struct issue_certificate_response *answer) MUST_CHECK;

/* Asks logs once, and records what came of it. */
int promise_work(struct ctx *c, const struct unlogged *in) MUST_CHECK;

#endif
