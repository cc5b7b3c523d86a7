/* Which issuing keys the signer has opened, and which it has lost, as events of the sealed log: key.opened, key.closed (F-57, activations of
 * keys). The end of the process closes them all, and is an event of its own. */
#ifndef CAIRN_CA_ACTIVATIONS_H
#define CAIRN_CA_ACTIVATIONS_H

#include "lib/db/db.h"

/* Records what is otherwise than this run of the process recorded last; at first, all keys that are at hand. FAIL: the database does not take
 * it, and the next call tries again. For one thread at a time. */
int activations_record(struct ctx *c) MUST_CHECK;

extern const struct statement activations_statement;

#endif
