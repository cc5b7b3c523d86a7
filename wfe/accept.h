/* Which of several media types an answer has, by the request's Accept (RFC 9110 12.5.1). A pure decision. */
#ifndef CAIRN_WFE_ACCEPT_H
#define CAIRN_WFE_ACCEPT_H

#include "lib/base/bytes.h"

/* The place of the type that the client likes best among the n offered ones, which are in lower case; of several the first.
 * The first as well when it takes none of them, when header is NULL, and when nothing in it can be read. */
size_t accept_choose(const char *header, const char *const *offered, size_t n);

#endif
