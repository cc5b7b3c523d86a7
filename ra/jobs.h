/* Validation as durable jobs: a challenge that is processing has a lease in the database; this process asks the
 * validation authority without holding a thread, and records what it found (design 4.2). */
#ifndef CAIRN_RA_JOBS_H
#define CAIRN_RA_JOBS_H

#include "lib/rpc/client.h"
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
	struct bytes response; /* of onion-csr-01: what the client sent along */
	int64_t attempts;      /* that ended before this one */
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

/* No new jobs are taken; waits so long for those under way, then gives them up. What is left stays a job in the database. */
void jobs_stop(int64_t deadline_ms);

/* Sends the job on its way (copies what it needs) and waits at most wait_ms until its outcome is recorded; 0: does not
 * wait. What came of it, as far as that is known then. */
struct job_end jobs_run(const struct job *job, int64_t wait_ms);

/* One question that is no job, as rpc_va_validate_start has it, by the same loop. False, and nothing is asked, after jobs_stop. */
bool jobs_ask(const struct validate_request *request, struct id request_id, int64_t deadline_ms,
    rpc_va_validate_done *done, void *arg) MUST_CHECK;

/* Waits at most ms for the record of a challenge that is under way already. */
struct job_end jobs_wait(struct id challenge_id, int64_t ms);

#endif
