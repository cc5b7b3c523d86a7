/* Lists of the result of a validation that grow while it runs. */
#ifndef CAIRN_VA_RECORD_H
#define CAIRN_VA_RECORD_H

#include "lib/rpc/messages.h"

/* Octets of a record as JSON, whatever hosts and zones send, so that it can be reported alone: up to 340 KiB for what there is when the last lookup is
 * made (EVIDENCE_MAX: addresses take 1.3 octets for each in memory, all else less), 180 KiB for the last two lookups (LOOKUP_PACKET_MAX), and 350
 * KiB for URL, Location, head and certificate of 11 hops that need no lookup (va/http_answer.h). */
#define RECORD_MAX (896 * 1024)

/* Copies the struct; its texts stay where they are. */
void record_resolution(struct arena *a, struct validation_result *result, const struct resolution *one);
/* The record of the connection, to be changed while it is the last. */
struct connection_attempt *record_attempt(
    struct arena *a, struct validation_result *result, const struct connection_attempt *one);

#endif
