#include "ra/retry.h"

#include "policy/challenges.h"
#include "ra/ra.h"

#define FAULT_RETRY_MIN_S 1
#define FAULT_RETRY_MAX_S 30

/* What the client sent along stays what it is: it is not judged again. */
static bool may_pass_later(const char *type)
{
	const struct challenge_kind *kind = challenge_kind_find(type);
	return kind == NULL || !kind->signed_request;
}

/* When a job is due again that met a fault of ours: faults that go on for long are met ever more rarely, as the wait is half of the
 * time since the client asked, a little more or less, so that jobs which failed together don't come back together. */
static int64_t fault_retry_s(const struct job *job)
{
	int64_t since_s = (clock_now().us - id_time(job->request_id).us) / 1000000;
	int64_t s = since_s * (75 + job->authz_id.b[15] % 50) / 200;
	s = s < FAULT_RETRY_MIN_S ? FAULT_RETRY_MIN_S : s;
	return s < FAULT_RETRY_MAX_S ? s : FAULT_RETRY_MAX_S;
}

int64_t retry_after_s(const struct job *job, const struct validation_result *result)
{
	if (result->fault) {
		return fault_retry_s(job);
	}
	bool again =
	    !result->passed && job->attempts + 1 < ra_get()->config->ra.validation_attempts && may_pass_later(job->type);
	return again ? 2 << job->attempts : -1; /* 2, 4, 8 ... seconds */
}
