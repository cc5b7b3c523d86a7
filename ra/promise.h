/* A precertificate's way to its certificate: logs are asked for SCTs, the CA embeds them; and the certificate's way into a log. A job
 * takes up what was left: by a crash, or as the logs did not answer (H-11..H-14). */
#ifndef CAIRN_RA_PROMISE_H
#define CAIRN_RA_PROMISE_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"

/* What may be asked for now: reads the list of logs. Nothing when there is no ct.log_list_file. Starts the job. */
int promise_start(struct ctx *c, const struct config *config) MUST_CHECK;
void promise_stop(void);

/* answer->precertificate becomes answer->certificate. UNAVAILABLE when it does not for now: the job goes on with it. */
int promise_keep(struct ctx *c, struct issue_certificate_response *answer) MUST_CHECK;

#endif
