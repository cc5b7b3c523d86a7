/* Asks Certificate Transparency logs, several at once (H-1, H-11). A log that fails is left alone for a while, longer each time. */
#ifndef CAIRN_RA_LOGS_H
#define CAIRN_RA_LOGS_H

#include "lib/rpc/messages.h"
#include "policy/ct.h"

struct logs_question {
	const struct ct_case *o;       /* with what logs sign */
	const struct text_list *names; /* of logs that may be asked; empty: all */
	const char *path;              /* "ct/v1/add-pre-chain" */
	struct bytes body;
	size_t wanted; /* so many SCTs; 0: what the policies ask for */
	int64_t timeout_ms;
	const char *ca_file; /* PEM, what certifies logs that are asked by HTTPS; NULL: what the system trusts */
};

/* Before there are threads. */
int logs_init(struct ctx *c) MUST_CHECK;

/* From now on no log is awaited: who asks fails at once, without a word against the logs. */
void logs_end(void);
bool logs_ending(void);

/* Closes the connections that are kept between questions. While nobody asks. */
void logs_done(void);

/* ret_done: what each log that was asked said, also when it fails: UNAVAILABLE, too few good SCTs came in time. Every SCT in ret is
 * good for the case (H-3). */
int logs_ask(
    struct ctx *c, const struct logs_question *q, struct submission_list *ret_done, struct sct_list *ret) MUST_CHECK;

#endif
