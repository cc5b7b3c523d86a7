#include "va/dns_loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/die.h"

#define SERVED_MAX 64 /* before other parts of the engine have their turn */
#define SOCKET_BITS (UB_EV_READ | UB_EV_WRITE)

struct event {
	struct ub_event head; /* first: libunbound knows this part only */
	struct dns_loop *loop;
	int fd;
	short bits;
	void (*call)(int fd, short bits, void *arg);
	void *arg;
	bool watched;    /* by epoll */
	bool timed;      /* in the list */
	int64_t due_us;  /* while timed */
	int64_t last_us; /* how long its time was */
	struct event *next;
	struct event *before;
};

struct dns_loop {
	struct ub_event_base head; /* first */
	int epoll;
	int64_t due_us; /* no timer is due before */
	struct event *timed;
};

static struct event *event_of(struct ub_event *head)
{
	return (struct event *) head;
}

static void time_start(struct event *e, int64_t us)
{
	struct dns_loop *l = e->loop;
	e->last_us = us;
	e->due_us = clock_monotonic_us() + us;
	l->due_us = e->due_us < l->due_us ? e->due_us : l->due_us;
	if (e->timed) {
		return;
	}
	e->timed = true;
	e->before = NULL;
	e->next = l->timed;
	if (l->timed != NULL) {
		l->timed->before = e;
	}
	l->timed = e;
}

static void time_stop(struct event *e)
{
	if (!e->timed) {
		return;
	}
	e->timed = false;
	if (e->before != NULL) {
		e->before->next = e->next;
	} else {
		e->loop->timed = e->next;
	}
	if (e->next != NULL) {
		e->next->before = e->before;
	}
}

static int64_t us_of(const struct timeval *time)
{
	return (int64_t) time->tv_sec * 1000000 + time->tv_usec;
}

static void add_bits(struct ub_event *head, short bits)
{
	event_of(head)->bits |= bits;
}

static void del_bits(struct ub_event *head, short bits)
{
	event_of(head)->bits &= (short) ~bits;
}

static void set_fd(struct ub_event *head, int fd)
{
	event_of(head)->fd = fd;
}

static int event_add(struct ub_event *head, struct timeval *time)
{
	struct event *e = event_of(head);
	if (e->fd >= 0 && (e->bits & SOCKET_BITS) != 0) {
		struct epoll_event wanted = { .data.ptr = e };
		wanted.events = (e->bits & UB_EV_READ ? EPOLLIN : 0U) | (e->bits & UB_EV_WRITE ? EPOLLOUT : 0U);
		if (epoll_ctl(e->loop->epoll, e->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, e->fd, &wanted) != 0) {
			return -1;
		}
		e->watched = true;
	}
	if (time != NULL) {
		time_start(e, us_of(time));
	}
	return 0;
}

static int event_del(struct ub_event *head)
{
	struct event *e = event_of(head);
	if (e->watched) {
		(void) epoll_ctl(e->loop->epoll, EPOLL_CTL_DEL, e->fd, NULL); /* a closed one is out of it already */
		e->watched = false;
	}
	time_stop(e);
	return 0;
}

static void event_free(struct ub_event *head)
{
	if (head != NULL) {
		(void) event_del(head);
		free(event_of(head));
	}
}

static int add_timer(struct ub_event *head, struct ub_event_base *base, void (*call)(int, short, void *), void *arg,
    struct timeval *time)
{
	struct event *e = event_of(head);
	(void) base;
	e->call = call;
	e->arg = arg;
	time_start(e, us_of(time));
	return 0;
}

static int del_timer(struct ub_event *head)
{
	time_stop(event_of(head));
	return 0;
}

/* Signals are the process's, not libunbound's; and this is no Windows. */
static int no_signal(struct ub_event *head, struct timeval *time)
{
	(void) head, (void) time;
	return -1;
}

static int no_signal_any_more(struct ub_event *head)
{
	(void) head;
	return 0;
}

static void no_windows(struct ub_event *head)
{
	(void) head;
}

static void no_windows_bits(struct ub_event *head, int bits)
{
	(void) head, (void) bits;
}

static struct ub_event_vmt event_methods = {
	.add_bits = add_bits,
	.del_bits = del_bits,
	.set_fd = set_fd,
	.free = event_free,
	.add = event_add,
	.del = event_del,
	.add_timer = add_timer,
	.del_timer = del_timer,
	.add_signal = no_signal,
	.del_signal = no_signal_any_more,
	.winsock_unregister_wsaevent = no_windows,
	.winsock_tcp_wouldblock = no_windows_bits,
};

static struct ub_event *new_event(
    struct ub_event_base *base, int fd, short bits, void (*call)(int, short, void *), void *arg)
{
	struct event *e = calloc(1, sizeof(*e));
	if (e == NULL) {
		die("out of memory");
	}
	e->head = (struct ub_event) { UB_EVENT_MAGIC, &event_methods };
	e->loop = (struct dns_loop *) base;
	e->fd = fd;
	e->bits = bits;
	e->call = call;
	e->arg = arg;
	return (struct ub_event *) e;
}

static struct ub_event *new_signal(struct ub_event_base *base, int fd, void (*call)(int, short, void *), void *arg)
{
	(void) base, (void) fd, (void) call, (void) arg;
	return NULL;
}

static struct ub_event *new_wsaevent(
    struct ub_event_base *base, void *event, void (*call)(int, short, void *), void *arg)
{
	(void) base, (void) event, (void) call, (void) arg;
	return NULL;
}

static void base_free(struct ub_event_base *base)
{
	(void) base; /* dns_loop_free */
}

static int base_dispatch(struct ub_event_base *base)
{
	(void) base;
	return -1;
}

static int base_exit(struct ub_event_base *base, struct timeval *time)
{
	(void) base, (void) time;
	return 0;
}

static struct ub_event_base_vmt base_methods = {
	.free = base_free,
	.dispatch = base_dispatch,
	.loopexit = base_exit,
	.new_event = new_event,
	.new_signal = new_signal,
	.winsock_register_wsaevent = new_wsaevent,
};

struct dns_loop *dns_loop_new(void)
{
	struct dns_loop *l = calloc(1, sizeof(*l));
	if (l == NULL) {
		die("out of memory");
	}
	l->head = (struct ub_event_base) { UB_EVENT_MAGIC, &base_methods };
	l->due_us = INT64_MAX;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void dns_loop_free(struct dns_loop *l)
{
	if (l != NULL) {
		(void) close(l->epoll);
		free(l);
	}
}

struct ub_event_base *dns_loop_base(struct dns_loop *l)
{
	return &l->head;
}

int dns_loop_fd(const struct dns_loop *l)
{
	return l->epoll;
}

/* The call may free the event. */
static void serve(struct event *e, uint32_t found)
{
	short bits = 0;
	bits |= found & (EPOLLIN | EPOLLERR | EPOLLHUP) ? UB_EV_READ : 0;
	bits |= found & (EPOLLOUT | EPOLLERR | EPOLLHUP) ? UB_EV_WRITE : 0;
	if ((e->bits & UB_EV_PERSIST) == 0) {
		(void) event_del(&e->head);
	} else if (e->timed) {
		time_start(e, e->last_us);
	}
	e->call(e->fd, bits & e->bits, e->arg);
}

/* One event after the other, for each may end events that the kernel has ready behind it. */
void dns_loop_serve(struct dns_loop *l)
{
	struct epoll_event one;
	for (int i = 0; i < SERVED_MAX && epoll_wait(l->epoll, &one, 1, 0) == 1; i++) {
		serve(one.data.ptr, one.events);
	}
}

int64_t dns_loop_due_us(const struct dns_loop *l)
{
	return l->due_us;
}

static struct event *find_due(const struct dns_loop *l, int64_t now_us)
{
	struct event *e = l->timed;
	while (e != NULL && e->due_us > now_us) {
		e = e->next;
	}
	return e;
}

void dns_loop_time(struct dns_loop *l, int64_t now_us)
{
	if (now_us < l->due_us) {
		return;
	}
	/* A call may add and end any events; what it adds is due later than now_us. */
	for (struct event *e = find_due(l, now_us); e != NULL; e = find_due(l, now_us)) {
		time_stop(e);
		e->call(e->fd, UB_EV_TIMEOUT, e->arg);
	}
	l->due_us = INT64_MAX;
	for (const struct event *e = l->timed; e != NULL; e = e->next) {
		l->due_us = e->due_us < l->due_us ? e->due_us : l->due_us;
	}
}
