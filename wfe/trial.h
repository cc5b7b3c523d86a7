/* Trouble for clients under test (A-41; docs/testing-clients.md): which requests are refused although they are good. The n-th
 * draw of a kind gives the same for the same seed, so a client that sends one request after another can be tried again in
 * the same way. Safe from all threads. */
#ifndef CAIRN_WFE_TRIAL_H
#define CAIRN_WFE_TRIAL_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

struct trial;

/* In the arena. */
struct trial *trial_new(struct arena *a, const struct config *config);

/* FAIL: UNAVAILABLE for a share of requests, before anything is done. */
int trial_busy(struct ctx *c, struct trial *trial) MUST_CHECK;

/* FAIL: BAD_NONCE for a share of good nonces. */
int trial_nonce(struct ctx *c, struct trial *trial) MUST_CHECK;

/* FAIL: RATE_LIMITED for a share of requests that are good so far. */
int trial_limited(struct ctx *c, struct trial *trial) MUST_CHECK;

/* What the answers' header Cairn-Test says: the switches that are on; NULL: none. */
const char *trial_header(const struct trial *trial);

#endif
