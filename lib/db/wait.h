/* How a connection to PostgreSQL waits for its socket, until a deadline or until somebody breaks it off. Inside lib/db. */
#ifndef CAIRN_DB_WAIT_H
#define CAIRN_DB_WAIT_H

#include <stdbool.h>
#include <stdint.h>

/* Waits until one of the events of poll(2) has come; false at the deadline (of clock_monotonic_us), or after db_halt. */
bool db_wait_socket(int fd, short events, int64_t deadline_us);

/* What db_halt broke off is done with: the next wait is a whole one. */
void db_wait_on(void);

#endif
