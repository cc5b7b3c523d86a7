/* The registration authority's own look at a round of perspectives: those that its configuration names were asked, and the
 * quorum stands by the answers themselves (C-50..C-52). */
#ifndef CAIRN_RA_CORROBORATION_H
#define CAIRN_RA_CORROBORATION_H

#include "lib/rpc/messages.h"

/* The result about the identifier as it is; or, when it passed without the quorum that this configuration wants, a fault of ours. */
struct validation_result corroboration_judge(
    const struct identifier *identifier, const struct validation_result *result);

#endif
