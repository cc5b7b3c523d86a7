/* Holds transparency logs to what they promised (H-17). Each log's tree is read entry by entry, and the root of each new head must be that of
 * the entries: so a log that forks, changes or hides one is found. Among the entries each certificate under a key of ours must be ours, and
 * the entry of each SCT in our certificates must be there in time. */
#ifndef CAIRN_RA_MONITOR_H
#define CAIRN_RA_MONITOR_H

#include "ra/log_source.h"
#include "ra/monitor_rows.h"

#define MONITOR_LEAVES_MAX 4096 /* read of one log in a turn */

/* One turn with the log that was taken: reads on, and leaves in m what has become known. Never fails for what a log does; -1 when the
 * database is away, and then nothing is to be noted. */
int monitor_turn(struct ctx *c, const struct log_source *s, struct monitored *m) MUST_CHECK;

#endif
