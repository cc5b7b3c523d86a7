/* A thread that does one thing again and again, with a pause between, until it is told to stop. */
#ifndef CAIRN_SUBSCRIBER_ROUNDS_H
#define CAIRN_SUBSCRIBER_ROUNDS_H

#include "lib/base/ctx.h"

struct rounds;

/* Each round has a context of its own with limit_ms; one that fails is logged as `failed`, and the next one comes all the same. The
 * first begins at once. Names and texts are constants. NULL: FAIL, no thread could be started. */
struct rounds_of {
	int (*round)(struct ctx *c, const struct rounds *self);
	const char *failed;
	int64_t pause_ms;
	int64_t limit_ms;
};
struct rounds *rounds_start(struct ctx *c, const struct rounds_of *of) MUST_CHECK;

/* For a long round: whether it may go on. */
bool rounds_go_on(const struct rounds *r);

/* Ends the thread behind its round. NULL is fine. */
void rounds_stop(struct rounds *r);

#endif
