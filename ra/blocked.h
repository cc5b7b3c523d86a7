/* Keys that nobody may use any more, and what is left of certificates that have one (E-13). */
#ifndef CAIRN_RA_BLOCKED_H
#define CAIRN_RA_BLOCKED_H

#include "ra/ra.h"

/* Revokes the next certificates of a blocked key that were too many for the transaction that blocked it, or are from before. True:
 * there are more. */
bool blocked_sweep(void);

#endif
