/* Structured logs: one line of JSON an event on standard error, for operators; never evidence (that is the log schema of
 * the database). No secret, no recovery contact and no octets of a request's body enter it (F-48, G-5). */
#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H

#include "lib/base/ctx.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Name of this process in each line ("cairn-ra"); level: the least that is written. Call once before threads start. */
void log_init(const char *process, enum log_level least);
int log_level_parse(const char *text, enum log_level *ret) MUST_CHECK;

/* Pairs of key and value: log_event(c, LOG_INFO, "order created", "order", id_text, "names", n_text, NULL). All values
 * are texts; a NULL value is left out. c gives the request id and may be NULL. message is a constant. */
void log_event(const struct ctx *c, enum log_level level, const char *message, ...) __attribute__((sentinel));

/* Logs the error of c with type, detail, cause and the policy's rule. */
void log_error(const struct ctx *c, enum log_level level, const char *message);

#endif
