/* The end of the process for what can't happen and for lack of memory; the supervisor starts it again and work resumes
 * from the database. Nothing that a client can send may lead here. */
#ifndef CAIRN_BASE_DIE_H
#define CAIRN_BASE_DIE_H

#include "lib/base/bytes.h"

/* Writes the sentence, as one line of JSON, to standard error and aborts. */
_Noreturn void die(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
