/* Revocations in waves (`cairn revoke --url`): each certificate is revoked when its wave has ended, whoever ordered it and whatever became
 * of the command (E-7). */
#ifndef CAIRN_RA_WAVES_H
#define CAIRN_RA_WAVES_H

#include "ra/ra.h"

/* Revokes the next certificates whose wave has ended, unless another instance is at it. True: there are more. */
bool waves_sweep(void);

/* A thread that does this and blocked_sweep, each when it is due again, and nothing else: nobody waits behind many revocations. After
 * db_configure. waves_stop waits for the batch that is under way. */
int waves_start(struct ctx *c) MUST_CHECK;
void waves_stop(void);

#endif
