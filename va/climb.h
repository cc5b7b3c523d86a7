/* The CAA check of one validation (RFC 8659 3; C-31): one lookup after the other, as policy/decide_caa.h wants them, until there is a
 * verdict. Lives in the arena of the validation, runs in the loop thread. */
#ifndef CAIRN_VA_CLIMB_H
#define CAIRN_VA_CLIMB_H

#include "va/env.h"
#include "va/resolve.h"

struct climb {
	struct va_env *env;
	struct arena *arena;
	const struct validate_request *request;
	struct validation_result *result; /* its caa is filled in, and what of its basis is about CAA */
	int64_t deadline_us;              /* of the whole validation */
	int64_t lookup_until_us;          /* of the lookup that is under way */
	struct lookup *lookup;
	bool fault; /* of ours: nothing is concluded */
	void (*on_end)(void *arg);
	void *arg;
	bool ended; /* nothing is under way */
};

/* The first five members (without lookup_until_us), on_end and arg are filled in by the caller. on_end runs when nothing is
 * under way any more; it may not free the arena. */
void climb_start(struct climb *climb);

/* Called every some 50 ms: a lookup may take no more than a part of the time, so that the next one has its own. */
void climb_tick(struct climb *climb, int64_t now_us);

/* Time is up: ends it as a failed lookup. No effect when it has ended. */
void climb_abandon(struct climb *climb);

#endif
