/* The log list of a process: read from its file, read again when the file is another one. */
#ifndef CAIRN_CT_LOG_FILE_H
#define CAIRN_CT_LOG_FILE_H

#include "lib/ct/log_list.h"

#define LOG_FILE_KEPT_S 600 /* so long a list that was replaced may still be in use */

/* Reads the file; nothing is done for the file that was read before (same inode, size and times). FAIL: the list before stays in
 * force. path is borrowed. One thread at a time. */
int log_file_refresh(struct ctx *c, const char *path) MUST_CHECK;

/* The list in force, whole for LOG_FILE_KEPT_S at least; NULL: none was read. */
const struct ct_log_list *log_file_list(void);

#endif
