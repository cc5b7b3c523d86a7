/* Nothing is signed while the clock is unsure (F-47): it must not go back, and it must agree with the database's, which is asked again
 * every minute and after every jump. One that was ahead and was set right is trusted again when it is where it was, or when the database
 * has agreed with it for five minutes in which it did not jump. */
#ifndef CAIRN_CA_STEADY_H
#define CAIRN_CA_STEADY_H

#include "lib/db/db.h"

/* FAIL: UNAVAILABLE with a sentence while nothing may be signed. */
int steady_check(struct ctx *c) MUST_CHECK;

/* Why nothing is signed, a sentence, or NULL, as steady_check found it last; good until the thread asks again. */
const char *steady_fault(void);

extern const struct statement steady_statement;
extern const struct statement steady_alarm_statement;

#endif
