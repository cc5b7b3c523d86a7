/* The page on which a person stops a recovery, by the link in a mail about it (docs/recovery.md). */
#ifndef CAIRN_WFE_STOP_RECOVERY_H
#define CAIRN_WFE_STOP_RECOVERY_H

#define STOP_RECOVERY_PATH "/stop-recovery"

#endif
