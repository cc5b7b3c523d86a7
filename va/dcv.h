/* One proof of control under way (domain control validation), by whichever method: what all methods have in common, and the
 * table of them. A method lives in the arena of the validation and runs in the loop thread; what happened goes into the
 * result, from which its verdict is drawn (policy/decide_validation.h). */
#ifndef CAIRN_VA_DCV_H
#define CAIRN_VA_DCV_H

#include "policy/decide.h"
#include "va/env.h"

/* The first member of each method's own struct. */
struct dcv {
	struct va_env *env;
	struct arena *arena;
	const struct validate_request *request;
	struct validation_result *result;
	int64_t deadline_us;
	void (*on_end)(void *arg); /* the method calls it once nothing is under way any more; it may not free the arena */
	void *arg;
	bool fault; /* of ours: nothing is concluded */
	bool ended; /* nothing is under way */
};

struct dcv_method {
	const char *name;
	size_t size; /* of its struct */
	void (*start)(struct dcv *dcv);
	/* Called every some 50 ms while it has not ended; NULL: it has no use for that. */
	void (*tick)(struct dcv *dcv, int64_t now_us);
	/* Time is up: ends it. No effect when it has ended. */
	void (*abandon)(struct dcv *dcv);
};

/* NULL for a method that is not of the table. */
const struct dcv_method *dcv_method_find(const char *name);

/* A proof of control that has not started; the members of struct dcv from env to arg are the caller's `how`, with the rest
 * of the method's struct zero. */
struct dcv *dcv_new(const struct dcv_method *method, const struct dcv *how);

/* Nothing is under way any more. No effect when it has ended. */
void dcv_finish(struct dcv *dcv);

#endif
