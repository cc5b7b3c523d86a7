/* What cairn-ca does without being asked: CRLs, and issuances that another run left behind. */
#ifndef CAIRN_CA_DUTIES_H
#define CAIRN_CA_DUTIES_H

#include "lib/base/ctx.h"

/* One thread: wakes up when a revocation is recorded, and each two seconds. */
int duties_start(struct ctx *c) MUST_CHECK;
/* Waits for its end. Fine when it never started. */
void duties_stop(void);

#endif
