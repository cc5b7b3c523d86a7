/* How far a long audit is, for a person who waits at a terminal: a line on standard error, which a thread writes anew each second. */
#ifndef CAIRN_CLI_AUDIT_PROGRESS_H
#define CAIRN_CLI_AUDIT_PROGRESS_H

#include <stdbool.h>

/* From now on, until the end. Nothing is shown in the first two seconds, where standard error is no terminal, or if quiet. */
void audit_progress_begin(bool quiet);

/* What is under way, in at most 150 octets. */
__attribute__((format(printf, 1, 2))) void audit_progress(const char *format, ...);

/* Takes the line off the terminal, for what is printed now. */
void audit_progress_clear(void);

/* The same for good. Safe without a beginning. */
void audit_progress_end(void);

#endif
