/* The log compared with its seal, row by row, from the first leaf to the last and then what comes, again and again (F-69): what
 * `cairn audit verify` does at once, piece by piece and slowly enough that nobody waits for it. */
#ifndef CAIRN_SUBSCRIBER_VERIFIER_H
#define CAIRN_SUBSCRIBER_VERIFIER_H

#include "lib/base/config.h"
#include "lib/db/db.h"
#include "lib/seal/note.h"
#include "subscriber/rounds.h"

struct verifier {
	const char *instance;
	const struct note_key *key;  /* of the log */
	int64_t per_s;               /* leaves at most */
	int64_t piece;               /* leaves of a round, about */
	int64_t every_s;             /* from the first leaf on */
	const struct rounds *thread; /* NULL: nothing stops it */
};

/* From round to round. */
struct verifying {
	int found;    /* rounds in a row that found something, and did not record it */
	int64_t done; /* leaves of the last round; 0 also when another instance has the lease */
};

/* Compares for half a minute or so, if this instance has the lease. What is found is looked at twice more before it is recorded, as rows may be
 * purged meanwhile. */
int verifier_round(struct ctx *c, const struct verifier *v, struct verifying *state) MUST_CHECK;

/* Starts the thread; texts and key are borrowed. */
int verifier_start(
    struct ctx *c, const struct config *config, const char *instance, const struct note_key *key) MUST_CHECK;
void verifier_stop(void);

extern const struct statement *const verifier_statements[];
extern const size_t verifier_n_statements;

#endif
