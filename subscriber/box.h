/* What this process has to read again later and nobody else may: sealed by AES-256-GCM under keys that follow from the key of the
 * contacts' hashes. It binds what it is for, so that nothing can be put in another's place unnoticed. */
#ifndef CAIRN_SUBSCRIBER_BOX_H
#define CAIRN_SUBSCRIBER_BOX_H

#include "lib/base/ctx.h"

#define BOX_OVERHEAD 28 /* nonce and tag */

/* what: a constant; id: whose it is. Blanks behind the text make `size` octets of it, so that its length tells nothing; a text that is
 * longer ends the process: the caller has bounded it. */
struct bytes box_seal(
    struct arena *a, struct bytes key, const char *what, struct id id, struct bytes text, size_t size);

/* The text in the arena of c, with its blanks, which is wiped with it. UNAUTHORIZED: it is not whole, or not for this. */
int box_open(
    struct ctx *c, struct bytes key, const char *what, struct id id, struct bytes sealed, const char **ret) MUST_CHECK;

#endif
