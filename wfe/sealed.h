/* The sealed log for everybody (C2SP tlog-tiles), below /log: the checkpoint, tiles of hashes and, where the configuration
 * publishes them, entries. */
#ifndef CAIRN_WFE_SEALED_H
#define CAIRN_WFE_SEALED_H

#include "lib/http/server.h"

#define SEALED_ASK_MAX 32768 /* octets of the body of add-checkpoint */

/* POST of a checkpoint of another log, for which this CA is a witness (C2SP tlog-witness). NOT_FOUND: elsewhere, or it is none. */
int sealed_add_checkpoint(struct http_request *r) MUST_CHECK;

/* Answers what lies below /log, and what was witnessed of other logs below /witness; NOT_FOUND for what is not there, and for all that lies elsewhere. */
int sealed_serve(struct http_request *r) MUST_CHECK;

#endif
