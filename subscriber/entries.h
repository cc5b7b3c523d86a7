/* What the leaves of the sealed log say, for those who fetch tiles; only where the configuration publishes it (G-43). */
#ifndef CAIRN_SUBSCRIBER_ENTRIES_H
#define CAIRN_SUBSCRIBER_ENTRIES_H

#include <stdbool.h>

/* Once, before the RPC server starts. */
void entries_publish(bool publish);

#endif
