/* Lists of the result of a validation that grow while it runs. */
#ifndef CAIRN_VA_RECORD_H
#define CAIRN_VA_RECORD_H

#include "lib/rpc/messages.h"

/* Copies the struct; its texts stay where they are. */
void record_resolution(struct arena *a, struct validation_result *result, const struct resolution *one);
/* The record of the connection, to be changed while it is the last. */
struct connection_attempt *record_attempt(
    struct arena *a, struct validation_result *result, const struct connection_attempt *one);

#endif
