/* The CAA check of one validation (RFC 8659 3; C-31): one lookup after the other from the name towards the root, until
 * a set is found. A lookup that fails is never a permission (C-38). Lives in the arena of the validation, runs in the
 * loop thread. */
#ifndef CAIRN_VA_CLIMB_H
#define CAIRN_VA_CLIMB_H

#include "va/env.h"
#include "va/resolve.h"

struct climb {
	struct va_env *env;
	struct arena *arena;
	const struct validate_request *request;
	struct validation_result *result; /* its caa is filled in */
	const char *name;                 /* asked for now */
	struct lookup *lookup;
	enum problem problem; /* PROBLEM_NONE: permitted */
	const char *detail;
	bool fault;
	void (*on_end)(void *arg);
	void *arg;
	bool ended; /* nothing is under way */
};

/* The first four members, on_end and arg are filled in by the caller. on_end runs when nothing is under way any more; it
 * may not free the arena. */
void climb_start(struct climb *climb);

/* Time is up: ends it as a failed lookup. No effect when it has ended. */
void climb_abandon(struct climb *climb);

#endif
