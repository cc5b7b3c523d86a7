/* How the addresses of our services have answered lately, for all threads of the process: one that is dead or hangs is left
 * alone for a while and looked at again by one call at a time, so that it costs the others no time. */
#ifndef CAIRN_RPC_REACH_H
#define CAIRN_RPC_REACH_H

#include "lib/rpc/client.h"

/* Forgets all that is known. */
void reach_forget(void);

/* Which of the n addresses of the service to try, beginning with number `first`: the first of those that answer, or whose
 * turn it is to be looked at again; when there is none, number `first` itself and *ret_down is true. */
unsigned reach_choose(enum rpc_service service, unsigned first, size_t n, bool *ret_down);

/* It answered, whatever it said. */
void reach_answered(enum rpc_service service, unsigned address);
/* An attempt of that moment got no answer; silent: it took the connection, or none was made, until the time was over. Tells
 * nothing when another call was answered since. */
void reach_failed(enum rpc_service service, unsigned address, int64_t began_us, bool silent);
/* It was silent the last time. */
bool reach_silent(enum rpc_service service, unsigned address);

#endif
