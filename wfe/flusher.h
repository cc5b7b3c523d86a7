/* Brings what the spool holds into the database: syncs the spool every few milliseconds, joins the begin and the end of
 * each request, and adds them in batches. The number of the last record that is in the database moves in the transaction
 * that adds its rows, so that nothing is lost or doubled whenever this process or PostgreSQL ends. */
#ifndef CAIRN_WFE_FLUSHER_H
#define CAIRN_WFE_FLUSHER_H

#include "lib/db/db.h"
#include "wfe/spool.h"

struct flusher;

/* Borrows the spool, which nobody else may read. */
struct flusher *flusher_new(struct spool *s);
void flusher_free(struct flusher *f);

/* One round: all that can be joined is brought into the database. UNAVAILABLE and its like: the database does not take
 * it now, the next round tries again. For the thread below, and for tests. */
int flusher_flush(struct ctx *c, struct flusher *f) MUST_CHECK;

/* A thread that does rounds until flusher_stop, which waits for a last one. */
void flusher_start(struct flusher *f);
void flusher_stop(struct flusher *f);

/* Whether the last round reached the database. */
bool flusher_healthy(const struct flusher *f);

extern const struct statement flusher_find_position;
extern const struct statement flusher_move_position;

#endif
