/* Why libunbound gave up on a lookup. It says so in its log only, moments before it answers SERVFAIL, in the same thread. */
#ifndef CAIRN_VA_DNS_REASON_H
#define CAIRN_VA_DNS_REASON_H

#include <stdio.h>

#include "lib/base/ctx.h"

/* Where libunbound's log of the whole process goes to; it stays until the process ends. NULL: no memory. */
FILE *dns_reason_log(void) MUST_CHECK;

/* What was logged last in this thread, if it is about this name and type, else NULL; the same for all who wait for one lookup. In the
 * arena: printable characters, at most 1023. */
const char *dns_reason_find(struct arena *a, const char *name, const char *type);
/* Before libunbound is called: what it logged before explains nothing that it answers now. */
void dns_reason_forget(void);

#endif
