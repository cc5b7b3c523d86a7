/* libunbound's sockets and timers in the validation engine's own loop (unbound-event.h), so that a lookup takes no thread
 * and no pipe. Everything is called in one thread. */
#ifndef CAIRN_VA_DNS_LOOP_H
#define CAIRN_VA_DNS_LOOP_H

#include "lib/base/bytes.h"

struct ub_event_base;
struct dns_loop;

/* NULL when the kernel has no epoll for us. */
struct dns_loop *dns_loop_new(void) MUST_CHECK;
/* After the ub_ctx that uses it. NULL is fine. */
void dns_loop_free(struct dns_loop *l);

/* What ub_ctx_create_ub_event takes. */
struct ub_event_base *dns_loop_base(struct dns_loop *l);

/* Readable when dns_loop_serve has something to do. */
int dns_loop_fd(const struct dns_loop *l);
/* Serves sockets that are ready. */
void dns_loop_serve(struct dns_loop *l);

/* When dns_loop_time wants to be called, by clock_monotonic_us; INT64_MAX: not. May be too early. */
int64_t dns_loop_due_us(const struct dns_loop *l);
/* Serves timers that are due. */
void dns_loop_time(struct dns_loop *l, int64_t now_us);

#endif
