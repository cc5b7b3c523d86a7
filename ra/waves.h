/* Revocations in waves (`cairn revoke --url`): each certificate is revoked when its wave has ended, whoever ordered it and whatever became
 * of the command (E-7). */
#ifndef CAIRN_RA_WAVES_H
#define CAIRN_RA_WAVES_H

#include "ra/ra.h"

/* Revokes the next certificates whose wave has ended, unless another instance is at it. True: there are more. */
bool waves_sweep(void);

/* This and blocked_sweep, each when it is due again; by one thread. */
void waves_sweep_now_and_then(void);

#endif
