/* The small listener of each process for operators: GET /metrics (Prometheus), /livez, /readyz. Plain HTTP: it belongs on
 * a loopback or management address. */
#ifndef CAIRN_HTTP_HEALTH_H
#define CAIRN_HTTP_HEALTH_H

#include "lib/base/ctx.h"

struct health;

/* listen: "127.0.0.1:9101". not_ready gives what keeps the process from being ready, as a sentence, or NULL when it is; it
 * is called in the listener's thread and must not block; not_ready NULL: always ready. */
int health_start(struct ctx *c, const char *listen, const char *(*not_ready)(void), struct health **ret) MUST_CHECK;
uint16_t health_port(const struct health *h);
/* NULL is fine. */
void health_stop(struct health *h);

#endif
