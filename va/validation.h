/* One validation: proof of control and CAA side by side, one deadline, one result that holds all the evidence (F-41..F-43, G-3).
 * Lives in the arena of its ctx. Made in any thread, then run by the loop thread only. */
#ifndef CAIRN_VA_VALIDATION_H
#define CAIRN_VA_VALIDATION_H

#include "policy/decide_validation.h"
#include "va/climb.h"
#include "va/dcv.h"

typedef void validation_done(void *arg, const struct validation_result *result);

struct validation {
	struct va_env *env;
	struct ctx *c;
	const struct validate_request *request;
	validation_done *done;
	void *arg;
	int64_t deadline_us;
	struct validation_result result;
	const struct dcv_method *method;
	struct dcv *dcv; /* NULL: CAA alone */
	struct climb climb;
	bool cut_short; /* this process ends */
	bool asking;    /* all has ended, and whether its silence is ours is being asked */
	struct silence silence;
	int64_t silent_us;       /* since when */
	struct validation *next; /* for the list that it is in */
	struct validation *before;
	struct validation *next_ended;
};

/* FAIL: MALFORMED for a request that no RA of ours sends. It borrows the request, which must live until the end; a
 * request without a key authorization is for CAA alone, `method` being the one that was relied on before (C-44). */
int validation_new(
    struct ctx *c, struct va_env *env, const struct validate_request *request, struct validation **ret) MUST_CHECK;

void validation_start(struct validation *v);
/* Nothing is under way any more; then it stands in env->ended. */
bool validation_ended(const struct validation *v);
/* Called every some 50 ms while it has not ended; sees to the deadline. */
void validation_tick(struct validation *v, int64_t now_us);
/* Ends what is under way; cut_short: because this process ends, and then nothing is concluded from it. */
void validation_expire(struct validation *v, bool cut_short);
/* Once ended: whether the verdict may be drawn. Where nobody answered it has to be known first whether our own resolver and network work
 * (va/uplink.h), so it is asked again at each turn until it is. */
bool validation_settled(struct validation *v);
/* Once settled: draws the verdict and calls done, after which the validation may be gone. */
void validation_conclude(struct validation *v);

#endif
