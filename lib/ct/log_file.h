/* The log list of a process: read from its file, read again when the file is another one. */
#ifndef CAIRN_CT_LOG_FILE_H
#define CAIRN_CT_LOG_FILE_H

#include "lib/base/config.h"
#include "lib/ct/log_list.h"

#define LOG_FILE_KEPT_S 600 /* so long a list that was replaced may still be in use */

/* Reads and judges the list that the configuration names, whose signature has to hold where a key is configured (H-8). MALFORMED: it is
 * none, or not signed by that key. */
int log_file_read(struct ctx *c, const struct config_ct *config, struct ct_log_list *ret) MUST_CHECK;

/* Reads it; nothing is done for the files that were read before (same inode, size and times). FAIL: the list before stays in
 * force. config is borrowed. One thread at a time. */
int log_file_refresh(struct ctx *c, const struct config_ct *config) MUST_CHECK;

/* The list in force, whole for LOG_FILE_KEPT_S at least; NULL: none was read. */
const struct ct_log_list *log_file_list(void);

#endif
