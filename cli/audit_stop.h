/* Ctrl-C during a long audit: the query under way is cancelled in the server, and the command says how far it came. */
#ifndef CAIRN_CLI_AUDIT_STOP_H
#define CAIRN_CLI_AUDIT_STOP_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM only ask to stop; a second one ends the process. What was ignored stays so. */
void audit_stop_catch(void);

/* Whether one came. */
bool audit_is_stopped(void);

#endif
