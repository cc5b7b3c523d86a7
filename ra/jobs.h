/* Validation as durable jobs: a challenge that is processing has a lease in the database; this process asks the
 * validation authority without holding a thread, and records what it found (design 4.2). */
#ifndef CAIRN_RA_JOBS_H
#define CAIRN_RA_JOBS_H

#include "lib/rpc/messages.h"

/* One validation to be made. */
struct job {
	struct id challenge_id;
	struct id authz_id;
	struct identifier identifier;
	bool wildcard;
	const char *type;
	const char *token;
	const char *key_authorization;
	int64_t attempts; /* that ended before this one */
	struct id account_id;
	struct id request_id;
};

/* What became of an authorization: made_valid is false for all that only the database tells. */
struct job_end {
	bool made_valid;
	struct timestamp validated_at;
	struct timestamp expires_at;
};

/* Starts the loop, the recorders and the taker of lapsed jobs. */
int jobs_start(struct ctx *c) MUST_CHECK;

/* No new jobs are taken; waits for those under way. What is left stays a job in the database. */
void jobs_stop(void);

/* Sends the job on its way (copies what it needs) and waits at most wait_ms until its outcome is recorded; 0: does not
 * wait. What came of it, as far as that is known then. */
struct job_end jobs_run(const struct job *job, int64_t wait_ms);

/* Waits at most ms for the record of a challenge that is under way already. */
struct job_end jobs_wait(struct id challenge_id, int64_t ms);

#endif
