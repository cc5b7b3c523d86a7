/* Nothing is signed while the clock is unsure (F-47): it must never go back, and it must agree with the database's, which is asked again
 * every minute and after every jump. */
#ifndef CAIRN_CA_STEADY_H
#define CAIRN_CA_STEADY_H

#include "lib/db/db.h"

/* FAIL: UNAVAILABLE with a sentence while nothing may be signed. */
int steady_check(struct ctx *c) MUST_CHECK;

extern const struct statement steady_statement;

#endif
