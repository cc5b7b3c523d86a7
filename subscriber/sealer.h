/* What seals the log (docs/sealing.md): gives leaves their places in the tree, in batches, and signs checkpoints of it. One
 * instance at a time does so, by a lease; a crash at any point leaves a tree that the next round goes on from. */
#ifndef CAIRN_SUBSCRIBER_SEALER_H
#define CAIRN_SUBSCRIBER_SEALER_H

#include "subscriber/checkpoint.h"
#include "subscriber/sealer_rows.h"

struct sealer;

/* signer is borrowed; holder: of the lease. */
struct sealer *sealer_new(const struct checkpoint_signer *signer, const char *holder);
void sealer_free(struct sealer *s);

/* Takes all that waits into the tree and signs it, if this instance has the lease. Fails when the database can't be reached, and
 * with CONFLICT, without having changed or signed anything, when what is there does not fit what was signed. */
int sealer_round(struct ctx *c, struct sealer *s) MUST_CHECK;

/* A thread that makes a round every interval_ms; sealer_stop makes a last one. */
int sealer_start(struct ctx *c, struct sealer *s, int64_t interval_ms) MUST_CHECK;
void sealer_stop(struct sealer *s);

/* Why the log is not being sealed, or NULL. */
const char *sealer_trouble(const struct sealer *s);

#endif
